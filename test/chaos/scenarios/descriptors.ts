/**
 * More clients than the process has file descriptors: first clients that do nothing any more, which can give way, then clients
 * that are in the middle of a request head, which cannot. Idle ones come no faster than they are served: a flood that is faster
 * than the thread finds nobody idle yet.
 */
import type { Tidegate } from '../../scenario/stage/tidegate.ts';
import { until } from '../../scenario/stage/until.ts';
import { Crowd, type Manner } from '../crowd.ts';
import { savableOutside } from '../savable.ts';
import { ALWAYS, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';

const DESCRIPTORS = 200;
const CROWD = 400;
/** So few in twenty milliseconds that a thread has room for all that come between two late ticks. */
const IDLERS_AT_ONCE = 2;

/** What the load has open at most, far less than the attackers had. */
const CLIENTS_LEFT = 40;

/** A crowd has come when all of it was tried: what does not get in is closed or waits. */
async function come(scene: Scene, manner: Manner): Promise<Crowd> {
  const { nursery, secondsMax } = scene;
  const { port } = scene.subject;
  const pace = manner === 'served' ? { atOnce: IDLERS_AT_ONCE } : {};
  const crowd = new Crowd({ nursery, port, count: CROWD, manner, beatMs: 1000, secondsMax, ...pace });
  await crowd.until(({ opened, refused }) => opened + refused >= CROWD);
  return crowd;
}

async function clientsOf({ admin }: Tidegate): Promise<number> {
  return (await admin.metrics()).sum('tidegate_connections');
}

const descriptors: Scenario = {
  name: 'descriptors',
  fault: `${CROWD} clients more than ${DESCRIPTORS} file descriptors can carry: idle ones, then ones in the middle of a head`,
  load: '50 requests/s, each on a connection of its own',
  rivals: false,
  short: true,
  run: async (scene) => {
    const launch = { under: ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`] };
    await scene.open({ blue: 2 }, { launch });
    const { tidegate } = scene;
    const { seconds } = scene.scale;
    const load = scene.load({ perSecond: 50, fresh: 1 });
    await load.run(seconds / 2);
    const idlers = await load.during(() => come(scene, 'served'));
    await load.run(seconds);
    const gaveWay = idlers.latest.closed;
    await idlers.leave();
    const fromMs = performance.now();
    const attackers = await load.during(() => come(scene, 'slow-head'));
    await load.run(seconds);
    const metrics = await tidegate.admin.metrics();
    await load.during(async () => {
      await attackers.leave();
      await until('their connections are closed', async () => (await clientsOf(tidegate)) < CLIENTS_LEFT);
    });
    const toMs = performance.now();
    await load.run(seconds);
    const told = tidegate.lines.filter(({ msg }) => /^file descriptors run out/.test(msg ?? '')).length;
    const measures = {
      idleThatGaveWay: gaveWay,
      counted: metrics.sum('tidegate_listener_gave_way_total'),
      turnedAway: metrics.sum('tidegate_listener_turned_away_total'),
      logLines: told,
    };
    return scene.settle(
      load,
      savableOutside(
        () => fromMs,
        () => toMs,
      ),
      { measures },
    );
  },
  vows: [
    ...ALWAYS,
    { says: 'idle clients give way to those who ask', holds: ({ measures }) => measures.counted! > 0 },
    { says: 'who cannot come in is turned away and counted', holds: ({ measures }) => measures.turnedAway! > 0 },
    {
      says: 'nothing is lost before the attack and after it',
      holds: ({ gets, posts }) => gets.lost + posts.lost + gets.refused + posts.refused === 0,
    },
    {
      says: 'each thread says once that descriptors run out',
      holds: ({ measures }) => measures.logLines! >= 1 && measures.logLines! <= 4,
    },
  ],
};

/** The scenarios of file descriptors. */
export const descriptorScenarios: readonly Scenario[] = [descriptors];
