/** `tidegate flag`: what its words ask of the API, what it makes of the answers, and how it exits. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { explain } from '../../../src/flags/explanation.ts';
import { PlainContext } from '../../../src/flags/plain-context.ts';
import { flagOf, NOW_MS, ruleOf } from '../flags/flag-of.ts';
import { flagReceipt, flagView, GLANCE, stand } from './flag-samples.ts';
import { tidegateHere } from './in-process.ts';
import { WAITING } from './rollout-samples.ts';
import { json, type Script, type Seen, scriptedAdmin, tidegate } from './tidegate.ts';

type Test = Pick<typeof t, 'teardown'>;

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  const run = (...words: readonly string[]) => tidegateHere(['flag', ...words, '--admin', api.url]);
  return { seen: api.seen, url: api.url, run };
}

/** An API with one flag, which answers every change with a receipt. */
function oneFlag(view = flagView()): Script {
  return ({ method }, res) => json(res, method === 'GET' ? view : flagReceipt());
}

const noFlag: Script = ({ method }, res) => {
  if (method !== 'GET') return json(res, flagReceipt({ from: null }));
  json(res, { error: { code: 'unknown-flag', message: 'there is no flag x', details: null } }, 404);
};

const asked = ({ method, url }: Seen): string => `${method} ${url}`;

const RAMP = { from: 5, to: 50, start: '2026-12-01T09:00:00Z', over: '3h' };

t.test('list shows whom each flag is on for, and since when', async (t) => {
  const flags = [
    flagView(),
    flagView({ name: 'dark-mode', definition: { strategy: 'all' }, share: null, killed: true }),
    flagView({
      name: 'buy-button',
      definition: { strategy: 'variants', variants: { green: { weight: 1 }, blue: {} }, rules: [{ strategy: 'none' }] },
      share: 40,
      since: { at: '2026-01-31T12:00:00.000Z', by: 'file', how: 'file', reason: '' },
    }),
    flagView({ name: 'beta', definition: { strategy: 'users', value: ['alice'] }, share: null }),
    flagView({
      name: 'gamma',
      definition: { strategy: 'none', environments: { staging: { strategy: 'all' } } },
      environment: 'staging',
      share: null,
    }),
    flagView({ name: 'delta', definition: { strategy: 'none', rules: [{ strategy: 'all' }] }, share: null }),
    flagView({
      name: 'ruled',
      definition: { strategy: 'users', value: [], rules: [{ strategy: 'all' }, { strategy: 'none' }] },
      share: null,
    }),
    flagView({ name: 'rising', definition: { strategy: 'percentage', ramp: RAMP }, share: 0 }),
    flagView({
      name: 'drawn',
      definition: { strategy: 'variants', variants: { a: {}, b: {} }, ramp: RAMP },
      share: 100,
    }),
    flagView({ name: 'lost', problem: 'it needs new-nav, and there is none' }),
  ];
  const { run, seen } = await admin(t, (_, res) => json(res, { flags }));
  const { code, out, err } = await run('list');
  t.same([code, err], [0, '']);
  t.equal(
    out,
    `FLAG          REV  SINCE             ON FOR
new-checkout   12  2026-01-31 12:00  5% of keys
dark-mode      12  2026-01-31 12:00  KILLED (else everybody)
buy-button     12  2026-01-31 12:00  green 1 : blue 1, of 40% of keys; 1 rule
beta           12  2026-01-31 12:00  1 key
gamma          12  2026-01-31 12:00  everybody
delta          12  2026-01-31 12:00  nobody; 1 rule not asked
ruled          12  2026-01-31 12:00  whom a rule fits; 2 rules
rising         12  2026-01-31 12:00  5% to 50% of keys by a ramp
drawn          12  2026-01-31 12:00  a 1 : b 1, of 5% to 50% of keys by a ramp
lost           12  2026-01-31 12:00  nobody: it needs new-nav, and there is none
`,
  );
  t.equal(asked(seen[0]!), 'GET /api/flags');
  const empty = await admin(t, (_, res) => json(res, { flags: [] }));
  t.equal((await empty.run('list')).out, 'there is no flag\n');
  const long = flagView({ problem: `it needs ${'x'.repeat(100)}` });
  const whole = await admin(t, (_, res) => json(res, { flags: [long] }));
  t.match((await whole.run('list')).out, `it needs ${'x'.repeat(100)}\n`, 'a pipe has no width, and nothing is cut');
});

