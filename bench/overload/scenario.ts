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
import { type Child, Nursery } from '../processes.ts';
import { Workspace } from '../workspace.ts';
import { type LoadOrder, type Tally, type Trial, trialOf } from './tally.ts';

const secondsMax = 240;
const settleMs = 1_500;
const calibrateMs = 1_000;
const calibrations = 4;
const connectionsMax = 12_000;
const loadMsMax = 60_000;
const path = '/hello/world';

/** What is the same for all loads of a run. */
export interface OverloadPlan {
  readonly loads: readonly number[];
  readonly routes: number;
  readonly deadlineMs: number;
  readonly measureMs: number;
  readonly lagMs: number;
}

/** Measures every load with and without shedding. */
export async function runOverload(
  plan: OverloadPlan,
  pinning: Pinning,
  log: (line: string) => void,
): Promise<{ readonly capacity: number; readonly connections: number; readonly trials: readonly Trial[] }> {
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

  const clients = { off: clientsOf(nursery, listen.off), on: clientsOf(nursery, listen.on) };
  const { deadlineMs, measureMs } = plan;
  // As many connections as keep a thread busy, and not so many that its turns get long.
  const closed = { rate: 50_000, connections: 64, settleMs: 500, measureMs: calibrateMs, deadlineMs: 100 };
  let capacity = 0;
  // The best of several: what else the machine does can only make it look less.
  for (let round = 0; round < calibrations; round++) {
    capacity = Math.max(capacity, ((await load(clients.off, closed)).good * 1000) / calibrateMs);
  }
  const connections = Math.min(connectionsMax, Math.ceil(3 * capacity));
  log(`capacity: ${Math.round(capacity)} requests/s; ${connections} connections`);
  const trials: Trial[] = [];
  for (const times of plan.loads) {
    for (const setting of ['on', 'off'] as const) {
      const order = { rate: times * capacity, connections, settleMs, measureMs, deadlineMs };
      const trial = trialOf(times, setting === 'on', await load(clients[setting], order), measureMs);
      trials.push(trial);
      log(
        `${times}x, shedding ${setting}: offered ${Math.round(trial.offered)}/s, good ${Math.round(trial.goodput)}/s`,
      );
    }
  }
  return { capacity, connections, trials };
}

function start(nursery: Nursery, file: string, args: readonly string[], messages = false): Child {
  const plan = { name: file, command: process.execPath, args: [file, ...args], side: 'load', secondsMax } as const;
  return nursery.start({ ...plan, messages });
}

function clientsOf(nursery: Nursery, port: number): Child {
  return start(nursery, join(import.meta.dirname, 'generator.ts'), ['--port', String(port), '--path', path], true);
}

async function load(clients: Child, order: LoadOrder): Promise<Tally> {
  const answer = once(clients.process, 'message', { signal: AbortSignal.timeout(loadMsMax) });
  clients.process.send(order);
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
