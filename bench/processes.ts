/**
 * Owns every process that the bench starts: none outlives the bench, and none outlives its time.
 *
 * Each child leads a process group of its own and runs under `timeout`, so it ends by itself even when the bench was
 * killed with no chance to clean up; on every other way out (end, failure, Ctrl-C) the whole group is killed by its
 * number. The group matters for servers that fork workers. A child is `ready` when its port accepts or its readiness
 * address answers 200; one that ends before that is an error which carries the last of what it had to say.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Pinning, pinningPrefix, type Side } from './pinning.ts';

const startMsMax = 15_000;
const pollMs = 20;
const complaintChars = 700;
const outputCharsMax = 1_000_000;

/** What to start, on which side of the machine, and how long it may live. */
export interface ChildPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly side: Side | 'anywhere';
  readonly secondsMax: number;
  /** Opens a message channel to the child, which must be a Node program. */
  readonly messages?: boolean;
}

/** How to know that a child serves: its port accepts connections, or a GET of the address gives 200. */
export type Readiness = { readonly port: number } | { readonly url: string };

/** A started child. `pid` leads its process group; `output` is what it printed so far, both streams together. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly output: () => string;
}

/** The children of one measurement; disposing of it kills all of them. */
export class Nursery implements Disposable {
  readonly pinning: Pinning;
  readonly #living = new Map<number, Child>();
  readonly #onExit = () => this[Symbol.dispose]();

  constructor(pinning: Pinning) {
    this.pinning = pinning;
    process.on('exit', this.#onExit);
  }

  /** Starts a child and returns at once; use `ready` to wait until it serves. */
  start(plan: ChildPlan): Child {
    const prefix = plan.side === 'anywhere' ? [] : pinningPrefix(this.pinning, plan.side);
    const words = ['-k', '2', String(Math.ceil(plan.secondsMax)), ...prefix, plan.command, ...plan.args];
    const child = spawn('timeout', words, {
      detached: true,
      env: { ...process.env, ...plan.env },
      serialization: 'advanced',
      stdio: plan.messages === true ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid === undefined) throw new Error(`${plan.name}: cannot be started (is \`timeout\` installed?)`);
    let output = '';
    const collect = (bytes: Buffer) => {
      if (output.length < outputCharsMax) output += bytes.toString('utf8');
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const started: Child = { name: plan.name, pid: child.pid, process: child, output: () => output };
    this.#living.set(child.pid, started);
    child.on('error', () => {});
    child.once('exit', () => this.#living.delete(started.pid));
    return started;
  }

  /** Runs a child to its end and returns what it printed; rejects unless it ends with code 0. */
  async run(plan: ChildPlan): Promise<string> {
    const child = this.start(plan);
    const [code] = await once(child.process, 'close');
    if (code !== 0) throw new Error(`${plan.name} ended with ${code}: ${child.output().slice(-complaintChars)}`);
    return child.output();
  }

  /** Waits until the child serves; rejects when it ends before that or takes longer than 15 seconds. */
  async ready(child: Child, readiness: Readiness): Promise<void> {
    const deadlineMs = performance.now() + startMsMax;
    while (performance.now() < deadlineMs) {
      if (child.process.exitCode !== null || child.process.signalCode !== null) {
        throw new Error(`${child.name} ended before it was ready: ${child.output().slice(-complaintChars)}`);
      }
      if (await ('port' in readiness ? accepts(readiness.port) : answers(readiness.url))) return;
      await delay(pollMs);
    }
    throw new Error(`${child.name} was not ready after ${startMsMax} ms: ${child.output().slice(-complaintChars)}`);
  }

  /** Kills one child and its group. */
  kill(child: Child): void {
    if (!this.#living.delete(child.pid)) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group has ended already.
    }
  }

  [Symbol.dispose](): void {
    for (const child of this.#living.values()) this.kill(child);
    process.off('exit', this.#onExit);
  }
}

/** Makes Ctrl-C and SIGTERM an ordinary exit, so that every nursery kills its children. */
export function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const settle = (accepted: boolean) => () => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', settle(true)).once('error', settle(false)).once('timeout', settle(false));
  });
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('error', () => resolve(false)).once('timeout', () => request.destroy());
  });
}
