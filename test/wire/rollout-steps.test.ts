/**
 * Steps that say more than a share, seen at the endpoints: a group of users that is let in, and one box of the candidate.
 */
import t, { type Test } from 'tap';
import { isRefusal } from '../../src/control/operations.ts';
import { OUTCOMES } from '../../src/stats/series.ts';
import { until } from '../scenario/stage/until.ts';
import { OK } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

const BY_TEST = { by: 'test', reason: '', ifEpoch: null };
const START = { to: 'next', version: null, again: false };
const OK_LAST = OK.replace('\r\n', '\r\nConnection: close\r\n');
const REQUESTS = 40;

interface Stage {
  readonly rig: Rig;
  readonly boxes: readonly [Upstream, Upstream];
  /** Asks as many times as said; gives how often each answered: the active pool, and the boxes of the candidate. */
  ask(fields?: string, times?: number): Promise<readonly [active: number, first: number, second: number]>;
}

async function stage(t: Test, steps: readonly (object | string)[], service: object = {}): Promise<Stage> {
  const boxes = [await Upstream.open(t), await Upstream.open(t)] as const;
  const rig = await Rig.start(t, {
    pools: { next: { version: 'v2', endpoints: boxes.map(({ address }) => address) } },
    service: {
      traffic: 'main',
      rollout: { steps, hold: '1h', verify: { before: false, after: false } },
      preview: { header: 'x-pool', token: 's3cret' },
      ...service,
    },
  });
  const all = [rig.upstream, ...boxes] as const;
  for (const upstream of all) upstream.respond = ({ end }) => end.end(OK_LAST);
  const ask: Stage['ask'] = async (fields = '', times = REQUESTS) => {
    for (const upstream of all) upstream.take();
    for (let count = 0; count < times; count += 1) {
      const answer = await rig.ask(`GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`);
      if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer);
    }
    const [active, first, second] = all.map((upstream) => upstream.take().length);
    return [active!, first!, second!];
  };
  return { rig, boxes, ask };
}

/** Resolves when the step of this number holds. */
async function atStep(rig: Rig, step: number): Promise<void> {
  await until(`step ${step} holds`, () => {
    const view = rig.plane.rollouts.view('app');
    return !isRefusal(view) && view.step === step && view.phase === 'holding';
  });
}

async function begin(rig: Rig): Promise<void> {
  const view = await rig.plane.rollouts.start('app', START, BY_TEST);
  if (isRefusal(view)) throw new Error(view.message);
  await atStep(rig, 1);
}

const TEAM = { weight: '0%', match: { header: 'x-team', value: 'red' } };

t.test(
  'a group reaches the candidate at 0%, everybody else the active pool; the way back ends it at once',
  async (t) => {
    const { rig, ask } = await stage(t, [TEAM, { weight: '50%' }, '100%']);
    t.strictSame(await ask('X-Team: red\r\n', 4), [4, 0, 0], 'no step is on');
    await begin(rig);
    const [active, first, second] = await ask('X-Team: red\r\n');
    t.strictSame([active, first + second], [0, REQUESTS]);
    t.strictSame(await ask('X-Team: blue\r\n'), [REQUESTS, 0, 0]);
    t.strictSame(await ask(), [REQUESTS, 0, 0]);
    t.strictSame((await ask('X-Team: red\r\nX-Pool: main; token=s3cret\r\n', 4))[0], 4, 'a preview asks for more');
    await rig.settled();
    const view = rig.plane.rollouts.view('app');
    if (isRefusal(view)) throw new Error(view.message);
    t.equal(view.share, 0);
    t.equal(rig.series('next').ended(), REQUESTS, 'all of it is counted under the version that served it');

    await rig.plane.rollback('app', BY_TEST);
    t.strictSame(await ask('X-Team: red\r\n', 4), [4, 0, 0]);
  },
);

