/**
 * Tidegate as its users run it: a child process of `bin/tidegate.js` with a config file in a directory of its own.
 *
 * The child's log is read line by line, and is how tests wait for what happens inside. Every child is ended by its
 * process id when the test is over, whatever the test did before.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Admin } from './admin.ts';
import { withoutHook } from './own-environment.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/tidegate.js', import.meta.url));
/** No promise: what takes longer never comes, however busy the machine is. */
const LINE_DEADLINE_MS = 60_000;
const LINES_MAX = 20_000;

/** A line of the child's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** What a test needs of tap: a place to leave its cleaning up. */
export interface Cleaning {
  teardown(clean: () => unknown): void;
}

/** How a child has ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A directory that is removed when the test is over. */
export async function temporaryDirectory(t: Cleaning): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-scenario-'));
  t.teardown(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** A running Tidegate. */
export class Tidegate {
  readonly file: string;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly lines: LogLine[] = [];
  admin!: Admin;
  /** The port of each listener, by the listener's name. */
  ports: ReadonlyMap<string, number> = new Map();
  errors = '';
  #listeners = new Set<() => void>();
  #running = true;

  private constructor(file: string, child: ChildProcess) {
    this.file = file;
    this.child = child;
    const drained = once(child, 'close');
    this.exited = drained.then(([code, signal]) => {
      this.#running = false;
      this.#wake();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push(parsed(line));
      if (this.lines.length > LINES_MAX) throw new Error('the log of a test is longer than it may be');
      this.#wake();
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
  }

  /** Starts Tidegate with a config file that exists, and waits until it says that it runs. */
  static async start(t: Cleaning, file: string, options: LaunchOptions = {}): Promise<Tidegate> {
    const words = [...(options.nodeArgs ?? []), options.program ?? PROGRAM, 'run', '--config', file];
    const [program, args] = withoutHook(process.execPath, words);
    const [first, ...rest] = [...(options.under ?? []), program, ...args] as [string, ...string[]];
    const child = spawn(first, rest, {
      cwd: join(file, '..'),
      env: { PATH: process.env.PATH, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const tidegate = new Tidegate(file, child);
    t.teardown(() => tidegate.kill());
    const running = await tidegate.line('it runs', (line) => line.msg === 'Tidegate is running');
    const listeners = running.listeners as readonly { readonly name: string; readonly address: string }[];
    tidegate.ports = new Map(listeners.map(({ name, address }) => [name, portOf(address)]));
    tidegate.admin = new Admin(portOf(running.admin as string));
    return tidegate;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The port of the first listener. */
  get port(): number {
    return [...this.ports.values()][0]!;
  }

  /** The first line from index `from` on that fits, as soon as there is one; rejects when the child ends without it. */
  async line(what: string, fits: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    const late = AbortSignal.timeout(LINE_DEADLINE_MS);
    for (let next = from; ; ) {
      for (; next < this.lines.length; next++) if (fits(this.lines[next]!)) return this.lines[next]!;
      if (!this.#running) throw new Error(`Tidegate has ended before ${what}: ${this.errors}`);
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          this.#listeners.delete(wake);
          late.removeEventListener('abort', giveUp);
          resolve();
        };
        const giveUp = (): void => {
          this.#listeners.delete(wake);
          reject(new Error(`Tidegate did not say in time that ${what}: ${JSON.stringify(this.lines.slice(-5))}`));
        };
        this.#listeners.add(wake);
        late.addEventListener('abort', giveUp, { once: true });
      });
    }
  }

  /** Sends a signal to the child. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the child at once, as a power cut would, and waits for its end. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Replaces the config file by one rename. */
  async save(text: string | Buffer): Promise<void> {
    const beside = `${this.file}.new`;
    await writeFile(beside, text);
    await rename(beside, this.file);
  }

  /** Edits the config file: what `change` makes of its text is saved. */
  async edit(change: (text: string) => string): Promise<void> {
    await this.save(change(await readFile(this.file, 'utf8')));
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What is run, and how, if not the program of the checkout in the directory of its config. */
export interface LaunchOptions {
  readonly program?: string;
  readonly nodeArgs?: readonly string[];
  /** A command that becomes the program, such as one that gives up rights, with its own arguments. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes the config into a new directory; gives the path of the file. */
export async function configFile(t: Cleaning, config: string): Promise<string> {
  const file = join(await temporaryDirectory(t), 'tidegate.yaml');
  await writeFile(file, config);
  return file;
}

/** Starts Tidegate with a config in a directory of its own. */
export async function startTidegate(t: Cleaning, config: string): Promise<Tidegate> {
  return Tidegate.start(t, await configFile(t, config));
}

/** Runs a verb of the command line against this Tidegate; rejects unless it ends with 0. */
export function command(tidegate: Tidegate, ...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [PROGRAM, ...words, '--admin', `http://127.0.0.1:${tidegate.admin.port}`];
    execFile(...withoutHook(process.execPath, args), { timeout: LINE_DEADLINE_MS }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(new Error(`tidegate ${words.join(' ')} has failed: ${err}${out}`));
    });
  });
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
