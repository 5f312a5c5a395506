/**
 * Endpoint processes end by `kill -9`: by themselves in the middle of an answer, from outside under load, and as a whole pool
 * right after traffic has left it.
 */
import type { Endpoint } from '../endpoint.ts';
import type { Mood } from '../moods.ts';
import { overlaps, savableUnlessAt } from '../savable.ts';
import { ALWAYS, FLAWLESS, HONEST_POSTS, NO_GET_LOST, NO_POST_LOST, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';

/** The rate that the promise about kills names. */
const PROMISED_PER_SECOND = 2000;

function deaths(endpoints: readonly Endpoint[]): () => readonly number[] {
  return () => endpoints.flatMap((endpoint) => endpoint.deathsMs);
}

/** One endpoint of three dies in the middle of an answer, is started again, and dies again. */
function dying(name: string, fault: string, mood: Mood): Scenario {
  return {
    name,
    fault,
    load: '{rate} requests/s, one in five a POST',
    rivals: true,
    short: false,
    run: async (scene) => {
      const { seconds } = scene.scale;
      const { blue } = await scene.open({ blue: 3 });
      const victim = blue[scene.random.below(3)]!;
      const load = scene.load();
      await load.run(seconds / 2);
      const untilMs = performance.now() + seconds * 1000;
      await load.during(async () => {
        while (performance.now() < untilMs) {
          await victim.be(mood, 0.1);
          await victim.dies();
          await victim.restart();
        }
      });
      await load.run(seconds / 2);
      return scene.settle(load, savableUnlessAt(deaths(blue)), { measures: { kills: victim.deathsMs.length } });
    },
    vows: [
      ...ALWAYS,
      NO_GET_LOST,
      NO_POST_LOST,
      HONEST_POSTS,
      { says: 'the endpoint has really died', holds: ({ measures }) => measures.kills! > 0 },
    ],
  };
}

/** Endpoints of three are killed one after the other under load, each started again after a while. */
async function killInTurn(scene: Scene, posts: number, perSecond: number) {
  const { seconds } = scene.scale;
  const { blue } = await scene.open({ blue: 3 });
  const load = scene.load({ perSecond, posts, bytesMax: 2000 });
  await load.run(seconds / 2);
  for (const endpoint of blue) {
    await load.during(() => endpoint.kill());
    await load.run(seconds / 3);
    await load.during(() => endpoint.restart());
    await load.run(seconds / 3);
  }
  return { load, blue };
}

const killGets: Scenario = {
  name: 'kill-under-gets',
  fault: 'each endpoint of three is killed with signal 9 in turn',
  load: '{rate} GETs/s',
  rivals: true,
  short: true,
  run: async (scene) => {
    const rate = scene.scale.timed ? PROMISED_PER_SECOND : scene.scale.perSecond;
    const { load, blue } = await killInTurn(scene, 0, rate);
    return scene.settle(load, savableUnlessAt(deaths(blue)), { measures: { kills: 3 } });
  },
  vows: [...ALWAYS, NO_GET_LOST, FLAWLESS],
};

const killPosts: Scenario = {
  name: 'kill-under-posts',
  fault: 'each endpoint of three is killed with signal 9 in turn',
  load: '{rate} POSTs/s',
  rivals: true,
  short: true,
  run: async (scene) => {
    const { load, blue } = await killInTurn(scene, 1, scene.scale.perSecond);
    return scene.settle(load, savableUnlessAt(deaths(blue)), { measures: { kills: 3 } });
  },
  vows: [...ALWAYS, NO_POST_LOST, HONEST_POSTS],
};

/**
 * Everything of the active pool is killed as soon as a flip has been answered, with long answers under way. Nobody who
 * asked after the answer may notice.
 */
const killAfterFlip: Scenario = {
  name: 'kill-after-flip',
  fault: 'the pool that a flip has emptied is killed with signal 9 when the flip is answered',
  load: '{rate} requests/s, one in five a POST, answers that take up to 200 ms',
  rivals: false,
  short: true,
  run: async (scene) => {
    const { seconds } = scene.scale;
    const { blue, green } = await scene.open({ blue: 2, green: 2 });
    const pools = { blue, green };
    const load = scene.load({ paceMs: 200 });
    await load.run(seconds / 2);
    const flipsMs: number[] = [];
    for (const [from, to] of [
      ['blue', 'green'],
      ['green', 'blue'],
    ] as const) {
      await load.during(async () => {
        await scene.tidegate.admin.flip(to);
        flipsMs.push(performance.now());
        await Promise.all(pools[from].map((endpoint) => endpoint.kill()));
      });
      await load.run(seconds / 2);
      await load.during(() => Promise.all(pools[from].map((endpoint) => endpoint.restart())));
    }
    await load.run(seconds / 2);
    await load.end();
    const late = load.failures.filter(
      ({ startedMs, endedMs }) => !flipsMs.some((at) => startedMs <= at && endedMs >= at),
    );
    return scene.settle(load, (failure) => failure.method === 'GET' || !overlaps(failure, flipsMs), {
      measures: { kills: blue.length + green.length, failedThatBeganLater: late.length },
    });
  },
  vows: [
    ...ALWAYS,
    NO_GET_LOST,
    NO_POST_LOST,
    HONEST_POSTS,
    {
      says: 'nothing is lost but what was in flight when the pool was killed',
      holds: ({ measures }) => measures.failedThatBeganLater === 0,
    },
  ],
};

/** The scenarios of killed endpoints, in the order of the table. */
export const kills: readonly Scenario[] = [
  dying(
    'killed-in-head',
    'one endpoint of three is killed in the middle of an answer’s head, again and again',
    'dying-in-head',
  ),
  dying(
    'killed-in-body',
    'one endpoint of three is killed in the middle of an answer’s body, again and again',
    'dying-in-body',
  ),
  killGets,
  killPosts,
  killAfterFlip,
];
