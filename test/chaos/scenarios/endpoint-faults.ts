/**
 * One endpoint of three goes bad, in every way in which endpoints do, and comes back; half of a pool, and all of it.
 */
import type { Endpoint } from '../endpoint.ts';
import type { Mood } from '../moods.ts';
import { getsAreSavable, savableOutside, savableUnlessAt } from '../savable.ts';
import { ALWAYS, HONEST_POSTS, NO_GET_LOST, NO_POST_LOST, type Scenario, type Vow } from '../scenario.ts';
import type { Scene } from '../scene.ts';

/** Enough requests first that a retry budget has something to be a share of. */
const CALM_SHARE = 0.5;

const MIXED = '{rate} requests/s, one in five a POST';

interface BadEndpoint {
  readonly name: string;
  readonly fault: string;
  readonly mood: Mood;
  /** The share of its requests that it answers so. */
  readonly share: number;
  /** In the short version `flips` goes through all of these; some deserve a run of their own. */
  readonly short?: boolean;
  readonly vows?: readonly Vow[];
}

const NO_CUT: Vow = { says: 'no answer is cut', holds: ({ gets, posts }) => gets.cut + posts.cut === 0 };

const BAD_ENDPOINTS: readonly BadEndpoint[] = [
  {
    name: 'silent',
    fault: 'one endpoint of three accepts and says nothing',
    mood: 'silent',
    share: 1,
    vows: [NO_CUT],
  },
  {
    name: 'trickle',
    fault: 'one endpoint of three answers byte by byte, from its head on or in its body',
    mood: 'trickling',
    share: 0.3,
    vows: [NO_CUT],
  },
  { name: 'resets', fault: 'one endpoint of three resets connections at any byte', mood: 'resetting', share: 0.3 },
  { name: 'garbage', fault: 'one endpoint of three sends garbage', mood: 'garbling', share: 0.3, short: true },
  {
    name: 'two-responses',
    fault: 'one endpoint of three sends a second response that nobody asked for',
    mood: 'doubling',
    share: 0.5,
    short: true,
    vows: [NO_CUT],
  },
  {
    name: 'closes-idle',
    fault: 'all endpoints close idle connections at random',
    mood: 'closing-idle',
    share: 1,
    short: true,
    vows: [NO_CUT],
  },
];

async function withBadEndpoint(scene: Scene, { mood, share }: BadEndpoint) {
  const { seconds } = scene.scale;
  const { blue } = await scene.open({ blue: 3 });
  const concerned = mood === 'closing-idle' ? blue : [blue[scene.random.below(3)]!];
  const load = scene.load();
  await load.run(seconds * CALM_SHARE);
  for (const endpoint of concerned) await endpoint.be(mood, share);
  await load.run(seconds);
  for (const endpoint of concerned) await endpoint.be('good');
  await load.run(seconds * CALM_SHARE);
  return scene.settle(load, getsAreSavable);
}

const badEndpoints = BAD_ENDPOINTS.map(
  (bad): Scenario => ({
    name: bad.name,
    fault: bad.fault,
    load: MIXED,
    rivals: true,
    short: bad.short === true,
    run: (scene) => withBadEndpoint(scene, bad),
    vows: [...ALWAYS, NO_GET_LOST, NO_POST_LOST, HONEST_POSTS, ...(bad.vows ?? [])],
  }),
);

/** Part of a pool takes no connections and drops those that it has, and comes back. */
async function down(scene: Scene, part: (endpoints: readonly Endpoint[]) => readonly Endpoint[]) {
  const { seconds } = scene.scale;
  const { blue } = await scene.open({ blue: 4 });
  const load = scene.load();
  await load.run(seconds * CALM_SHARE);
  const gone = part(blue);
  const fromMs = performance.now();
  await load.during(() => Promise.all(gone.map((endpoint) => endpoint.be('refusing'))));
  const goneMs = performance.now();
  await load.run(seconds);
  await load.during(() => Promise.all(gone.map((endpoint) => endpoint.be('good'))));
  const backMs = performance.now();
  await load.run(seconds * CALM_SHARE);
  return { load, fromMs, goneMs, backMs };
}

const halfDown: Scenario = {
  name: 'half-down',
  fault: 'half of the pool drops its connections and takes no new ones, and comes back',
  load: MIXED,
  rivals: true,
  short: true,
  run: async (scene) => {
    const { load, fromMs, goneMs } = await down(scene, (endpoints) => endpoints.slice(0, 2));
    return scene.settle(
      load,
      savableUnlessAt(() => [fromMs, goneMs]),
    );
  },
  vows: [...ALWAYS, NO_GET_LOST, NO_POST_LOST, HONEST_POSTS],
};

const allDown: Scenario = {
  name: 'all-down',
  fault: 'the whole pool drops its connections and takes no new ones, and comes back',
  load: MIXED,
  rivals: true,
  short: true,
  run: async (scene) => {
    const { load, fromMs, backMs } = await down(scene, (endpoints) => endpoints);
    return scene.settle(
      load,
      savableOutside(
        () => fromMs,
        () => backMs,
      ),
    );
  },
  vows: [
    ...ALWAYS,
    { says: 'before the fault and after it nothing is lost', holds: ({ gets, posts }) => gets.lost + posts.lost === 0 },
    {
      says: 'during it every client gets an honest 502 or 503',
      holds: ({ reasons }) => Object.keys(reasons).every((words) => / (cut|refused: status 50[23]) ?/.test(words)),
    },
  ],
};

/** The scenarios of endpoints that go bad, in the order of the table. */
export const endpointFaults: readonly Scenario[] = [...badEndpoints, halfDown, allDown];