t.test('list and get show where the rollout of a flag is while one runs', async (t) => {
  const view = flagView({ rollout: GLANCE });
  const { run } = await admin(t, ({ url }, res) => json(res, url === '/api/flags' ? { flags: [view] } : view));
  const { out } = await run('list');
  t.match(out, '5% of keys; rollout 5 holding 2/4\n');
  t.match(
    (await run('get', 'new-checkout')).out,
    '  now       rollout 5 to treatment (8238b716): holding step 2 of 4, 5%, 5 min 48 s left; step 2 of 4: treatment has 5%\n',
  );
  const odd = await admin(t, (_, res) => json(res, { flags: [{ ...view, rollout: { id: 'five' } }] }));
  t.equal((await odd.run('list')).code, 3, 'what is no rollout is no answer of a Tidegate');
});

t.test('get shows a flag with its definition as it would stand in the file', async (t) => {
  const definition = { strategy: 'percentage', value: 5, rules: [{ name: 'staff', strategy: 'all' }] } as const;
  const { run } = await admin(t, oneFlag(flagView({ definition, requiredBy: ['pay'], stored: false })));
  const { code, out } = await run('get', 'new-checkout');
  t.equal(code, 0);
  t.equal(
    out,
    `new-checkout  revision 12: 5% of keys; 1 rule
  since     2026-01-31 12:00:00Z, set by cli:ann: first users
  file      changed since the file said otherwise
  routes    shop
  needed by pay
  ! the state file did not take it yet: a restart now would forget it
  new-checkout:
    strategy: percentage
    value: 5
    rules:
      - name: staff
        strategy: all
`,
  );
  t.same(JSON.parse((await run('get', 'new-checkout', '--json')).out).definition, definition);
});

t.test('get shows what the guard of a flag says, both arms in each version, and whom it would blame', async (t) => {
  const verdict = { ...WAITING, sentence: 'waiting: for more' };
  const tally = (requests: number, bad: number) => ({ requests, bad });
  const table = [{ service: 'shop', pool: 'blue', version: 'v1', treatment: tally(200, 3), control: tally(190, 0) }];
  const release = {
    service: 'shop',
    active: 'blue',
    candidate: 'green',
    version: 'v2',
    blame: 'flag',
    text: 'it is the flag',
  } as const;
  const guard = {
    rests: null,
    since: '2026-01-31T12:00:00.000Z',
    control: 'equal',
    part: 0.5,
    dryRun: true,
    verdict,
    unheard: 0,
    table,
    releases: [release],
  } as const;
  const { out } = await (await admin(t, oneFlag(flagView({ guard })))).run('get', 'new-checkout');
  t.match(out, 'guard (dry run: kills nothing): waiting: for more\n');
  t.match(out, 'compared with as many: 50% of both arms treated, evidence since 2026-01-31 12:00:00Z');
  t.match(out, 'shop/blue (v1): treatment 3 of 200 (1.5%) failed, control 0 of 190 (0%)');
  t.match(out, 'if it were found worse now: it is the flag');
  const full = { ...guard, control: 'others', part: 0.05, unheard: 1200 } as const;
  const others = (await (await admin(t, oneFlag(flagView({ guard: full })))).run('get', 'new-checkout')).out;
  t.match(others, 'compared with all others: 5% of both arms treated');
  t.match(others, '1,200 bad events not counted: its memory of who has spoken is full');
  const killed = { ...guard, dryRun: false, rests: 'the flag is killed', releases: [] };
  t.match(
    (await (await admin(t, oneFlag(flagView({ guard: killed })))).run('get', 'new-checkout')).out,
    'guard: rests: the flag is killed\n',
  );
});

t.test('set sends what the words name and nothing else', async (t) => {
  for (const [words, body] of [
    [['--percentage', '5'], { strategy: 'percentage', value: 5 }],
    [['--percentage', '0.001%'], { strategy: 'percentage', value: 0.001 }],
    [['--users', 'alice, bob'], { strategy: 'users', value: ['alice', 'bob'] }],
    [['--all', '--description', 'for all'], { description: 'for all', strategy: 'all' }],
    [['--none'], { strategy: 'none' }],
    [['--salt', 'v2'], { salt: 'v2' }],
  ] as const) {
    const { run, seen } = await admin(t, oneFlag());
    const { code, out, err } = await run(
      'set',
      'new-checkout',
      ...words,
      '--reason',
      'first users',
      '--if-match',
      '12',
    );
    t.same([code, err], [0, ''], words.join(' '));
    t.equal(out, 'new-checkout: 5% of keys → 25% of keys at revision 13, in 0.4 ms\n');
    t.equal(seen.map(asked).join(), 'POST /api/flags/new-checkout');
    t.same(JSON.parse(seen[0]!.body), body);
    t.equal(seen[0]!.headers['x-tidegate-reason'], 'first users');
    t.equal(seen[0]!.headers['if-match'], '"12"');
    t.match(seen[0]!.headers['x-tidegate-by'], /^cli/);
  }
});

