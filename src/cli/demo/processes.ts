/**
 * The child processes of the demo: none outlives it.
 *
 * Children are killed by their process id on every way out, and each is on a leash (`leash.ts`) for the one way that runs
 * no code. They lead process groups of their own, because Ctrl-C in a terminal reaches a whole group at once, and servers
 * that end before the load does would lose requests that nobody else has lost.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const LEASH = new URL(import.meta.url.endsWith('.ts') ? './leash.ts' : './leash.js', import.meta.url);
/** How long a child may take to stop in order before it is killed. */
const STOP_MS_MAX = 5000;

/** A child that runs; `name` is for people. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

/** All children of one demo. */
export class Processes {
  readonly #living = new Map<number, Child>();
  readonly #onExit = () => this.killAll();

  constructor() {
    process.once('exit', this.#onExit);
  }

  /** Starts a program of Node with a message channel; its standard output is a pipe that must be read. */
  start(name: string, script: URL, args: readonly string[]): Child {
    const child = fork(fileURLToPath(script), args, {
      execArgv: ['--import', LEASH.href],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    if (child.pid === undefined) throw new Error(`${name} cannot be started`);
    const started: Child = { name, pid: child.pid, process: child };
    this.#living.set(started.pid, started);
    child.on('error', () => {});
    child.once('exit', () => this.#living.delete(started.pid));
    return started;
  }

  /** Asks a child to stop and waits until it has; kills it when it takes too long. */
  async stop(child: Child): Promise<void> {
    if (!this.#living.has(child.pid)) return;
    const ended = once(child.process, 'exit');
    const late = setTimeout(() => child.process.kill('SIGKILL'), STOP_MS_MAX);
    child.process.kill('SIGTERM');
    await ended;
    clearTimeout(late);
  }

  /** Kills whatever still runs, at once. */
  killAll(): void {
    for (const child of this.#living.values()) child.process.kill('SIGKILL');
    process.off('exit', this.#onExit);
  }
}
