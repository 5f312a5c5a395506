/**
 * The race: every contender in front of the same upstream under the same load, in interleaved rounds.
 *
 * All are started first and stay up; then each round goes once through all of them (A B C ... A B C ...), so that what
 * drifts in the machine meets everybody alike. The round before the first one is thrown away: it is there for the
 * compilers. For each run the contender's CPU time is read before and after, and divided by the requests answered.
 * Samples are kept as they are; medians and ratios are the report's work.
 */
import { join } from 'node:path';
import type { Contender } from './contenders.ts';
import { cpuUs } from './cpu.ts';
import { freePorts } from './free-ports.ts';
import type { LoadGenerator } from './load.ts';
import type { Pinning } from './pinning.ts';
import { type Child, Nursery } from './processes.ts';
import type { Shape } from './shapes.ts';
import { Workspace } from './workspace.ts';

const warmUpSeconds = 1;
const startSecondsMax = 120;
const largeBodyBytes = 102_400;

/** One run of one contender: CPU time of its processes for each answered request, and what the load saw. */
export interface Sample {
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly failed: number;
  readonly latencyP50Us: number | null;
  readonly latencyP99Us: number | null;
}

/** All samples of a contender, one for each round; null for a round that broke. */
export interface Track {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly samples: readonly (Sample | null)[];
}

/** What a race has to say: the shape, its size, and a track for each contender. */
export interface RaceResult {
  readonly shape: string;
  readonly title: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly tracks: readonly Track[];
  /** Names of contenders that could not be started. */
  readonly leftOut: readonly string[];
}

/** How a race is run. `log` gets a line for each step of interest. */
export interface RacePlan {
  readonly shape: Shape;
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly seconds: number;
  readonly pinning: Pinning;
  readonly load: LoadGenerator;
  readonly log: (line: string) => void;
}

interface Lane {
  readonly contender: Contender;
  readonly child: Child;
  readonly port: number;
  readonly samples: (Sample | null)[];
}

/** Runs one race. A contender that cannot be started, or whose run breaks, is logged and leaves nulls or no track. */
export async function race(plan: RacePlan): Promise<RaceResult> {
  using workspace = new Workspace();
  using nursery = new Nursery(plan.pinning);
  const secondsMax = startSecondsMax + (plan.rounds + 1) * plan.contenders.length * (plan.seconds + 3);
  const [blue, green] = await startUpstreams(nursery, secondsMax);
  const lanes: Lane[] = [];
  const leftOut: string[] = [];
  for (const contender of plan.contenders) {
    try {
      lanes.push(await startLane(nursery, workspace, contender, { blue, green }, secondsMax));
    } catch (error) {
      leftOut.push(contender.name);
      plan.log(`${contender.name} is left out: ${(error as Error).message}`);
    }
  }
  for (const lane of lanes) await runOnce(plan, nursery, lane, warmUpSeconds);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const lane of lanes) {
      const sample = await runOnce(plan, nursery, lane, plan.seconds);
      lane.samples.push(sample);
      if (sample !== null) plan.log(`${plan.shape.name} ${round}/${plan.rounds} ${describe(lane, sample)}`);
    }
  }
  const tracks = lanes.map(({ contender, samples }) => ({
    name: contender.name,
    title: contender.title,
    version: contender.version() ?? 'unknown',
    samples,
  }));
  const { name: shape, title } = plan.shape;
  return { shape, title, rounds: plan.rounds, seconds: plan.seconds, tracks, leftOut };
}

async function startUpstreams(nursery: Nursery, secondsMax: number): Promise<[number, number]> {
  const ports = await freePorts(2);
  for (const port of ports) {
    const sizes = ['--listen', String(port), '--body-bytes', String(largeBodyBytes)];
    const args = [join(import.meta.dirname, 'floor', 'responder.ts'), ...sizes];
    const plan = { name: 'upstream', command: process.execPath, args, side: 'load', secondsMax } as const;
    await nursery.ready(nursery.start(plan), { port });
  }
  return [ports[0]!, ports[1]!];
}

async function startLane(
  nursery: Nursery,
  workspace: Workspace,
  contender: Contender,
  upstreams: { readonly blue: number; readonly green: number },
  secondsMax: number,
): Promise<Lane> {
  const [listen, admin] = await freePorts(2);
  const placement = { directory: workspace.room(contender.name), listen: listen!, admin: admin!, ...upstreams };
  const { readiness, ...launch } = contender.launch(placement);
  const child = nursery.start({ name: contender.name, ...launch, side: 'contender', secondsMax });
  try {
    await nursery.ready(child, readiness);
  } catch (error) {
    nursery.kill(child);
    throw error;
  }
  return { contender, child, port: listen!, samples: [] };
}

async function runOnce(plan: RacePlan, nursery: Nursery, lane: Lane, seconds: number): Promise<Sample | null> {
  try {
    const before = cpuUs(lane.child.pid);
    const { requests, failed, ...seen } = await plan.load.run(nursery, plan.shape, lane.port, seconds);
    const usedUs = cpuUs(lane.child.pid) - before;
    if (requests === 0) throw new Error('no request was answered');
    return {
      cpuUsPerRequest: usedUs / requests,
      requestsPerSecond: requests / seen.seconds,
      failed,
      latencyP50Us: seen.latencyP50Us,
      latencyP99Us: seen.latencyP99Us,
    };
  } catch (error) {
    plan.log(`${lane.contender.name}: this run does not count: ${(error as Error).message}`);
    return null;
  }
}

function describe(lane: Lane, sample: Sample): string {
  const cpu = sample.cpuUsPerRequest.toFixed(1);
  return `${lane.contender.name}: ${cpu} µs/request, ${Math.round(sample.requestsPerSecond)} requests/s, ${sample.failed} failed`;
}
