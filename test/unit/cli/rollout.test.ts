/** `tidegate rollout` and `tidegate judge` as real processes: what is asked, what is printed, how they exit. */

import t from 'tap';
import { ended, explanation, forecast, rollout, verdictOf, WORSE } from './rollout-samples.ts';
import { json, type Script, scriptedAdmin, start, tidegate } from './tidegate.ts';

type Test = Pick<typeof t, 'teardown'>;

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

/** Answers a start with `begun`, and each look after it with the next of `looks`; the last one goes on. */
function course(begun: unknown, looks: readonly unknown[]): Script {
  let next = 0;
  return ({ method }, res) => {
    if (method === 'POST') return json(res, begun);
    json(res, looks[Math.min(next, looks.length - 1)]);
    next += 1;
  };
}

const BEGUN = rollout({ phase: 'verifying', step: 1, share: 0, elapsedMs: 0, reason: 'blue to green', verdict: null });

t.test('start sends the plan as the API has it, and says what began', async (t) => {
  const api = await admin(t, (_, res) => json(res, BEGUN));
  const plan = [
    '--plan',
    'canary',
    '--steps',
    '0.5%, 10%,100%',
    '--hold',
    '10m',
    '--bake',
    '90s',
    '--no-verify',
    '--again',
  ];
  const words = [
    'rollout',
    'start',
    'shop',
    '--to',
    'green',
    '--version',
    'v2.0',
    ...plan,
    '--max-failed-requests',
    '20',
  ];
  const { code, out, err } = await tidegate([...words, '--reason', 'release 2', '--admin', api.url]);
  t.same([code, err], [0, '']);
  t.equal(out, 'shop: rollout 12 to green (v2.0): verifying, step 1 of 3, green has 0%; blue to green\n');
  const seen = api.seen[0]!;
  t.equal(`${seen.method} ${seen.url}`, 'POST /api/services/shop/rollout');
  t.same(JSON.parse(seen.body), {
    to: 'green',
    version: 'v2.0',
    plan: 'canary',
    steps: [0.005, 0.1, 1],
    holdMs: 600_000,
    bakeMs: 90_000,
    maxFailedRequests: 20,
    verify: false,
    again: true,
  });
  t.match(seen.headers['x-tidegate-by'], /^cli(:.+)?$/);
  t.equal(seen.headers['x-tidegate-reason'], 'release 2');
});

t.test('start without options leaves everything to the file', async (t) => {
  const api = await admin(t, (_, res) => json(res, BEGUN));
  t.same(JSON.parse((await tidegate(['rollout', 'start', 'shop', '--json', '--admin', api.url])).out), BEGUN);
  t.equal(api.seen[0]!.body, '{}');
});

t.test('a start that is refused exits with 1 and says why', async (t) => {
  const error = { code: 'rolled-back-before', message: 'v2.0 was rolled back the last time', details: null };
  const api = await admin(t, (_, res) => json(res, { error }, 409));
  const { code, out, err } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.same([code, out, err], [1, '', 'tidegate: refused: v2.0 was rolled back the last time\n']);
});

t.test('start --wait prints a line for each change, and ends with 0 and the reason when it is promoted', async (t) => {
  const looks = [rollout({ step: 1, share: 0.01 }), rollout(), rollout(), ended('succeeded', 'the bake is over')];
  const api = await admin(t, course(BEGUN, looks));
  const { code, out, err } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.same([code, err], [0, '']);
  const lines = out.trimEnd().split('\n');
  t.match(lines[1], /^\d\d:\d\d:\d\dZ verifying, step 1 of 3: green 0%; blue to green$/);
  t.match(
    lines[2],
    /^\d\d:\d\d:\d\dZ holding, step 1 of 3: green 1%, .* left; waiting: 1 of 412.*\[errors .* of 100\]$/,
  );
  t.match(lines[3], /holding, step 2 of 3: green 10%/);
  t.equal(lines[4], 'shop: rollout 12 to green (v2.0) promoted: the bake is over');
  t.equal(lines.length, 5, 'what has not changed is not said again');
  t.equal(api.seen.at(-1)!.url, '/api/rollouts/12');
});

