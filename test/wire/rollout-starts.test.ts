/**
 * What begins a rollout, what keeps one from beginning, and what is left of one that has succeeded, with the whole of
 * Tidegate behind it.
 */
import t, { type Test } from 'tap';
import { isRefusal, type RolloutView } from '../../src/control/operations.ts';
import { until } from '../scenario/stage/until.ts';
import { OK } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

const BY_TEST = { by: 'test', reason: '', ifEpoch: null };
const START = { to: null, version: null, again: false };
const OK_LAST = OK.replace('\r\n', '\r\nConnection: close\r\n');
const UNSEEN = { before: false, after: false };

interface Stage {
  readonly rig: Rig;
  readonly next: Upstream;
  /** The last rollout, as it is now. */
  view(): RolloutView;
  /** Resolves when it is in this phase. */
  at(phase: RolloutView['phase']): Promise<RolloutView>;
  events(): readonly string[];
}

async function stage(t: Test, rollout: object, service: object = {}): Promise<Stage> {
  const next = await Upstream.open(t);
  const rig = await Rig.start(t, {
    pools: { next: { version: 'v2', endpoints: [next.address] } },
    service: { traffic: 'main', rollout: { hold: '1h', verify: UNSEEN, ...rollout }, ...service },
  });
  for (const upstream of [rig.upstream, next]) upstream.respond = ({ end }) => end.end(OK_LAST);
  const view = (): RolloutView => {
    const found = rig.plane.rollouts.view('app');
    if (isRefusal(found)) throw new Error(found.message);
    return found;
  };
  const at: Stage['at'] = async (phase) => {
    await until(`it is ${phase}`, () => {
      const found = rig.plane.rollouts.view('app');
      return !isRefusal(found) && found.phase === phase;
    });
    return view();
  };
  return { rig, next, view, at, events: () => rig.plane.eventsSince(0, 1_000).map(({ text }) => text) };
}

t.test('an edit of a version begins the rollout to its pool, and the reload says so', async (t) => {
  const { rig, at, events } = await stage(t, { trigger: 'version-change' });
  await rig.replaceInConfig('"v2"', '"v3"');
  const holding = await at('holding');
  t.match(holding, { candidate: 'next', version: 'v3', startedBy: 'file' });
  const { changes } = rig.plane.config().lastReload;
  t.match(changes, ['app.next: version v2→v3', 'app: the rollout of v3 to next has begun']);
  t.ok(events().some((text) => /^config applied: .*the rollout of v3 to next has begun$/.test(text)));
  rig.plane.rollouts.command('app', 'abort', BY_TEST);
  await at('aborted');
});

t.test('an edit of the active version begins nothing, and neither does any where nobody asked for it', async (t) => {
  const triggered = await stage(t, { trigger: 'version-change' });
  await triggered.rig.replaceInConfig('"v1"', '"v1.1"');
  t.match(triggered.rig.plane.config().lastReload.changes, [
    'app.main: version v1→v1.1',
    'app: no rollout of v1.1: main is the active pool, and its users have it already',
  ]);
  t.match(triggered.rig.plane.rollouts.view('app'), { code: 'no-rollout' });
  const manual = await stage(t, {});
  await manual.rig.replaceInConfig('"v2"', '"v3"');
  t.same(manual.rig.plane.config().lastReload.changes, ['app.next: version v2→v3']);
  t.match(manual.rig.plane.rollouts.view('app'), { code: 'no-rollout' });
});

t.test(
  'a newer version while one is on its way: the earlier goes back, and then it is as onNewVersion says',
  async (t) => {
    for (const onNewVersion of ['reject', 'queue'] as const) {
      const { rig, view, at } = await stage(t, { trigger: 'version-change', onNewVersion });
      await rig.replaceInConfig('"v2"', '"v3"');
      const first = await at('holding');
      await rig.replaceInConfig('"v3"', '"v4"');
      const said = rig.plane.config().lastReload.changes.at(-1);
      if (onNewVersion === 'reject') {
        t.match(said, /^app: no rollout of v4 to next: a rollout to next is rolling-back; end it first$/);
        t.match(await at('failed'), { id: first.id, reason: /next runs v4 now and not v3/ });
      } else {
        t.equal(said, 'app: the rollout of v4 to next begins when the present one has ended');
        await until('the second one holds', () => view().id !== first.id && view().phase === 'holding');
        t.match(view(), { version: 'v4', startedBy: 'file' });
      }
    }
  },
);

t.test(
  'a freeze refuses starts with its reason, pauses what runs, lets it go on, and never stands in the way back',
  async (t) => {
    const { rig, at } = await stage(t, {});
    const { rollouts, freezes } = rig.plane;
    freezes.declare({ reason: 'an incident', untilMs: null }, BY_TEST);
    t.match(await rollouts.start('app', START, BY_TEST), {
      code: 'frozen',
      message: 'nothing is started now: an incident (declared by test)',
    });
    freezes.end(BY_TEST);
    t.match(await rollouts.start('app', START, BY_TEST), { candidate: 'next' });
    await at('holding');
    freezes.declare({ reason: 'another', untilMs: null }, BY_TEST);
    t.match(await at('paused'), { pausedBy: 'freeze', reason: 'frozen: another (declared by test)', share: 0.01 });
    t.match(rollouts.command('app', 'promote', BY_TEST), { code: 'frozen' });
    freezes.end(BY_TEST);
    t.match(await at('holding'), { pausedBy: null });
    freezes.declare({ reason: 'a third', untilMs: null }, BY_TEST);
    await at('paused');
    const receipt = await rig.plane.rollback('app', BY_TEST);
    t.match(receipt, { to: { main: 100, next: 0 }, reason: 'rollback' });
    t.match(await at('aborted'), { share: 0 });
  },
);

