/**
 * Much of something: connections that do nothing, heads that never end, requests for a long time.
 */
import { execFileSync } from 'node:child_process';
import type { Account } from '../account.ts';
import { Crowd, type Manner } from '../crowd.ts';
import { growthOf, residentOfTree } from '../memory-use.ts';
import { ALWAYS, FLAWLESS, type Scenario, type Vow } from '../scenario.ts';
import type { Scene } from '../scene.ts';

/** The part of a process's descriptors that a crowd may take: the proxy needs some beside, and shares them by thread. */
const CROWD_PART = 0.9;
const WINDOW_SECONDS = 1;
const SAMPLES_MIN = 12;

/** How many descriptors one process may have here, be it a client or a proxy. */
function descriptorsMax(): number {
  const hard = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  return hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard);
}

function crowdMax(): number {
  return Math.floor(descriptorsMax() * CROWD_PART);
}

function crowdOf(scene: Scene, count: number, manner: Manner): Crowd {
  const { nursery, secondsMax } = scene;
  return new Crowd({ nursery, port: scene.subject.port, count, manner, beatMs: 2000, secondsMax });
}

const idle: Scenario = {
  name: 'idle-connections',
  fault: 'as many connections as descriptors allow, up to 20,000, had one answer and stay',
  load: '100 requests/s',
  rivals: true,
  short: true,
  run: async (scene) => {
    const wanted = scene.scale.idleConnections;
    const count = Math.min(wanted, crowdMax());
    await scene.open({ blue: 3 }, { listener: ['timeouts: { keepAlive: 10m }'] });
    const load = scene.load({ perSecond: 100, posts: 0 });
    await load.run(1);
    const before = residentOfTree(scene.subject.pid);
    const crowd = crowdOf(scene, count, 'served');
    await load.during(() => crowd.until(({ opened, refused }) => opened + refused >= count));
    await load.run(scene.scale.timed ? 5 : 0.5);
    const { open, closed, refused } = crowd.latest;
    const bytes = (residentOfTree(scene.subject.pid) - before) / Math.max(1, open);
    await crowd.leave();
    await load.run(0.5);
    const measures = { connections: open, bytesPerConnection: Math.round(bytes), closed: closed + refused };
    const notes =
      count < wanted
        ? [`A process may have ${descriptorsMax()} descriptors here, so there were ${count} connections.`]
        : [];
    return scene.settle(load, () => true, { measures, notes });
  },
  vows: [
    ...ALWAYS,
    FLAWLESS,
    { says: 'no idle connection is closed', holds: ({ measures }) => measures.closed === 0 },
    {
      says: 'a connection that is idle costs less than 16 KiB',
      holds: ({ measures }) => measures.bytesPerConnection! < 16_384,
      timed: true,
    },
  ],
};

/** The median over windows of the 99th percentile of latency: one stall of the machine must not decide. */
async function medianP99(scene: Scene, load: { readonly p99: () => Promise<number> }): Promise<number> {
  const windows: number[] = [];
  const count = Math.max(2, Math.round(scene.scale.seconds / WINDOW_SECONDS));
  for (let window = 0; window < count; window++) windows.push(await load.p99());
  return windows.sort((left, right) => left - right)[windows.length >> 1]!;
}

const P99_AT_MOST_DOUBLES: Vow = {
  says: 'the 99th percentile of other clients’ latency does not double',
  holds: ({ measures }) => measures.p99DuringMs! <= 2 * measures.p99BeforeMs!,
  timed: true,
};

const slowHeads: Scenario = {
  name: 'slow-heads',
  fault: '5,000 connections send a request head byte by byte and never end it',
  load: '{rate} requests/s, one in five a POST',
  rivals: true,
  short: true,
  run: async (scene) => {
    await scene.open({ blue: 3 });
    const load = scene.load();
    const p99 = async (): Promise<number> => {
      const { answers } = load;
      await load.run(WINDOW_SECONDS);
      return load.p99Ms(answers);
    };
    await load.run(scene.scale.seconds / 2);
    const p99BeforeMs = await medianP99(scene, { p99 });
    const count = Math.min(scene.scale.slowHeads, crowdMax());
    const crowd = crowdOf(scene, count, 'slow-head');
    await load.during(() => crowd.until(({ opened, refused }) => opened + refused >= count));
    const p99DuringMs = await medianP99(scene, { p99 });
    await crowd.leave();
    const measures = { connections: count, p99BeforeMs, p99DuringMs };
    return scene.settle(load, () => true, { measures });
  },
  vows: [...ALWAYS, FLAWLESS, P99_AT_MOST_DOUBLES],
};

const memory: Scenario = {
  name: 'memory',
  fault: 'none, for a long time: does memory stay flat?',
  load: '{rate} requests/s, one in five a POST, up to 100 kB each way, one in ten on a connection of its own',
  rivals: false,
  short: false,
  run: async (scene) => {
    await scene.open({ blue: 3, green: 3 });
    const { memorySeconds } = scene.scale;
    const load = scene.load();
    const samples: number[] = [];
    const rest = memorySeconds / Math.max(SAMPLES_MIN, Math.min(360, memorySeconds / 5));
    for (let spent = 0; spent < memorySeconds; spent += rest) {
      await load.run(rest);
      samples.push(residentOfTree(scene.subject.pid));
      await scene.tidegate.admin.traffic({ blue: scene.random.below(100), green: 1 + scene.random.below(100) });
    }
    const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
    const measures = {
      minutes: memorySeconds / 60,
      firstMiB: mib(samples[0]!),
      lastMiB: mib(samples.at(-1)!),
      mostMiB: mib(Math.max(...samples)),
      growthPercent: Math.round(growthOf(samples) * 1000) / 10,
    };
    return scene.settle(load, () => true, { measures });
  },
  vows: [
    ...ALWAYS,
    FLAWLESS,
    {
      says: 'resident memory grows by less than 5% from the middle third of the time to the last',
      holds: ({ measures }: Account) => measures.growthPercent! < 5,
      timed: true,
    },
  ],
};

/** The scenarios of burdens, in the order of the table. */
export const burdens: readonly Scenario[] = [idle, slowHeads, memory];