t.test('start --wait ends with 1 however else it ends, and the reason is the last line', async (t) => {
  for (const phase of ['rolled-back', 'aborted', 'failed', 'superseded'] as const) {
    const api = await admin(t, course(BEGUN, [ended(phase, WORSE.sentence)]));
    const { code, out } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
    t.equal(code, 1, phase);
    t.equal(
      out.trimEnd().split('\n').at(-1),
      `shop: rollout 12 to green (v2.0) ${phase.replace('-', ' ')}: ${WORSE.sentence}`,
    );
  }
});

t.test('start --wait --json prints one document, the rollout as it ended', async (t) => {
  const end = ended('rolled-back', 'worse');
  const api = await admin(t, course(BEGUN, [rollout(), end]));
  const { code, out } = await tidegate(['rollout', 'start', 'shop', '--wait', '--json', '--admin', api.url]);
  t.equal(code, 1);
  t.same(JSON.parse(out), end);
});

t.test('Ctrl-C during --wait leaves the rollout alone, says how to follow it, and exits with 130', async (t) => {
  const api = await admin(t, course(BEGUN, [rollout()]));
  const child = start(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  await child.until(/holding/);
  child.kill('SIGINT');
  const { code, out, err } = await child.done;
  t.same([code, err], [130, '']);
  t.match(out, /rollout 12 of shop goes on without this: `tidegate rollout status shop --watch` follows it.*\n$/);
  t.notOk(
    api.seen.slice(1).some(({ method }) => method === 'POST'),
    'nothing more is asked for',
  );
});

t.test('a wait goes on while Tidegate is away for a moment', async (t) => {
  let looks = 0;
  const api = await admin(t, ({ method }, res) => {
    if (method === 'POST') return json(res, BEGUN);
    looks += 1;
    if (looks < 3) return res.destroy();
    json(res, ended('succeeded', 'the bake is over'));
  });
  const { code, out, err } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 0);
  t.match(out, /promoted: the bake is over\n$/);
  t.match(err, /^tidegate: .* Asking on for a minute\.\n$/, 'said once');
});

t.test('a wait whose rollout is not kept any more says that its end is not known', async (t) => {
  const error = { code: 'no-rollout', message: 'no rollout 12 is kept', details: null };
  const api = await admin(t, ({ method }, res) => (method === 'POST' ? json(res, BEGUN) : json(res, { error }, 404)));
  const { code, err } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 1);
  t.match(err, 'what became of rollout 12 is not known: no rollout 12 is kept');
});

t.test('a rollout that is queued is waited for and then followed under its own number', async (t) => {
  const before = rollout({ id: 11, isQueued: true });
  let asked = 0;
  const api = await admin(t, ({ method, url }, res) => {
    if (method === 'POST') return json(res, before);
    if (url === '/api/rollouts/12') return json(res, ended('succeeded', 'the bake is over'));
    asked += 1;
    json(res, asked === 1 ? before : rollout());
  });
  const { code, out } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 0);
  t.match(out, /^waits for the end of another one: shop: rollout 11/);
  t.match(out, /rollout 12 to green \(v2\.0\) promoted/);
});

