/**
 * The cutover scenario: all traffic is moved from one upstream to the other and back, under full load, and every
 * request is accounted for.
 *
 * Two witnesses are the upstreams, a client keeps its connections busy, and the switch's command is given a fixed time
 * apart. Nothing is judged while it runs; the three accounts are joined afterwards.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../free-ports.ts';
import type { Pinning } from '../pinning.ts';
import { type Child, Nursery } from '../processes.ts';
import { Workspace } from '../workspace.ts';
import { accountFor, type SwitchOutcome, type SwitchTimes } from './account.ts';
import { monotonicUs } from './clock.ts';
import type { ClientAccount, WitnessAccount } from './messages.ts';
import type { Switch } from './switches.ts';

const connections = 32;
const settleMs = 1_000;
const betweenMs = 700;
const accountMsMax = 10_000;
const secondsMax = 180;

/** What one way to switch has shown. */
export interface CutoverResult {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly connections: number;
  readonly requests: number;
  /** Requests lost before the first switch; anything but 0 makes the rest doubtful. */
  readonly lostBefore: number;
  readonly switches: readonly SwitchOutcome[];
}

/** Runs the scenario for one way to switch, `count` times there and back; rejects when the switch is refused. */
export async function runCutover(way: Switch, count: number, pinning: Pinning): Promise<CutoverResult> {
  using workspace = new Workspace();
  using nursery = new Nursery(pinning);
  const [blue, green, listen, admin] = (await freePorts(4)) as [number, number, number, number];
  const witnesses = {
    blue: await startWitness(nursery, blue),
    green: await startWitness(nursery, green),
  };
  const placement = { directory: workspace.room(way.contender.name), listen, admin, blue, green };
  const { readiness, ...launch } = way.contender.launch(placement);
  const proxy = nursery.start({ name: way.contender.name, ...launch, side: 'contender', secondsMax });
  await nursery.ready(proxy, readiness);

  const client = startNode(nursery, 'client.ts', ['--port', String(listen), '--connections', String(connections)]);
  await delay(settleMs);
  const times: SwitchTimes[] = [];
  for (let index = 0; index < count; index++) {
    const to = index % 2 === 0 ? 'green' : 'blue';
    const beganUs = monotonicUs();
    await way.move(to, placement, nursery);
    times.push({ to, beganUs, returnedUs: monotonicUs() });
    await delay(betweenMs);
  }
  const clientAccount = await finalAccount<ClientAccount>(client);
  const accounts = {
    blue: await finalAccount<WitnessAccount>(witnesses.blue),
    green: await finalAccount<WitnessAccount>(witnesses.green),
  };
  const { outcomes, lostBefore } = accountFor(times, clientAccount, accounts);
  return {
    name: way.name,
    title: way.title,
    version: way.contender.version() ?? 'unknown',
    connections,
    requests: clientAccount.startedUs.length,
    lostBefore,
    switches: outcomes,
  };
}

function startNode(nursery: Nursery, file: string, args: readonly string[]): Child {
  const path = join(import.meta.dirname, file);
  const plan = { name: file, command: process.execPath, args: [path, ...args], side: 'load', secondsMax } as const;
  return nursery.start({ ...plan, messages: true });
}

async function startWitness(nursery: Nursery, port: number): Promise<Child> {
  const witness = startNode(nursery, 'witness.ts', ['--listen', String(port)]);
  await nursery.ready(witness, { port });
  return witness;
}

async function finalAccount<Account>(child: Child): Promise<Account> {
  const answer = once(child.process, 'message', { signal: AbortSignal.timeout(accountMsMax) });
  child.process.send('stop');
  return (await answer)[0] as Account;
}