t.test(
  'variants are set among those that there are: nobody loses a value or a pool, and who is not named gets none',
  async (t) => {
    const variants = {
      control: { weight: 9, value: 'old' },
      treatment: { value: 'new', pool: 'canary' },
      third: { weight: 1 },
    };
    const view = flagView({ definition: { strategy: 'variants', variants }, share: 100 });
    const { run, seen } = await admin(t, oneFlag(view));
    const words = ['--variants', 'control=50,treatment=50', '--enrol', '20', '--value', 'treatment={"page":2}'];
    t.equal((await run('set', 'new-checkout', ...words)).code, 0);
    t.same(seen.map(asked), ['GET /api/flags/new-checkout', 'POST /api/flags/new-checkout']);
    t.same(JSON.parse(seen[1]!.body), {
      strategy: 'variants',
      value: 20,
      variants: {
        control: { weight: 50, value: 'old' },
        treatment: { weight: 50, value: { page: 2 }, pool: 'canary' },
        third: { weight: 0 },
      },
    });
    t.equal(seen[1]!.headers['if-match'], '"12"', 'of what was read, and of nothing that came between');
  },
);

t.test('a new flag is made by the same words; a value that is no JSON is a text', async (t) => {
  const { run, seen } = await admin(t, noFlag);
  const { out } = await run('set', 'x', '--percentage', '10', '--value', 'on=new', '--value', 'off="old"');
  t.match(out, /^new-checkout: new, 25% of keys at revision 13/);
  t.same(JSON.parse(seen[1]!.body), { strategy: 'percentage', value: 10, on: 'new', off: 'old' });
  t.equal(seen[1]!.headers['if-match'], undefined);
});

t.test('a file is the whole definition: what it does not say is taken away', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-cli-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const [yaml, text, list] = ['a.yaml', 'b.json', 'c.yaml'].map((name) => join(directory, name));
  await writeFile(yaml!, 'strategy: users\nvalue: [alice]\n');
  await writeFile(text!, '{"strategy":"all"}');
  await writeFile(list!, '- a\n');
  const view = flagView({ definition: { strategy: 'percentage', value: 5, rules: [{ strategy: 'all' }] } });
  const { run, seen } = await admin(t, oneFlag(view));
  await run('set', 'new-checkout', '--file', yaml!);
  t.same(JSON.parse(seen[1]!.body), { strategy: 'users', value: ['alice'], rules: null });
  await run('set', 'new-checkout', '--file', text!);
  t.same(JSON.parse(seen[3]!.body), { strategy: 'all', value: null, rules: null });
  for (const words of [
    ['--file', list!],
    ['--file', join(directory, 'nowhere')],
    ['--file', yaml!, '--percentage', '5'],
  ]) {
    const { code, err } = await run('set', 'new-checkout', ...words);
    t.equal(code, 2, err);
    t.match(err, /holds no definition|cannot be read \(ENOENT\)|--percentage cannot be beside it/);
  }
  t.equal(seen.length, 4);
});

t.test('words that make no sense end with 2, and nothing is asked', async (t) => {
  const { run, seen } = await admin(t, oneFlag());
  for (const words of [
    ['set', 'x'],
    ['set', '--percentage', '5'],
    ['set', 'x', '--percentage', '101'],
    ['set', 'x', '--percentage', '0.0001'],
    ['set', 'x', '--percentage', 'half'],
    ['set', 'x', '--percentage', '5', '--all'],
    ['set', 'x', '--percentage', '5', '--enrol', '20'],
    ['set', 'x', '--users', 'a,,b'],
    ['set', 'x', '--variants', 'a=1,a=2'],
    ['set', 'x', '--variants', 'a=-1'],
    ['set', 'x', '--variants', 'a=0.5'],
    ['set', 'x', '--value', '=1'],
    ['set', 'x', '--all', '--if-match', 'new'],
    ['kill'],
    ['kill', 'x', 'y'],
    ['kill', 'x', '--percentage', '5'],
    ['preview', 'x'],
    ['preview', 'x', '--set', 'colour=red'],
    ['preview', 'x', '--set', 'percentage'],
    ['preview', 'x', '--set', 'all=1'],
    ['list', 'x'],
    ['explain', 'x', '--context', '{'],
    ['explain', 'x', '--context', '[]'],
    ['import', 'a.json'],
    ['import', '--from', 'excel', 'a.json'],
    ['murder', 'x'],
    [],
  ]) {
    const { code, out } = await run(...words);
    t.same([code, out], [2, ''], words.join(' '));
  }
  t.equal(seen.length, 0);
  t.match((await run('murder', 'x')).err, '`tidegate flag --help` lists them');
  t.match((await run('kil', 'x')).err, 'did you mean `tidegate flag kill`?');
});

