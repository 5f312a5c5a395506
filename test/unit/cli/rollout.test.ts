/** Starting, following and steering rollouts, as real processes: what is asked, what is printed, how they exit. */

import t from 'tap';
import { ended, forecast, rollout, WORSE } from './rollout-samples.ts';
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

const OF_FLAG = rollout({ service: 'flag new-nav', flag: 'new-nav', active: 'control', candidate: 'treatment' });

t.test('--flag asks for the rollout of a flag, by every verb', async (t) => {
  const api = await admin(t, ({ url }, res) => json(res, url.endsWith('rollouts') ? { rollouts: [OF_FLAG] } : OF_FLAG));
  const run = (...words: readonly string[]) => tidegate(['rollout', ...words, '--flag', 'new-nav', '--admin', api.url]);
  const begun = await run('start', '--steps', '5%,100%', '--again');
  t.same([begun.code, begun.err], [0, '']);
  t.match(begun.out, /^flag new-nav: rollout 12 to treatment \(v2\.0\): holding, step 2 of 3, treatment has 10%/);
  t.same(JSON.parse(api.seen[0]!.body), { steps: [0.05, 1], again: true });
  await run('promote', '--full');
  await run('status');
  await run('history');
  t.same(
    api.seen.map(({ method, url }) => `${method} ${url.split('?')[0]}`),
    [
      'POST /api/flags/new-nav/rollout',
      'POST /api/flags/new-nav/rollout/promote',
      'GET /api/flags/new-nav/rollout',
      'GET /api/flags/new-nav/rollouts',
    ],
  );
});

t.test('what means nothing for a flag is wrong usage', async (t) => {
  const wrong: readonly (readonly [words: readonly string[], says: string])[] = [
    [['start', '--to', 'green'], '--to does not go with --flag'],
    [['start', '--no-verify'], '--no-verify does not go with --flag'],
    [['start', '--max-failed-requests', '3'], '--max-failed-requests does not go with --flag'],
    [['start', 'shop'], 'a service, --group and --flag do not go together'],
    [['abort', '--group', 'suite'], 'a service, --group and --flag do not go together'],
  ];
  for (const [words, says] of wrong) {
    const { code, err } = await tidegate(['rollout', ...words, '--flag', 'new-nav', '--admin', 'http://127.0.0.1:1']);
    t.equal(code, 2, words.join(' '));
    t.match(err, says);
  }
});
