/**
 * Questions about flags beside proxied requests: what they do to each other inside of one process.
 *
 * Two Tidegates run, alike in everything. Requests are proxied by the first. Questions go to nobody, to the first, or to the second,
 * in turn: against nobody it is seen what the machine makes of so much work, and against the second what it makes of the work being
 * done in the same process. Only that last difference is Tidegate's.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { tidegateProgram } from '../contenders.ts';
import { cpuUs } from '../cpu.ts';
import { freePorts } from '../free-ports.ts';
import type { LoadOrder, Tally } from '../overload/tally.ts';
import type { Pinning } from '../pinning.ts';
import { type Child, Nursery } from '../processes.ts';
import { Workspace } from '../workspace.ts';

const secondsMax = 150;
const loadMsMax = 30_000;
const flag = 'flag-7';
const body = '{"context":{"targetingKey":"alice","plan":"pro","country":"DE"}}';

/** What is measured, and how long. */
export interface OfrepPlan {
  readonly rounds: number;
  readonly settleMs: number;
  readonly measureMs: number;
  /** Proxied requests per second. */
  readonly proxied: number;
  /** Questions per second, each about one flag. */
  readonly questions: number;
  readonly flags: number;
  readonly streams: number;
  readonly kills: number;
}

/** Who is asked about flags. */
export const ASKED = ['nobody', 'itself', 'another'] as const;
export type Asked = (typeof ASKED)[number];

/** Everything of one kind of round, all rounds together. */
export interface Sample {
  readonly asked: Asked;
  readonly proxied: Tally;
  /** Null where nobody is asked. */
  readonly questions: Tally | null;
  /** How late the ticks of the first Tidegate's main thread came. */
  readonly lateMs: readonly number[];
  /** CPU time of the first Tidegate, microseconds. */
  readonly cpuUs: number;
}

/** What the bench has seen. `killsMs`: from each call of a kill to the last of the streams being told. */
export interface OfrepFigures {
  readonly samples: readonly Sample[];
  readonly killsMs: readonly number[];
}

interface Gate {
  readonly child: Child;
  readonly port: number;
  readonly admin: number;
  readonly lateness: string;
}

/** Runs the plan. */
export async function runOfrep(plan: OfrepPlan, pinning: Pinning, log: (line: string) => void): Promise<OfrepFigures> {
  using workspace = new Workspace();
  using nursery = new Nursery(pinning);
  const [upstream, ...ports] = (await freePorts(5)) as [number, number, number, number, number];
  const responder = join(import.meta.dirname, '..', 'floor', 'responder.ts');
  await nursery.ready(start(nursery, responder, ['--listen', String(upstream)]), { port: upstream });
  const first = await startGate(nursery, plan, {
    room: workspace.room('first'),
    upstream,
    port: ports[0]!,
    admin: ports[1]!,
  });
  const second = await startGate(nursery, plan, {
    room: workspace.room('second'),
    upstream,
    port: ports[2]!,
    admin: ports[3]!,
  });

  const generator = join(import.meta.dirname, '..', 'overload', 'generator.ts');
  const clients = start(nursery, generator, ['--port', String(first.port), '--path', '/hello'], true);
  const askers = (gate: Gate): Child => {
    const path = `/ofrep/v1/evaluate/flags/${flag}`;
    return start(nursery, generator, ['--port', String(gate.admin), '--path', path, '--body', body], true);
  };
  const asking = { itself: askers(first), another: askers(second) };
  const taken = new Map<Asked, { sample: Sample; spans: [number, number][] }>();
  const times = { settleMs: plan.settleMs, measureMs: plan.measureMs, deadlineMs: 1_000 };
  for (let round = 0; round < plan.rounds; round++) {
    for (const asked of ASKED) {
      const cpuBefore = cpuUs(first.child.pid);
      const fromMs = Date.now() + plan.settleMs;
      const [proxied, questions] = await Promise.all([
        load(clients, { ...times, rate: plan.proxied, connections: 64 }),
        asked === 'nobody' ? null : load(asking[asked], { ...times, rate: plan.questions, connections: 64 }),
      ]);
      const span: [number, number] = [fromMs, fromMs + plan.measureMs];
      const used = cpuUs(first.child.pid) - cpuBefore;
      const before = taken.get(asked);
      const sample = { asked, proxied, questions, lateMs: [], cpuUs: used };
      taken.set(asked, {
        sample: before === undefined ? sample : together(before.sample, sample),
        spans: [...(before?.spans ?? []), span],
      });
      log(`round ${round + 1}, asked: ${asked}: ${proxied.good} proxied, ${questions?.good ?? 0} answered in time`);
    }
  }
  const killsMs = await measureKills(first, plan);
  log(`kills: ${killsMs.map(Math.round).join(', ')} ms`);
  const lateness = await latenessOf(first);
  const samples = [...taken.values()].map(({ sample, spans }) => ({
    ...sample,
    lateMs: lateness
      .filter(([atMs]) => spans.some(([from, until]) => atMs >= from && atMs < until))
      .map(([, late]) => late),
  }));
  return { samples, killsMs };
}