t.test('a queued rollout that is not begun ends the wait with 1', async (t) => {
  const before = rollout({ id: 11, isQueued: true });
  const after = ended('rolled-back', 'worse', { id: 11 });
  const api = await admin(t, ({ method }, res) => json(res, method === 'POST' ? before : after));
  const { code, err } = await tidegate(['rollout', 'start', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 1);
  t.match(err, 'the rollout that waited for rollout 11 was not begun');
});

t.test(
  '--dry-run asks for the forecast of the very same order, and exits with 1 when a start would be refused',
  async (t) => {
    let answer = forecast();
    const api = await admin(t, (_, res) => json(res, answer));
    const words = ['rollout', 'start', 'shop', '--steps', '5%,100%', '--dry-run', '--wait', '--admin', api.url];
    const well = await tidegate(words);
    t.equal(well.code, 0);
    t.match(well.out, 'shop  blue to green (v2.0), canary: nothing is done');
    t.same(
      api.seen.map(({ method, url, body }) => `${method} ${url} ${body}`),
      ['POST /api/services/shop/rollout/forecast {"steps":[0.05,1]}'],
    );
    answer = forecast({ obstacle: { kind: 'refuse', message: 'frozen' } });
    t.equal((await tidegate(words)).code, 1);
    t.same(JSON.parse((await tidegate([...words, '--json'])).out), answer);
    answer = forecast({ obstacle: { kind: 'queue', message: 'it would wait' } });
    t.equal((await tidegate(words)).code, 0, 'waiting is no refusal');
  },
);

t.test('each command is sent as it is called, with its reason, and says where the rollout is then', async (t) => {
  const api = await admin(t, (_, res) =>
    json(res, rollout({ phase: 'paused', pausedBy: 'person', reason: 'paused by ann' })),
  );
  for (const name of ['promote', 'pause', 'resume', 'approve', 'abort']) {
    const { code, out } = await tidegate(['rollout', name, 'shop', '--reason', 'why', '--admin', api.url]);
    t.equal(code, 0, name);
    t.equal(out, 'shop: rollout 12 to green (v2.0): paused by hand, step 2 of 3, green has 10%; paused by ann\n');
    const seen = api.seen.at(-1)!;
    t.equal(`${seen.method} ${seen.url} ${seen.body}`, `POST /api/services/shop/rollout/${name} {}`);
    t.equal(seen.headers['x-tidegate-reason'], 'why');
  }
  await tidegate(['rollout', 'promote', 'shop', '--full', '--admin', api.url]);
  t.equal(api.seen.at(-1)!.body, '{"full":true}');
  t.equal((await tidegate(['rollout', 'pause', 'shop', '--full', '--admin', api.url])).code, 2);
});

t.test(
  'status exits with 0 while it is well or promoted, and with 1 when it is taken back or has ended otherwise',
  async (t) => {
    const cases = [
      [rollout(), 0],
      [rollout({ verdict: verdictOf([412, 9], [3_708, 5]) }), 1],
      [rollout({ phase: 'rolling-back' }), 1],
      [ended('succeeded', 'the bake is over'), 0],
      [ended('aborted', 'aborted by ann'), 1],
    ] as const;
    let view = cases[0][0];
    const api = await admin(t, (_, res) => json(res, view));
    for (const [one, expected] of cases) {
      view = one;
      const { code, out } = await tidegate(['rollout', 'status', 'shop', '--admin', api.url]);
      t.equal(code, expected, one.phase);
      t.match(out, /^shop {2}rollout 12 to green \(v2\.0\), canary, by cli:ann/);
    }
    t.equal(api.seen[0]!.url, '/api/services/shop/rollout');
    t.same(JSON.parse((await tidegate(['rollout', 'status', 'shop', '--json', '--admin', api.url])).out), view);
  },
);

t.test('status --watch follows the rollout to its end, and its exit code is that of the end', async (t) => {
  const api = await admin(t, ({ url }, res) =>
    json(res, url === '/api/rollouts/12' ? ended('rolled-back', 'worse') : rollout()),
  );
  const { code, out } = await tidegate(['rollout', 'status', 'shop', '--watch', '--admin', api.url]);
  t.equal(code, 1);
  t.match(out, /rolled back: worse\n$/);
});

t.test('history lists each rollout with its reason below', async (t) => {
  const rollouts = [rollout(), ended('rolled-back', 'worse: 5 of 412', { id: 9 })];
  const api = await admin(t, (_, res) => json(res, { rollouts }));
  const { code, out } = await tidegate(['rollout', 'history', 'shop', '--limit', '5', '--admin', api.url]);
  t.equal(code, 0);
  t.equal(
    out,
    `ID  STARTED               VERSION  POOLS       PLAN            RAN  STATE
12  2026-01-31 12:00:00Z  v2.0     blue→green  canary  14 min 12 s  holding
    step 2 of 3: green has 10%
 9  2026-01-31 12:00:00Z  v2.0     blue→green  canary  14 min 12 s  rolled-back
    worse: 5 of 412
`,
  );
  t.equal(api.seen[0]!.url, '/api/services/shop/rollouts?limit=5');
  t.equal((await tidegate(['rollout', 'history', 'shop', '--limit', '0', '--admin', api.url])).code, 2);
});

t.test(
  'explain tells a rollout by its number or its service, and exits with 1 when the log does not agree',
  async (t) => {
    let answer = explanation();
    const api = await admin(t, ({ url }, res) => json(res, url.startsWith('/api/services/') ? rollout() : answer));
    const well = await tidegate(['rollout', 'explain', '12', '--admin', api.url]);
    t.equal(well.code, 0);
    t.match(well.out, 'each verdict is the recorded one, the last one to the last digit\n');
    t.match(well.out, /shop: rollout 12 to green \(v2\.0\) rolled back: .*\n$/);
    t.equal(api.seen[0]!.url, '/api/rollouts/12/explanation');
    await tidegate(['rollout', 'explain', 'shop', '--admin', api.url]);
    t.same(
      api.seen.slice(1).map(({ url }) => url),
      ['/api/services/shop/rollout', '/api/rollouts/12/explanation'],
    );
    answer = explanation({ agreement: { differing: 1, looks: [], isLastSame: true } });
    t.equal((await tidegate(['rollout', 'explain', '12', '--admin', api.url])).code, 1);
  },
);

t.test(
  'judge replay asks with the other settings, and exits with 1 when the candidate would be turned back',
  async (t) => {
    let answer = explanation({ agreement: null });
    const api = await admin(t, (_, res) => json(res, answer));
    const words = ['judge', 'replay', '12', '--margin', '1.5x', '--false-alarm', '0.1%', '--admin', api.url];
    const back = await tidegate(words);
    t.equal(back.code, 1);
    t.equal(api.seen[0]!.url, '/api/rollouts/12/explanation?margin=1.5&falseAlarm=0.001');
    t.match(back.out, /it would have been turned back after 9 s\n$/);
    t.notMatch(back.out, '  started', 'what was decided then is not what would be decided');
    answer = explanation({ agreement: null, turnedBackAtMs: null });
    const left = await tidegate(words);
    t.equal(left.code, 0);
    t.match(left.out, /it would not have been turned back; in the end: .*\n$/);
  },
);

t.test('wrong words are wrong usage: exit code 2, nothing is asked, and values are not repeated', async (t) => {
  const api = await admin(t, (_, res) => json(res, BEGUN));
  const calls = [
    ['rollout'],
    ['rollout', 'begin', 'shop'],
    ['rollout', 'start'],
    ['rollout', 'start', 'shop', '--plan', 'hunter2'],
    ['rollout', 'start', 'shop', '--steps', '1,2'],
    ['rollout', 'start', 'shop', '--hold', 'hunter2'],
    ['rollout', 'start', 'shop', '--bake', '5'],
    ['rollout', 'start', 'shop', '--max-failed-requests', '0'],
    ['judge'],
    ['judge', 'again'],
    ['judge', 'replay', '12', '--margin', '0.5x'],
    ['judge', 'replay', '12', '--false-alarm', '100%'],
  ];
  for (const words of calls) {
    const { code, out, err } = await tidegate(
      [...words, '--admin', api.url].slice(0, words.length === 1 ? 1 : undefined),
    );
    t.same([code, out], [2, ''], words.join(' '));
    t.notMatch(err, 'hunter2');
  }
  t.same(api.seen, []);
  t.match((await tidegate(['rollout', 'strat', 'shop'])).err, 'did you mean `tidegate rollout start`?');
  t.match((await tidegate(['rollout', '--help'])).out, 'promote');
  t.match((await tidegate(['rollout', 'start', '--help'])).out, '--max-failed-requests N');
  t.match((await tidegate(['judge', '--help'])).out, '--false-alarm SHARE');
});