t.test('a running rollout goes on through a freeze where its service says so', async (t) => {
  const { rig, at } = await stage(t, {
    onFreeze: 'continue',
    hold: '300ms',
    steps: ['0%', '100%'].slice(1),
    bake: '1h',
  });
  t.match(await rig.plane.rollouts.start('app', START, BY_TEST), { candidate: 'next' });
  rig.plane.freezes.declare({ reason: 'x', untilMs: null }, BY_TEST);
  t.match(await at('baking'), { share: 1, pausedBy: null });
});

t.test('what is held back stays on the active pool while it is watched, and moves at the end', async (t) => {
  const { rig, next, at } = await stage(t, { plan: 'blue-green', holdBack: '40%', bake: '1h' });
  t.match(await rig.plane.rollouts.start('app', START, BY_TEST), { candidate: 'next' });
  t.match(await at('baking'), { share: 0.6 });
  t.match(rig.plane.service('app'), { traffic: { main: 40, next: 60 }, active: 'main' });
  for (let count = 0; count < 40; count += 1) await rig.ask('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  const [held, moved] = [rig.upstream.take().length, next.take().length];
  t.ok(held > 0 && moved > 0 && held + moved === 40, `${held} on the active pool, ${moved} on the candidate`);
  t.match(rig.plane.rollouts.command('app', 'promote', BY_TEST), { phase: 'baking' });
  t.match(await at('succeeded'), { share: 1 });
  t.match(rig.plane.service('app'), { traffic: { main: 0, next: 100 }, active: 'next' });
});

t.test('after a success the earlier pool counts as warm for `keep`, and no longer once traffic is back', async (t) => {
  const { rig, at, view } = await stage(t, { plan: 'all-at-once', bake: '1h', keep: '2h' });
  await rig.plane.rollouts.start('app', START, BY_TEST);
  t.equal((await at('baking')).warmUntil, null);
  rig.plane.rollouts.command('app', 'promote', BY_TEST);
  const done = await at('succeeded');
  t.equal(Date.parse(done.warmUntil!) - Date.parse(done.endedAt!), 2 * 3_600_000);
  t.match(await rig.plane.rollback('app', BY_TEST), { to: { main: 100, next: 0 } }, 'one move goes back');
  t.equal(view().warmUntil, null);
  const cold = await stage(t, { plan: 'all-at-once', bake: '1h', keep: '0s' });
  await cold.rig.plane.rollouts.start('app', START, BY_TEST);
  await cold.at('baking');
  cold.rig.plane.rollouts.command('app', 'promote', BY_TEST);
  t.equal((await cold.at('succeeded')).warmUntil, null);
});

t.test('with `return` the traffic goes home when the other pool has the version too, and proves it', async (t) => {
  const proof = { timeout: '1s', version: { path: '/version' }, before: false, after: false };
  const { rig, at } = await stage(t, {
    plan: 'blue-green',
    bake: '0s',
    inconclusive: 'promote',
    afterPromotion: 'return',
    trigger: 'version-change',
    verify: proof,
  });
  rig.upstream.respond = ({ end }) => end.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nv2');
  t.match(await rig.plane.rollouts.start('app', START, BY_TEST), { candidate: 'next' });
  await at('succeeded');
  const traffic = () => {
    const found = rig.plane.service('app');
    if (isRefusal(found)) throw new Error(found.message);
    return found.traffic;
  };
  t.same(traffic(), { main: 0, next: 100 });

  const told = () => rig.plane.eventsSince(0, 1_000).map(({ text }) => text);
  await rig.replaceInConfig('"version": "v1"', '"version": "v2"');
  t.same(rig.plane.config().lastReload.changes, ['app.main: version v1→v2'], 'that is no new release');
  await until('the traffic is back', () => traffic().main === 100);
  t.ok(told().some((text) => text.includes('main runs v2 too: traffic returns to it')));
});

t.test('where a rollout is and how those before have ended can be scraped', async (t) => {
  const { rig, at } = await stage(t, { steps: ['50%', '100%'] });
  const figures = () => rig.plane.metrics().rollouts.find(({ service }) => service === 'app')!;
  t.match(figures(), { last: null, outcomes: { aborted: 0 } });
  await rig.plane.rollouts.start('app', START, BY_TEST);
  await at('holding');
  await until('the judge has looked', () => (figures().last?.evidence.length ?? 0) > 0);
  const { last } = figures();
  t.match(last, { phase: 'holding', step: 1, steps: 2, verdict: 'waiting' });
  t.match(last?.evidence, [{ signal: 'errors', value: 1 }]);
  t.ok(Math.abs(last!.evidence[0]!.needed - 100) < 1e-6, 'one in a hundred harmless releases may be blamed');
  await rig.plane.rollback('app', BY_TEST);
  await at('aborted');
  t.match(figures(), { last: { phase: 'aborted' }, outcomes: { aborted: 1, succeeded: 0 } });
});
