/** What is asked about rollouts that run or have ended, as real processes: status, history, explanations, replays, wrong words. */

import t from 'tap';
import { tidegateHere } from './in-process.ts';
import { ended, explanation, rollout, verdictOf } from './rollout-samples.ts';
import { json, type Script, scriptedAdmin, tidegate } from './tidegate.ts';

type Test = Pick<typeof t, 'teardown'>;

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

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
  'explain tells a rollout by its number, its service or its flag, and exits with 1 when the log does not agree',
  async (t) => {
    let answer = explanation();
    const api = await admin(t, ({ url }, res) =>
      json(res, /^\/api\/(?:services|flags)\//.test(url) ? rollout() : answer),
    );
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
    const before = api.seen.length;
    await tidegateHere(['rollout', 'explain', '--flag', 'new-checkout', '--admin', api.url]);
    t.same(
      api.seen.slice(before).map(({ url }) => url),
      ['/api/flags/new-checkout/rollout', '/api/rollouts/12/explanation'],
    );
    t.equal((await tidegateHere(['rollout', 'explain'])).code, 2);
    t.equal((await tidegateHere(['rollout', 'explain', '12', '--flag', 'x'])).code, 2);
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
  const api = await admin(t, (_, res) => json(res, rollout()));
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
