/**
 * The overload scenario: one proxy that sheds and one that does not, the same load on each in turn.
 *
 * What a proxy can do is measured first, by a few clients in a closed loop; then it is offered parts and multiples of that.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tidegateProgram } from '../contenders.ts';
import { freePorts } from '../free-ports.ts';
import type { Pinning } from '../pinning.ts';
import { Nursery } from '../processes.ts';
import { Workspace } from '../workspace.ts';
import { type Tally, type Trial, trialOf } from './tally.ts';

const secondsMax = 240;
const settleMs = 1_500;
const calibrateMs = 2_500;
const path = '/hello/world';

/** What is the same for all loads of a run. */
export interface OverloadPlan {
  readonly loads: readonly number[];
  readonly routes: number;
  readonly connections: number;
  readonly deadlineMs: number;
  readonly measureMs: number;
  readonly lagMs: number;
}

/** Measures every load with and without shedding. */
export async function runOverload(
  plan: OverloadPlan,
  pinning: Pinning,
  log: (line: string) => void,
): Promise<{ readonly capacity: number; readonly trials: readonly Trial[] }> {
  using workspace = new Workspace();
  using nursery = new Nursery(pinning);
  const [upstream, ...ports] = (await freePorts(5)) as [number, number, number, number, number];
  const responder = join(import.meta.dirname, '..', 'floor', 'responder.ts');
  const child = start(nursery, responder, ['--listen', String(upstream)]);
  await nursery.ready(child, { port: upstream });
  const listen = { off: ports[0]!, on: ports[1]! };
  for (const [at, setting] of (['off', 'on'] as const).entries()) {
    const file = join(workspace.room(setting), 'tidegate.yaml');
    const admin = ports[2 + at]!;
    const overload = setting === 'on' ? { lag: `${plan.lagMs}ms` } : 'off';
    // JSON is YAML.
    const config = configOf(plan, {
      listen: listen[setting],
      admin,
      upstream,
      overload,
      room: workspace.room(setting),
    });
    writeFileSync(file, JSON.stringify(config));
    const proxy = nursery.start({
      name: `tidegate, shedding ${setting}`,
      command: process.execPath,
      args: [tidegateProgram, 'run', '--config', file],
      side: 'contender',
      secondsMax,
    });
    await nursery.ready(proxy, { url: `http://127.0.0.1:${admin}/readyz` });
  }

  // As many clients as keep a thread busy, and not so many that its turns get long.
  const closed = { rate: 1e6, connections: 64, measureMs: calibrateMs, deadlineMs: plan.deadlineMs };
  await load(nursery, listen.off, { ...closed, measureMs: 500 });
  const capacity = ((await load(nursery, listen.off, closed)).good * 1000) / calibrateMs;
  log(`capacity: ${Math.round(capacity)} requests/s`);
  const trials: Trial[] = [];
  for (const times of plan.loads) {
    for (const setting of ['on', 'off'] as const) {
      const tally = await load(nursery, listen[setting], { ...plan, rate: times * capacity });
      const trial = trialOf(times, setting === 'on', tally, plan.measureMs);
      trials.push(trial);
      log(
        `${times}x, shedding ${setting}: offered ${Math.round(trial.offered)}/s, good ${Math.round(trial.goodput)}/s`,
      );
    }
  }
  return { capacity, trials };
}

function start(nursery: Nursery, file: string, args: readonly string[], messages = false) {
  const plan = { name: file, command: process.execPath, args: [file, ...args], side: 'load', secondsMax } as const;
  return nursery.start({ ...plan, messages });
}

async function load(
  nursery: Nursery,
  port: number,
  wanted: Pick<OverloadPlan, 'connections' | 'measureMs' | 'deadlineMs'> & { readonly rate: number },
): Promise<Tally> {
  const options = { port, path, rate: wanted.rate, connections: wanted.connections, 'settle-ms': settleMs };
  const all = { ...options, 'measure-ms': wanted.measureMs, 'deadline-ms': wanted.deadlineMs };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const generator = start(nursery, join(import.meta.dirname, 'generator.ts'), args, true);
  const signal = AbortSignal.timeout(settleMs + wanted.measureMs + wanted.deadlineMs + 20_000);
  const answer = once(generator.process, 'message', { signal });
  generator.process.send('start');
  return (await answer)[0] as Tally;
}

function configOf(
  { routes }: OverloadPlan,
  at: {
    readonly listen: number;
    readonly admin: number;
    readonly upstream: number;
    readonly overload: unknown;
    readonly room: string;
  },
) {
  const others = Array.from({ length: routes }, (_, index) => `^/shop-${index}/[a-z0-9-]+/(?:items|orders)/[0-9]+$`);
  return {
    listeners: [{ address: `127.0.0.1:${at.listen}` }],
    admin: { address: `127.0.0.1:${at.admin}` },
    workers: 1,
    state: join(at.room, 'state.db'),
    log: { level: 'error', access: 'off' },
    overload: at.overload,
    services: {
      shop: {
        pools: { main: { version: 'v1', endpoints: [`127.0.0.1:${at.upstream}`] } },
        // A turn of the loop may take many requests, and each needs a connection until the next.
        limits: { connections: 4096, queue: 16_384 },
      },
    },
    routes: [...others, '^/hello/[a-z]+$'].map((regex) => ({ path: { regex }, service: 'shop' })),
  };
}
