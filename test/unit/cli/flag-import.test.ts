/** `tidegate flag import`: what is brought in, what is told of the rest, and what is never overwritten. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { flagReceipt, flagView } from './flag-samples.ts';
import { tidegateHere } from './in-process.ts';
import { json, type Script, scriptedAdmin } from './tidegate.ts';

const EXPORTS = 'config/examples/flags/exports';
const PRODUCTS = ['unleash', 'growthbook', 'flagd'] as const;

type Test = Pick<typeof t, 'teardown'>;

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  const run = (...words: readonly string[]) => tidegateHere(['flag', 'import', ...words, '--admin', api.url]);
  return { seen: api.seen, run };
}

const nobody = { url: 'http://127.0.0.1:9' };
const dry = (...words: readonly string[]) => tidegateHere(['flag', 'import', ...words, '--admin', nobody.url]);

t.test('a dry run tells whom each flag would be on for and what has no counterpart, and asks nobody', async (t) => {
  const { code, out, err } = await dry('--from', 'unleash', `${EXPORTS}/unleash.json`, '--dry-run');
  t.same([code, err], [0, '']);
  t.equal(
    out,
    `2 flags from unleash
  one-page-checkout: whom a rule fits; 1 rule
  gift-cards: 10% of keys
    lost: featureStrategies[1]: the strategy byWeekday has no counterpart; it is left out
nothing is changed
`,
  );
});

for (const product of PRODUCTS) {
  t.test(`what --yaml prints of ${product} is a piece of the config file, with the account beside it`, async (t) => {
    const { code, out, err } = await dry('--from', product, `${EXPORTS}/${product}.json`, '--yaml');
    t.equal(code, 0);
    t.match(err, new RegExp(`^# [12] flags? from ${product}\n`));
    const text = `listeners: [{ address: 127.0.0.1:0 }]\nservices: { s: { pools: { p: { version: v1, endpoints: [127.0.0.1:1] } }, traffic: p } }
routes: [{ path: /, service: s }]\n${out}`;
    const { config, problems } = parseConfig(text, { file: 'x.yaml', env: {} });
    t.strictSame(problems.map(formatProblem), []);
    t.same([...config!.flags.keys()].sort(), Object.keys((parse(out) as { flags: object }).flags).sort());
  });
}

t.test('all flags are brought in by one call, with who and why', async (t) => {
  const { run, seen } = await admin(t, ({ method }, res) =>
    json(
      res,
      method === 'GET' ? { flags: [flagView()] } : { receipts: [flagReceipt(), flagReceipt({ stored: false })] },
    ),
  );
  const { code, out } = await run('--from', 'unleash', `${EXPORTS}/unleash.json`, '--reason', 'moving');
  t.equal(code, 0);
  t.match(out, /\n2 flags brought in\n {2}the state file did not take it yet/);
  t.same(
    seen.map(({ method, url }) => `${method} ${url}`),
    ['GET /api/flags', 'POST /api/flags/import'],
  );
  t.match(JSON.parse(seen[1]!.body), {
    flags: [
      { name: 'one-page-checkout', definition: { bucketing: 'unleash', salt: 'one-page-checkout' } },
      { name: 'gift-cards', definition: { strategy: 'percentage', value: 10 } },
    ],
  });
  t.equal(seen[1]!.headers['x-tidegate-reason'], 'moving');
});

t.test('a flag that is there already is replaced only if that is said', async (t) => {
  const { run, seen } = await admin(t, ({ method }, res) =>
    json(res, method === 'GET' ? { flags: [flagView({ name: 'gift-cards' })] } : { receipts: [flagReceipt()] }),
  );
  const words = ['--from', 'unleash', `${EXPORTS}/unleash.json`];
  const refused = await run(...words);
  t.equal(refused.code, 1);
  t.match(refused.err, 'there already: gift-cards; nothing is changed. --replace replaces them');
  t.equal(seen.length, 1);
  const replaced = await run(...words, '--replace', '--yes', '--json');
  t.equal(replaced.code, 0);
  t.match(JSON.parse(replaced.out), { receipts: [{}], notes: [{ kind: 'lost', flag: 'gift-cards' }] });
  t.equal(JSON.parse(seen[1]!.body).resalt, true);
});

t.test('a document that is none of the product ends with 1 and why; a file that is no JSON with 2', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-cli-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const [empty, broken, odd] = ['empty', 'broken', 'odd'].map((name) => join(directory, name));
  await writeFile(empty!, '{}');
  await writeFile(broken!, 'features:');
  await writeFile(odd!, '{"flags":{"a b\\u001b[2J":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}}}');
  const { run, seen } = await admin(t, (_, res) => json(res, {}));
  for (const product of PRODUCTS) {
    const { code, out } = await run('--from', product, empty!);
    t.equal(code, 1, product);
    t.match(out, new RegExp(`^0 flags from ${product}\n    NOT BROUGHT IN: this is no .*\nnothing is changed\n$`));
    t.equal((await run('--from', product, broken!)).code, 2);
    t.equal((await run('--from', product, join(directory, 'nowhere'))).code, 2);
  }
  const left = await run('--from', 'flagd', odd!);
  t.equal(left.code, 1);
  t.match(left.out, '0 flags from flagd, 1 left out\n  a b[2J: left out\n    NOT BROUGHT IN: ');
  t.equal(seen.length, 0);
  const both = await run('--from', 'flagd', odd!, '--yaml', '--json');
  t.equal(both.code, 2);
});