t.test(
  'a group that fails speaks neither for nor against the candidate, and is saved by the active pool',
  async (t) => {
    const { rig, boxes, ask } = await stage(t, [TEAM, '100%'], { retries: { attempts: 1, budget: '100%' } });
    await begin(rig);
    for (const box of boxes) box.respond = ({ end }) => end.reset();
    t.strictSame((await ask('X-Team: red\r\n', 20))[0], 20, 'the active pool has saved all of them');
    await rig.settled();
    const view = await until('the judge has looked since', () => {
      const found = rig.plane.rollouts.view('app');
      if (isRefusal(found)) throw new Error(found.message);
      return found.verdict !== null && found.ranMs > 0 && found.elapsedMs > 1_000 ? found : null;
    });
    t.equal(view.phase, 'holding');
    t.match(view.verdict?.signals[0], { numbers: { counts: { candidate: { requests: 0 } } } });
    t.ok(rig.outcomes('reset') >= 20, 'what the version did is counted all the same');
  },
);

t.test('a cookie lets a group in beside a share, and the share is of the others', async (t) => {
  const beta = { weight: '0%', match: { cookie: 'beta' } };
  const { rig, ask } = await stage(t, [beta, '100%']);
  await begin(rig);
  const [active, ...boxes] = await ask('Cookie: a=b; beta=1\r\n');
  t.strictSame([active, boxes[0] + boxes[1]], [0, REQUESTS]);
  t.strictSame(await ask('Cookie: a=b\r\n'), [REQUESTS, 0, 0]);
});

t.test('one box of the candidate takes all of its traffic, and the next step uses the whole pool', async (t) => {
  const { rig, ask } = await stage(t, [{ weight: '90%', endpoints: 1 }, '100%']);
  await begin(rig);
  const [active, first, second] = await ask();
  t.equal(second, 0);
  t.ok(first > REQUESTS / 2 && active + first === REQUESTS, 'the share is the share of the box');
  t.strictSame(await ask('X-Pool: next; token=s3cret\r\n', 10), [0, 10, 0], 'a preview sees what users would see');
  rig.plane.rollouts.command('app', 'promote-full', BY_TEST);
  await until('it bakes', () => {
    const view = rig.plane.rollouts.view('app');
    return !isRefusal(view) && view.phase === 'baking';
  });
  const whole = await ask();
  t.equal(whole[0], 0);
  t.ok(whole[1] > 0 && whole[2] > 0, `both boxes take part: ${whole.join(', ')}`);
});

t.test('the plan one-box begins with one endpoint of N at its natural share', async (t) => {
  const { rig } = await stage(t, ['100%'], {
    rollout: { plan: 'one-box', hold: '1h', verify: { before: false, after: false } },
  });
  await begin(rig);
  const view = rig.plane.rollouts.view('app');
  if (isRefusal(view)) throw new Error(view.message);
  t.strictSame([view.share, view.steps.map(({ endpoints }) => endpoints)], [0.5, [1, null]]);
});

t.test(
  'a box that fails is not replaced by the others: its requests are saved by the active pool or fail',
  async (t) => {
    const ejection = { consecutiveFailures: 2, base: '1h', max: '1h' };
    const rules = { ejection, badEvents: { failures: [], statuses: [] } };
    const { rig, boxes, ask } = await stage(t, [{ weight: '90%', endpoints: 1 }, '100%'], {
      ...rules,
      retries: { attempts: 1, budget: '100%' },
    });
    await begin(rig);
    boxes[0].respond = ({ end }) => end.reset();
    t.strictSame((await ask()).slice(2), [0], 'no retry goes to the other box');
    await until('the box is ejected', () => {
      const view = rig.plane.service('app');
      return (
        !isRefusal(view) && view.pools.some(({ endpoints }) => endpoints.some(({ ejection: out }) => out !== null))
      );
    });
    t.strictSame(await ask(), [REQUESTS, 0, 0], 'nothing is tried at the other box either');
    const refused = rig.series('next').outcomes()[OUTCOMES.indexOf('unavailable')]!;
    t.ok(refused > 0, 'which is what the candidate is blamed for');
  },
);

t.test('a file that names the group of the step no more ends the rollout', async (t) => {
  const { rig, ask } = await stage(t, [TEAM, '100%']);
  await begin(rig);
  await rig.replaceInConfig('"x-team"', '"x-crew"');
  await until('the rollout is over', () => {
    const view = rig.plane.rollouts.view('app');
    return !isRefusal(view) && view.phase === 'failed';
  });
  const view = rig.plane.rollouts.view('app');
  t.match(view, { reason: 'its step for header x-team: red has left the file' });
  t.strictSame(await ask('X-Team: red\r\n', 4), [4, 0, 0]);
});
