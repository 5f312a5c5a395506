/**
 * What Tidegate itself goes through while it serves: flips in the middle of every fault, data threads that die, and a config
 * file full of garbage.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { garbageOf } from '../../scenario/stage/garbage.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Mood } from '../moods.ts';
import { overlaps } from '../savable.ts';
import { ALWAYS, FLAWLESS, NO_GET_LOST, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';

const MIXED = '{rate} requests/s, one in five a POST';
const FLIP_EVERY_MS = 50;
/** However slow the machine is, traffic moves so often. */
const FLIPS_MIN = 11;
const GARBAGE_EVERY_MS = 20;

/** The faults that a storm goes through, and the share of an endpoint's requests that they concern. */
const STORM: readonly (readonly [mood: Mood, share: number])[] = [
  ['refusing', 1],
  ['silent', 0.3],
  ['trickling', 0.3],
  ['resetting', 0.3],
  ['garbling', 0.3],
  ['doubling', 0.3],
  ['closing-idle', 1],
  ['dying-in-head', 0.2],
  ['dying-in-body', 0.2],
];

/** One endpoint goes through every fault, one after the other, and is well at the end. */
async function storm(victim: Endpoint, seconds: number): Promise<void> {
  for (const [mood, share] of STORM) {
    await bring(victim, mood, share);
    await pause((seconds * 1000) / STORM.length);
    await bring(victim, 'good');
  }
}

/** Whoever was to die may have, may not have been asked enough for it, or may still do so at any moment. */
async function bring(victim: Endpoint, mood: Mood, share = 1): Promise<void> {
  for (;;) {
    await victim.restart();
    const isInForce = await victim.be(mood, share).then(
      () => true,
      () => false,
    );
    if (isInForce) return;
    await victim.dies();
  }
}

async function flipThrough(scene: Scene) {
  const pools = await scene.open({ blue: 3, green: 3 });
  const victims = [pools.blue[scene.random.below(3)]!, pools.green[scene.random.below(3)]!];
  const { admin } = scene.tidegate;
  const load = scene.load();
  const { seconds } = scene.scale;
  await load.run(seconds / 2);
  let flips = 0;
  let isOver = false;
  const flipping = async (): Promise<void> => {
    for (; !isOver || flips < FLIPS_MIN; flips++) {
      await admin.flip(flips % 2 === 0 ? 'green' : 'blue');
      await pause(FLIP_EVERY_MS);
    }
  };
  await load.during(async () => {
    const storms = Promise.all(victims.map((victim) => storm(victim, seconds * 2))).finally(() => {
      isOver = true;
    });
    await Promise.all([storms, flipping()]);
  });
  await load.run(seconds / 2);
  // A POST may meet a fault of one mood and end in the next: what was not said to be sent is judged by the kills alone.
  const account = await scene.settle(load, ({ method }) => method === 'GET', { measures: { flips } });
  return account;
}

const flips: Scenario = {
  name: 'flips',
  fault: 'traffic is flipped twenty times a second while an endpoint of each pool goes through all the faults above',
  load: MIXED,
  rivals: false,
  short: true,
  run: flipThrough,
  vows: [
    ...ALWAYS,
    NO_GET_LOST,
    { says: 'traffic was flipped', holds: ({ measures }) => measures.flips! >= FLIPS_MIN },
  ],
};

const threads: Scenario = {
  name: 'threads-die',
  fault: 'data threads are killed one after the other',
  load: MIXED,
  rivals: false,
  short: true,
  run: async (scene) => {
    const launch = { nodeArgs: ['--import', join(import.meta.dirname, '..', 'mortal-threads.ts')] };
    await scene.open({ blue: 3 }, { workers: 3, launch });
    const { tidegate } = scene;
    const load = scene.load();
    const { seconds } = scene.scale;
    await load.run(seconds / 2);
    const killsMs: number[] = [];
    let before = tidegate.lines.length;
    for (let kill = 0; kill < 3; kill++) {
      await load.during(async () => {
        killsMs.push(performance.now());
        tidegate.signal('SIGUSR2');
        await tidegate.line('a thread was replaced', ({ msg }) => /has been replaced/.test(msg ?? ''), before);
        before = tidegate.lines.length;
      });
      await load.run(seconds / 3);
    }
    const account = await scene.settle(load, (failure) => !overlaps(failure, killsMs), { measures: { kills: 3 } });
    const metrics = await tidegate.admin.metrics();
    const inFlight = metrics.sum('tidegate_requests_in_flight');
    return { ...account, measures: { ...account.measures, leftInFlight: inFlight } };
  },
  vows: [
    ...ALWAYS,
    {
      says: 'nothing is lost but what the dead threads had under way, and that is seen to be cut',
      holds: ({ gets, posts }) => gets.lost + posts.lost + gets.refused + posts.refused === 0,
    },
    { says: 'the books are closed: nothing is left in flight', holds: ({ measures }) => measures.leftInFlight === 0 },
  ],
};

const configGarbage: Scenario = {
  name: 'config-garbage',
  fault: 'the config file is overwritten with garbage, again and again',
  load: MIXED,
  rivals: false,
  short: true,
  run: async (scene) => {
    await scene.open({ blue: 3 });
    const { tidegate, random, seed } = scene;
    const good = await readFile(tidegate.file, 'utf8');
    const load = scene.load();
    const count = Math.round(scene.scale.seconds * 20);
    let refused = 0;
    await load.during(async () => {
      for (let index = 0; index < count; index++) {
        await tidegate.save(garbageOf(good, index, { seed, ...random }).bytes);
        const answer = await tidegate.admin.call('POST', '/api/config/reload', {});
        if (answer.status !== 200) refused += 1;
        await pause(GARBAGE_EVERY_MS);
      }
    });
    await tidegate.save(good.replace('    traffic:', '    versionHeader: x-version\n    traffic:'));
    const answer = await tidegate.admin.call('POST', '/api/config/reload', {});
    await load.run(scene.scale.seconds / 2);
    const measures = { garbage: count, garbageRefused: refused, goodTaken: answer.status === 200 ? 1 : 0 };
    return scene.settle(load, () => true, { measures });
  },
  vows: [
    ...ALWAYS,
    FLAWLESS,
    { says: 'all garbage is refused', holds: ({ measures }) => measures.garbageRefused === measures.garbage },
    { says: 'the good config that follows is taken', holds: ({ measures }) => measures.goodTaken === 1 },
  ],
};

/** The scenarios of changes, in the order of the table. */
export const changes: readonly Scenario[] = [flips, threads, configGarbage];