function together(one: Sample, other: Sample): Sample {
  const questions = one.questions === null ? null : added(one.questions, other.questions!);
  return { ...one, proxied: added(one.proxied, other.proxied), questions, cpuUs: one.cpuUs + other.cpuUs };
}

function added(one: Tally, other: Tally): Tally {
  return {
    due: one.due + other.due,
    good: one.good + other.good,
    late: one.late + other.late,
    refused: one.refused + other.refused,
    broken: one.broken + other.broken,
    unsent: one.unsent + other.unsent,
    goodMs: [...one.goodMs, ...other.goodMs],
  };
}

function start(nursery: Nursery, file: string, args: readonly string[], messages = false): Child {
  const plan = { name: file, command: process.execPath, args: [file, ...args], side: 'anywhere', secondsMax } as const;
  return nursery.start({ ...plan, messages });
}

async function startGate(
  nursery: Nursery,
  plan: OfrepPlan,
  at: { readonly room: string; readonly upstream: number; readonly port: number; readonly admin: number },
): Promise<Gate> {
  const lateness = join(at.room, 'lateness.json');
  const file = join(at.room, 'tidegate.yaml');
  const flags = Array.from({ length: plan.flags }, (_, index) => [
    `flag-${index}`,
    { strategy: 'percentage', value: 50 },
  ]);
  // JSON is YAML.
  const config = {
    listeners: [{ address: `127.0.0.1:${at.port}` }],
    admin: { address: `127.0.0.1:${at.admin}` },
    workers: 1,
    state: join(at.room, 'state.db'),
    log: { level: 'error', access: 'off' },
    services: { shop: { pools: { main: { version: 'v1', endpoints: [`127.0.0.1:${at.upstream}`] } } } },
    routes: [{ service: 'shop' }],
    flags: Object.fromEntries(flags),
  };
  writeFileSync(file, JSON.stringify(config));
  const child = nursery.start({
    name: 'tidegate',
    command: process.execPath,
    args: ['--import', join(import.meta.dirname, 'lateness.ts'), tidegateProgram, 'run', '--config', file],
    env: { TIDEGATE_BENCH_LATENESS: lateness },
    side: 'anywhere',
    secondsMax,
  });
  await nursery.ready(child, { url: `http://127.0.0.1:${at.admin}/readyz` });
  return { child, port: at.port, admin: at.admin, lateness };
}

async function load(clients: Child, order: LoadOrder): Promise<Tally> {
  const answer = once(clients.process, 'message', { signal: AbortSignal.timeout(loadMsMax) });
  clients.process.send(order);
  return (await answer)[0] as Tally;
}

/** Ends the Tidegate in order, and reads what it has written down about its ticks. */
async function latenessOf({ child, lateness }: Gate): Promise<readonly (readonly [number, number])[]> {
  const ended = once(child.process, 'close');
  child.process.kill('SIGTERM');
  await ended;
  return JSON.parse(readFileSync(lateness, 'utf8')) as (readonly [number, number])[];
}

async function measureKills(gate: Gate, plan: OfrepPlan): Promise<number[]> {
  const streams = await Promise.all(Array.from({ length: plan.streams }, () => openStream(gate.admin)));
  const killsMs: number[] = [];
  for (let kill = 0; kill < plan.kills; kill++) {
    const told = Promise.all(streams.map(toldOfChange));
    const begunMs = performance.now();
    await post(gate.admin, `/api/flags/flag-${kill}/kill`);
    await told;
    killsMs.push(performance.now() - begunMs);
  }
  for (const stream of streams) stream.destroy();
  return killsMs;
}

async function openStream(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(`GET /ofrep/v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await says(socket, 'refetchEvaluation');
  return socket;
}

function toldOfChange(stream: Socket): Promise<void> {
  return says(stream, '"etag"');
}

function says(socket: Socket, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (part: string): void => {
      text += part;
      if (!text.includes(word)) return;
      socket.off('data', onData).off('close', onClose);
      resolve();
    };
    const onClose = (): void => reject(new Error(`a change stream has ended: ${text}`));
    socket.on('data', onData).on('close', onClose);
  });
}

async function post(port: number, path: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: '{}' });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}