t.test('an enrolment is for variants, and no other word for a percentage', async (t) => {
  const variants = { a: {}, b: {} };
  const drawn = await admin(t, oneFlag(flagView({ definition: { strategy: 'variants', variants } })));
  t.equal((await drawn.run('set', 'new-checkout', '--enrol', '20')).code, 0);
  t.same(JSON.parse(drawn.seen.at(-1)!.body), { value: 20 });
  const { run, seen } = await admin(t, oneFlag());
  const { code, err } = await run('set', 'new-checkout', '--enrol', '20');
  t.equal(code, 2);
  t.match(err, '--enrol is for variants, and this flag has none: say --percentage');
  t.same(seen.map(asked), ['GET /api/flags/new-checkout']);
});

t.test('a variant that there is not is refused with those that there are', async (t) => {
  const { run, seen } = await admin(
    t,
    oneFlag(flagView({ definition: { strategy: 'variants', variants: { a: {} } } })),
  );
  const { code, err } = await run('set', 'new-checkout', '--value', 'b=1');
  t.equal(code, 2);
  t.match(err, '--value b: there is no such variant; allowed: a');
  t.equal(seen.length, 1, 'it was looked at and not changed');
});

t.test('kill, restore and delete say what came of them', async (t) => {
  const answers: Record<string, unknown> = {
    'POST /api/flags/new-checkout/kill': flagReceipt({ how: 'kill', to: stand({ killed: true }), stored: false }),
    'POST /api/flags/new-checkout/restore': flagReceipt({ how: 'restore', from: stand({ killed: true }), to: stand() }),
    'DELETE /api/flags/new-checkout': flagReceipt({ how: 'remove', to: null }),
    'POST /api/flags/new-checkout': flagReceipt({ to: stand({ killed: true }) }),
  };
  const { run } = await admin(t, (seen, res) => json(res, answers[asked(seen)]));
  const said = async (...words: readonly string[]) => (await run(...words)).out;
  t.equal(
    await said('kill', 'new-checkout', '--reason', 'errors'),
    `new-checkout: killed at revision 13, in 0.4 ms; from now on every request gets the off value
  the state file did not take it yet: a restart now would forget it
`,
  );
  t.equal(await said('restore', 'new-checkout'), 'new-checkout: restored at revision 13, in 0.4 ms: 5% of keys\n');
  t.equal(await said('delete', 'new-checkout'), 'new-checkout: removed at revision 13, in 0.4 ms\n');
  t.match(
    await said('set', 'new-checkout', '--all'),
    /; it is killed, and stays so until `tidegate flag restore new-checkout`\n$/,
  );
});

t.test('a refusal ends with 1 and its sentence; one because of other buckets says how it is meant', async (t) => {
  const error = {
    code: 'resalt',
    message: 'another salt puts the users of x into other buckets: say "resalt": true if that is meant',
  };
  const { run, seen } = await admin(t, (_, res) => json(res, { error }, 409));
  const { code, out, err } = await run('set', 'x', '--salt', 'v2');
  t.same([code, out], [1, '']);
  t.match(err, /^tidegate: refused: another salt .*; here that is --yes, and `tidegate flag preview` says how many\n$/);
  t.equal(JSON.parse((await run('set', 'x', '--salt', 'v2', '--json')).out).error.code, 'resalt');
  await run('set', 'x', '--salt', 'v2', '--yes');
  t.not(asked(seen[0]!), asked(seen[2]!), 'and --yes says so to Tidegate');
});

