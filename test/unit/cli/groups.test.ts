/** `--group` on the command line, as real processes, and the card of a group. */
import t from 'tap';
import { groupCard, groupEndLine } from '../../../src/cli/group-card.ts';
import { rolloutCard } from '../../../src/cli/rollout-card.ts';
import type { GroupView, RolloutView } from '../../../src/control/operations.ts';
import { ended, forecast, rollout } from './rollout-samples.ts';
import { json, type Script, scriptedAdmin, tidegate } from './tidegate.ts';

const STYLE = { width: 100, colour: false, unicode: true };
const MEMBERS = [
  { service: 'shop', rollout: 12 },
  { service: 'cart', rollout: 13 },
];

type Bond = NonNullable<RolloutView['group']>;

function bond(waitsFor: Bond['waitsFor'] = []): Bond {
  return { name: 'suite', members: MEMBERS, waitsFor };
}

function member(service: string, changes: Partial<RolloutView> = {}): RolloutView {
  const id = MEMBERS.find((one) => one.service === service)!.rollout;
  return rollout({ id, service, group: bond(), ...changes });
}

function view(rollouts: readonly RolloutView[], rest: Partial<GroupView> = {}): GroupView {
  return {
    group: 'suite',
    services: ['shop', 'cart'],
    rollouts,
    hasEnded: false,
    isPromoted: false,
    reason: 'on',
    ...rest,
  };
}

const WAITING = member('shop', {
  phase: 'stepping',
  group: bond([{ service: 'cart', phase: 'holding', reason: 'step 2 of 3: green has 10%' }]),
});
const BACK = ended('rolled-back', 'taken back with cart: worse: 5 of 10', {
  id: 12,
  service: 'shop',
  group: bond(),
  takenBackWith: 'cart',
});
const TURNED = ended('rolled-back', 'worse: 5 of 10', { id: 13, service: 'cart', group: bond() });

