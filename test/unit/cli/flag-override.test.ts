/** `tidegate flag override`: what it signs, by which secret, and what it refuses to sign. */
import { join } from 'node:path';
import t from 'tap';
import type { FlagContextSpec } from '../../../src/flags/context-spec.ts';
import type { RequestHead } from '../../../src/http1/request-head.ts';
import { OverrideReader } from '../../../src/proxy/flag-override.ts';
import { createFlagTallyMemory, FlagTallyWriter } from '../../../src/stats/flag-tally.ts';
import { tidegateHere } from './in-process.ts';

const SECRET = 'a-secret-for-testers';
const directory = t.testdir({
  'secret.txt': `${SECRET}\n`,
  'empty.txt': '\n',
  'tidegate.yaml': configWith(`overrides: { secret: "\${TESTERS}", header: X-Choose, cookie: choose }`),
  'none.yaml': configWith('baggage: true'),
  'broken.yaml': 'routes: 7',
  'odd.yaml': configWith(`overrides: { secret: "\${TESTERS}", cookie: "a b" }`),
});
const at = (file: string): string => join(directory, file);
const sign = (...words: readonly string[]) =>
  tidegateHere(['flag', 'override', ...words], { env: { TESTERS: SECRET, TIDEGATE_ENV: '' } });
const ofConfig = (...words: readonly string[]) => sign(...words, '--config', at('tidegate.yaml'));

function configWith(context: string): string {
  return `
listeners: [{ address: 127.0.0.1:0 }]
services: { shop: { pools: { main: { version: v1, endpoints: [127.0.0.1:3001] } } } }
routes: [{ service: shop, flags: [new-checkout, button] }]
flags:
  new-checkout: { strategy: all }
  button: { strategy: variants, variants: { grey: {}, blue: { weight: 1 } }, offVariant: grey }
  unrouted: { strategy: all }
flagContext: { ${context} }
`;
}

/** What the proxy makes of a choice at a moment. */
function read(choice: string, nowMs: number): ReadonlyMap<string, string> | null {
  const spec: NonNullable<FlagContextSpec['overrides']> = { header: 'x-choose', cookie: null, secret: SECRET };
  const reader = new OverrideReader(spec, new FlagTallyWriter(createFlagTallyMemory(1), 0));
  return reader.read({ field: () => choice } as unknown as RequestHead, nowMs);
}

t.test('the proxy believes what it signs, for as long as it says', async (t) => {
  const beganAt = Date.now();
  const { code, out, err } = await ofConfig('new-checkout=on', 'button=blue', '--for', '30m');
  t.equal(code, 0);
  t.match(out, /^[\w-]+\.[\w-]+\n$/, 'nothing else on standard output');
  t.match(err, /^to be sent in the header x-choose or the cookie choose, until \d{4}-/);
  const choice = out.trim();
  t.strictSame(
    [...read(choice, beganAt)!],
    [
      ['new-checkout', 'on'],
      ['button', 'blue'],
    ],
  );
  t.ok(read(choice, beganAt + 29 * 60_000));
  t.equal(read(choice, beganAt + 31 * 60_000), null);
});

t.test('a secret alone is enough, and then nothing is looked up', async (t) => {
  const { code, out, err } = await sign('any=thing', '--secret-file', at('secret.txt'));
  t.equal(code, 0, err);
  t.strictSame([...read(out.trim(), Date.now())!], [['any', 'thing']]);
  t.match(err, /the header that the config names, until/);
});

t.test('as JSON it says where to send it', async (t) => {
  const { out } = await ofConfig('button=grey', '--json');
  t.match(JSON.parse(out), { header: 'x-choose', cookie: 'choose', flags: { button: 'grey' }, expires: /Z$/ });
});

t.test('what nobody would ever get is not signed', async (t) => {
  for (const [words, why] of [
    [['old-checkout=on'], /there is no flag old-checkout; allowed: new-checkout, button, unrouted\n$/],
    [['constructor=on'], /there is no flag constructor/],
    [['button=red'], /button has no variant red; allowed: grey, blue\n$/],
    [['unrouted=on'], /no route names unrouted/],
  ] as const) {
    const { code, out, err } = await ofConfig(...words);
    t.same([code, out], [1, ''], words.join(' '));
    t.match(err, why);
  }
  for (const [file, why] of [
    ['none.yaml', /has no secret/],
    ['broken.yaml', /broken\.yaml:1:/],
    ['missing.yaml', /there is no such file/],
  ] as const) {
    const { code, err } = await sign('button=blue', '--config', at(file));
    t.equal(code, 1, file);
    t.match(err, why);
  }
  for (const file of ['empty.txt', 'missing.txt'])
    t.match(await sign('a=b', '--secret-file', at(file)), { code: 1, out: '' }, file);
});

t.test('words that choose nothing are wrong usage', async (t) => {
  for (const words of [
    [],
    ['new-checkout'],
    ['=on'],
    ['new-checkout='],
    ['button=blue', 'button=grey'],
    ['button=blue', '--for', 'long'],
    ['button=blue', '--for', '0s'],
    ['button=blue', '--for', '721h'],
    ['button=blue', '--secret-file', at('secret.txt')],
  ]) {
    t.match(await ofConfig(...words), { code: 2, out: '' }, words.join(' '));
  }
  const long = `flag=${'x'.repeat(4000)}`;
  t.match(await sign(long, '--secret-file', at('secret.txt')), { code: 2, err: /is not read/ });
});

t.test('the secret is on neither stream', async (t) => {
  for (const { out, err } of [await ofConfig('button=blue'), await sign('button=blue', '--config', at('odd.yaml'))])
    t.notMatch(out + err, SECRET);
});
