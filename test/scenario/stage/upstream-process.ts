/**
 * An application behind Tidegate in a process of its own, which can be killed like any other: `upstream-program.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { withoutHook } from './own-environment.ts';
import type { Cleaning } from './tidegate.ts';

const PROGRAM = fileURLToPath(new URL('./upstream-program.ts', import.meta.url));

export class UpstreamProcess {
  /** How often each path has reached the application. */
  readonly arrivals = new Map<string, number>();
  port = 0;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(version: string) {
    this.#child = spawn(...withoutHook(process.execPath, [PROGRAM, version]), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#closed = once(this.#child, 'close');
  }

  static async start(t: Cleaning, version: string): Promise<UpstreamProcess> {
    const upstream = new UpstreamProcess(version);
    t.teardown(() => upstream.kill());
    const lines = createInterface({ input: upstream.#child.stdout! });
    const [port] = (await once(lines, 'line')) as [string];
    upstream.port = Number(port);
    lines.on('line', (path) => upstream.arrivals.set(path, (upstream.arrivals.get(path) ?? 0) + 1));
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Kills the process as the system does (SIGKILL), and waits until all that it had said is known. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