async function admin(t: { teardown: (work: () => unknown) => void }, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

t.test('a group is started, steered and shown by the calls of a group', async (t) => {
  const api = await admin(t, (_, res) => json(res, view([member('shop'), member('cart')])));
  const words = ['--group', 'suite', '--admin', api.url];
  const started = await tidegate(['rollout', 'start', '--to', 'green', '--again', ...words]);
  t.same([started.code, started.err], [0, '']);
  t.match(started.out, /^suite: shop green 10% \(holding, step 2 of 3\), cart green 10% .*; on\n$/);
  t.same(JSON.parse(api.seen[0]!.body), { to: 'green', again: true });
  t.equal((await tidegate(['rollout', 'promote', '--full', ...words])).code, 0);
  t.equal((await tidegate(['rollout', 'status', ...words])).code, 0);
  t.same(JSON.parse((await tidegate(['rollout', 'status', '--json', ...words])).out).group, 'suite');
  t.same(api.seen.map(({ method, url }) => `${method} ${url}`).slice(0, 3), [
    'POST /api/groups/suite/rollout',
    'POST /api/groups/suite/rollout/promote',
    'GET /api/groups/suite/rollout',
  ]);
  t.same(JSON.parse(api.seen[1]!.body), { full: true });
});

t.test('a service and a group do not go together, and neither does an epoch', async (t) => {
  for (const words of [
    ['start', 'shop', '--group', 'suite'],
    ['start'],
    ['abort'],
    ['status', 'shop', '--group', 'suite'],
    ['start', '--group', 'suite', '--if-epoch', '3'],
  ]) {
    const { code, err } = await tidegate(['rollout', ...words]);
    t.equal(code, 2, words.join(' '));
    t.match(err, /usage: tidegate rollout/);
  }
});

t.test('a wait for a group follows each by its number, and ends with the reason of the one that turned', async (t) => {
  let looks = 0;
  const api = await admin(t, ({ method, url }, res) => {
    if (method === 'POST') return json(res, view([member('shop'), member('cart')]));
    looks += 1;
    const isShop = url === '/api/rollouts/12';
    if (looks <= 2) return json(res, isShop ? WAITING : member('cart'));
    return json(res, isShop ? BACK : TURNED);
  });
  const words = ['rollout', 'start', '--group', 'suite', '--wait', '--admin', api.url];
  const { code, out, err } = await tidegate(words);
  t.same([code, err], [1, '']);
  const lines = out.trimEnd().split('\n');
  t.match(lines[1], /^shop {2}\d\d:\d\d:\d\dZ holding/);
  t.match(lines[2], /^cart {2}\d\d:\d\d:\d\dZ holding/);
  t.match(lines[3], /^shop {2}\d\d:\d\d:\d\dZ stepping, .*; waits for cart$/);
  t.same(lines.slice(4), [
    'shop: rollout 12 to green (v2.0) rolled back: taken back with cart: worse: 5 of 10',
    'cart: rollout 13 to green (v2.0) rolled back: worse: 5 of 10',
    'suite: not promoted: cart rolled back: worse: 5 of 10',
  ]);
});

t.test('a wait for a group ends with 0 only when all are promoted; in JSON it is one document', async (t) => {
  const done = (service: string): RolloutView =>
    ended('succeeded', 'the bake is over', { id: service === 'shop' ? 12 : 13, service, group: bond() });
  const api = await admin(t, ({ method, url }, res) => {
    if (method === 'POST') return json(res, view([member('shop'), member('cart')]));
    json(res, done(url === '/api/rollouts/12' ? 'shop' : 'cart'));
  });
  const { code, out } = await tidegate([
    'rollout',
    'start',
    '--group',
    'suite',
    '--wait',
    '--json',
    '--admin',
    api.url,
  ]);
  t.equal(code, 0);
  t.match(JSON.parse(out), { group: 'suite', isPromoted: true, rollouts: [{ id: 12 }, { id: 13 }] });
});

t.test(
  'a dry run of a group is the forecast of each; whatever is in the way of one is in the way of all',
  async (t) => {
    const obstacle = { kind: 'queue', message: 'a rollout runs' } as const;
    const api = await admin(t, (_, res) =>
      json(res, { group: 'suite', forecasts: [forecast(), forecast({ service: 'cart', obstacle })] }),
    );
    const { code, out } = await tidegate(['rollout', 'start', '--group', 'suite', '--dry-run', '--admin', api.url]);
    t.equal(code, 1);
    t.match(out, /^shop .*\ncart /ms);
    t.equal(api.seen[0]!.url, '/api/groups/suite/rollout/forecast');
  },
);

t.test('the card of a group has a line for each, whom it waits for, and the reason of all', async (t) => {
  const waits = groupCard('suite', [WAITING, member('cart')], STYLE);
  t.match(waits, /^suite {2}started by cli:ann/);
  t.match(waits, /\n {2}shop {4}rollout 12: green \(v2\.0\) 10%, stepping, step 2 of 3, waits for cart/);
  t.match(waits, /\n {2}now {5}shop waits for cart\n$/);
  const back = groupCard('suite', [BACK, TURNED], STYLE);
  t.match(back, /\n {2}end {5}not promoted: cart rolled back: worse: 5 of 10\n$/);
  for (const width of [20, 60, 200]) {
    for (const line of groupCard('suite', [WAITING, BACK], { ...STYLE, width }).split('\n')) t.ok(line.length <= 120);
  }
  const undone = { undone: 'rolled back by ana', takenBackWith: null };
  const done = (service: string, rest: Partial<RolloutView> = {}) => ended('succeeded', 'over', { service, ...rest });
  const shop = done('shop', { undone: 'taken back with cart: rolled back by ana', takenBackWith: 'cart' });
  const line = groupEndLine('suite', [shop, done('cart', undone)]);
  t.equal(line, 'suite: not promoted: cart was taken back after its success: rolled back by ana');
  t.equal(groupEndLine('suite', [done('shop'), done('cart')]), 'suite: promoted: shop, cart: all are promoted');
});

t.test(
  'the card of one says with whom it rolls, whom it waits for, what it is asked, and why it went back',
  async (t) => {
    t.match(
      rolloutCard(WAITING, STYLE, false),
      /\n {2}group +suite, with cart\n {2}waits +for cart \(holding, step 2 of 3/,
    );
    t.match(rolloutCard(BACK, STYLE, false), /\n {2}back +with cart\n/);
    const confirmation = {
      step: 3,
      why: 'status 503, it said "not yet"',
      leftMs: 90_000,
      onTimeout: 'rollback',
    } as const;
    const asked = rolloutCard(rollout({ phase: 'stepping', confirmation }), STYLE, false);
    t.match(asked, /\n {2}confirm +step 3 waits: status 503, it said "not yet"; 1 min 30 s left, then it goes back\n/);
    const undone = member('shop', { undone: 'taken back with cart: rolled back by ana' });
    t.match(rolloutCard(undone, STYLE, false), /\n {2}undone +taken back with cart: rolled back by ana\n/);
  },
);