t.test('whoever needs a token is told how to say it', async (t) => {
  const error = { code: 'unauthorized', message: 'This call needs Authorization: Bearer <token>.' };
  const { run } = await admin(t, (_, res) => json(res, { error }, 401));
  const { code, out, err } = await run('kill', 'x');
  t.same([code, out], [1, '']);
  t.equal(err, `tidegate: refused: ${error.message} It is said by --token TOKEN or TIDEGATE_TOKEN.\n`);
});

t.test('history lists each change with its reason, newest first as it comes', async (t) => {
  const receipts = [
    flagReceipt({ revision: 14, how: 'remove', to: null }),
    flagReceipt({ revision: 13, reason: 'a tenth was well\u001b[2J', by: 'cli:bob' }),
    flagReceipt({ revision: 12, from: null, to: stand({ killed: true }), how: 'kill' }),
  ];
  const { run, seen } = await admin(t, (_, res) => json(res, { receipts }));
  const { out } = await run('history', 'new-checkout');
  t.equal(
    out,
    `REV  AT                    HOW     BY       ON FOR
 14  2026-01-31 12:00:00Z  remove  cli:ann  removed
 13  2026-01-31 12:00:00Z  set     cli:bob  25% of keys
     a tenth was well[2J
 12  2026-01-31 12:00:00Z  kill    cli:ann  KILLED (else 5% of keys)
`,
  );
  t.equal(asked(seen[0]!), 'GET /api/flags/new-checkout/history');
});

t.test(
  'explain asks for the key and whatever else is known, and tells it in the words of the explanation',
  async (t) => {
    const flag = flagOf({
      strategy: { kind: 'percentage', share: 50_000 },
      rules: [ruleOf({ name: 'staff', when: [{ attribute: 'team', negate: false, test: { kind: 'exists' } }] })],
    });
    const evaluator = new FlagEvaluator([flag]);
    const { run, seen } = await admin(t, ({ body }, res) => {
      const { context } = JSON.parse(body) as { readonly context: Record<string, unknown> };
      json(res, explain(evaluator.flagAt(0), new PlainContext(context), NOW_MS));
    });
    const { code, out } = await run('explain', 'new-checkout', '--key', 'alice', '--context', '{"country":"DE"}');
    t.equal(code, 0);
    t.equal(asked(seen[0]!), 'POST /api/flags/new-checkout/explain');
    t.same(JSON.parse(seen[0]!.body), { context: { country: 'DE', targetingKey: 'alice' } });
    t.equal(
      out,
      `new-checkout for alice, as of r1
  rule staff does not fit: it wants that team is there, and it is not there
  alice is at 5720 of 100000, below 50000: in at the share of 50%
  so it is on, true (SPLIT)
  by hand: murmur3_x86_32, seed 0 of "new-checkout:alice" is 245690840, which is 5720 of 100000
`,
    );
    const nobody = await run('explain', 'new-checkout');
    t.match(nobody.out, /^new-checkout for somebody without a key, as of r1\n[\s\S]*TARGETING_KEY_MISSING\)\n$/);
    t.match(JSON.parse((await run('explain', 'new-checkout', '--key', 'alice', '--json')).out), {
      draw: { roll: 5720 },
    });
  },
);

t.test('it is a verb of the program: help by itself, and 3 when nobody is there', async (t) => {
  const gone = await scriptedAdmin(noFlag);
  await gone.close();
  const [help, verbs, away, empty] = await Promise.all([
    tidegate(['--help']),
    tidegate(['flag', '--help']),
    tidegate(['flag', 'kill', 'x', '--admin', gone.url]),
    tidegate(['flag', 'set', 'x', '--file', '-', '--admin', gone.url]),
  ]);
  t.match(help.out, /^ {2}flag +feature flags/m);
  t.match(verbs.out, /^usage: tidegate flag VERB/);
  for (const verb of ['list', 'get', 'set', 'kill', 'restore', 'delete', 'history', 'explain', 'preview', 'import']) {
    t.match(verbs.out, new RegExp(`^  ${verb} `, 'm'));
  }
  t.same([away.code, away.out], [3, '']);
  t.match(away.err, 'nothing listens');
  t.equal(empty.code, 2);
  t.match(empty.err, 'standard input holds no definition', 'what nobody says is no definition');
});

t.test('an answer of another shape is nobody that is understood', async (t) => {
  const { run } = await admin(t, (_, res) => json(res, { name: 'new-checkout' }));
  for (const words of [['list'], ['get', 'x'], ['kill', 'x'], ['history', 'x'], ['set', 'x', '--all']]) {
    t.equal((await run(...words)).code, 3, words.join(' '));
  }
});
