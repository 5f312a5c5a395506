// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** Values of the environment: how they come in, what they cannot do, and that they do not come out. */
import t from 'tap';
import { mask, resolvePlain, substitute, unmask } from '../../../src/config/environment.ts';
import { accept, complaints, LARGE, read, SMALL } from './texts.ts';

t.test('a mask has the length of what it hides and comes off again', async (t) => {
  const text = 'a: {b: ${X:-1, 2}, c: $${Y}, d: ${Z}} # ${1}';
  t.equal(mask(text).length, text.length);
  t.notMatch(mask(text), /\$\{[A-Z]/);
  t.equal(unmask(mask(text)), text);
});

t.test('a reference takes the value, the default where it is unset or empty, and an escape is literal', async (t) => {
  const env = { A: 'one', EMPTY: '' };
  const of = (text: string) => substitute(text, env).text;
  t.equal(of('x${A}y${A}'), 'xoneyone');
  t.equal(of('${B:-two}'), 'two');
  t.equal(of('${EMPTY:-two}'), 'two');
  t.equal(of('${EMPTY}'), '');
  t.equal(of('$${A}'), '${A}');
  t.same(substitute('${B} ${A} ${C}', env).missing, ['B', 'C']);
  t.same(substitute('${toString}', env).missing, ['toString'], 'what objects inherit is not in the environment');
});

t.test('a plain value from the environment is read again as YAML reads plain values', async (t) => {
  for (const [text, value] of [
    ['3', 3],
    ['-1.5e3', -1500],
    ['true', true],
    ['v1.0', 'v1.0'],
    ['127.0.0.1', '127.0.0.1'],
    ['', ''],
  ] as const) {
    t.equal(resolvePlain(text), value);
  }
  const text = `${SMALL}workers: \${W}\nlog: { level: \${L:-warn} }\n`;
  t.match(accept(text, { W: '3' }), { workers: 3, log: { level: 'warn' } });
  t.match(
    complaints(`${SMALL}workers: "\${W}"\n`, { W: '3' }),
    [/workers: \*\*\* is not allowed/],
    'in quotes it stays a text',
  );
  t.equal(accept(SMALL.replace('v1.0', '"${V}"'), { V: '7' }).services.get('shop')?.pools.get('blue')?.version, '7');
});

t.test('a value can never add structure to the file', async (t) => {
  const evil = 'x, y: 1}\nworkers: 9\nadmin: {address: 0.0.0.0:1}';
  const { config } = read(SMALL.replace('version: v1.0', 'version: ${V}'), { V: evil });
  t.equal(config, undefined, 'control characters are refused in a label');
  const state = accept(`${SMALL}state: \${S}\n`, { S: 'x, admin: {token: y}' });
  t.match(state, { state: 'x, admin: {token: y}', admin: { token: undefined } });
});

t.test('a missing variable is an error at its place, and references in keys do nothing', async (t) => {
  t.same(complaints(`${SMALL}state: \${NOPE}\n`), [
    't.yaml:9:8: state: the environment has no variable NOPE; allowed: a variable that is set, or ${NOPE:-default}',
  ]);
  t.match(complaints(`${SMALL}\${KEY}: 1\n`, { KEY: 'workers' }), [/"\$\{KEY\}" is not a known key/]);
  t.match(complaints(`${SMALL}state: \${1X}\n`), [/has a \$\{ that is no reference/]);
});

t.test('an empty token means none, and an empty preview token turns the preview off with a warning', async (t) => {
  t.equal(accept(LARGE).admin.token, undefined);
  const text = LARGE.replace(':-open', ':-');
  t.equal(accept(text).services.get('shop')?.preview, undefined);
  t.match(read(text).problems, [{ severity: 'warning', path: 'services.shop.preview.token' }]);
  t.match(complaints(LARGE.replace(', token: ${PREVIEW_TOKEN:-open}', '')), [/preview.token: is missing/]);
});

t.test('no error and no redacted text contains a secret', async (t) => {
  const secrets = { TIDEGATE_TOKEN: 'hunter2-admin', PREVIEW_TOKEN: 'hunter2-preview', ANY: 'hunter2-any' };
  const mistakes: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => text.replace('address: 127.0.0.1:9900', 'address: 0.0.0.0:9900'),
    (text) => text.replace('${TIDEGATE_TOKEN:-}', 'hunter2 with spaces'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'tokn: hunter2-misspelt'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: { value: hunter2-deep }'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: "hunter2" hunter2'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: !hunter2 x'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: *hunter2'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: |\n    hunter2-block\n    hunter2-more'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', '# was hunter2-literal\n  token: hunter2-literal'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: ${NONE:-hunter2-default}'),
    (text) => text.replace('token: ${TIDEGATE_TOKEN:-}', 'token: [hunter2'),
    (text) => text.replace('workers: auto', 'workers: ${ANY}'),
    (text) => text.replace('127.0.0.1:3001', '${ANY}'),
    (text) => text.replace('service: shop', 'service: ${ANY}'),
    (text) => text.replace("regex: '^/v[0-9]+/'", "regex: '(${ANY}'"),
    (text) => text.replace('name: tenants', 'name: ${ANY}').replace('{ host: shop', '{ name: ${ANY}, host: shop'),
    (text) => text.replace('level: info', 'level: ${ANY}'),
    (text) => text.replace('blue: 95', 'blue: ${ANY}'),
  ];
  for (const [index, mistake] of mistakes.entries()) {
    const text = mistake(LARGE);
    t.not(index > 0 && text === LARGE, true, `mistake ${index} is made`);
    const { problems, redacted } = read(text, secrets);
    t.notMatch(JSON.stringify(problems), /hunter2/, `errors of mistake ${index}`);
    t.notMatch(redacted, /hunter2/, `redacted text of mistake ${index}`);
  }
});

t.test('the redacted text keeps its lines and everything that is no secret', async (t) => {
  const { redacted } = read(LARGE, { TIDEGATE_TOKEN: 'secret-one' });
  t.equal(redacted.split('\n').length, LARGE.split('\n').length);
  t.match(redacted, '  token: ***\n');
  t.match(redacted, 'preview: { header: x-tidegate-pool, token: *** }');
  t.match(redacted, '# whose X-Forwarded-* to believe');
});
