/**
 * Watching the config file: each text that the file settles on is handed over once.
 *
 * People and programs save files in many ways: in place, truncated first, by a rename over the old name, by a swap of a
 * link somewhere on the way. All of them come down to one question, asked again whenever the disk stirs: what does the
 * path lead to now, and has it stopped changing? So chokidar's events are only a nudge; they are never believed in
 * detail, which makes lost, doubled and reordered ones harmless. Its own `awaitWriteFinish` was rejected: it polls
 * the size, and a text of the same length that is half new passes for settled.
 *
 *     event ──▶ read ──25 ms──▶ read ── same? ──▶ differs from the last text? ──▶ onSettled
 *                ▲                       │ no
 *                └───────────────────────┘
 *
 * A text that looks unfinished must stand still for longer: an empty file and a missing one (an editor is between two
 * steps), and one whose last line has no end.
 */

import { type BigIntStats, constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { wayTo } from './links.ts';
import { decodeConfig, unreadable } from './load.ts';

/** How long a text, an unfinished text, and nothing at all must stand still, in milliseconds. */
const STILL_MS = 25;
const STILL_UNFINISHED_MS = 50;
const STILL_NOTHING_MS = 250;
/** So long a watcher may take to be ready before the file is looked at all the same. */
const READY_MS = 1000;
/** A config larger than this many bytes is not read. */
const BYTES_MAX = 16 * 1024 * 1024;

/** What is told when the file has settled. */
export type WatchEvents = {
  /** The file has a text other than the last one that is known; calls come one after the other, in order. */
  readonly onSettled: (text: string) => void;
  /** The file cannot be read or watched; called once until it can be read again. */
  readonly onError: (message: string) => void;
  /** The text that is in effect already; without it, what the file has when the watch begins. */
  readonly known?: string | undefined;
  /** How long an empty or a missing file must stand still, in milliseconds; 250 unless given. */
  readonly nothingStillMs?: number;
};

/** A running watch. */
export type ConfigWatch = {
  /** Resolves when no later change can be missed. */
  readonly ready: Promise<void>;
  /** Looks at the file as if the disk had stirred (SIGHUP); resolves when it has settled and everything was told. */
  readonly check: () => Promise<void>;
  /** Releases everything; after it resolves nothing is called any more. */
  readonly close: () => Promise<void>;
};

/** Begins to watch the file at a path, which need not exist. */
export function watchConfig(path: string, events: WatchEvents): ConfigWatch {
  const watching = new Watching(path, events);
  const ready = watching.begin();
  return { ready, check: () => watching.check(), close: () => watching.close() };
}

type Seen =
  | { readonly kind: 'text'; readonly text: string; readonly stamp: string }
  | { readonly kind: 'unreadable'; readonly message: string };

class Watching {
  readonly #path: string;
  readonly #events: WatchEvents;
  readonly #stop = new AbortController();
  #watcher: FSWatcher | undefined;
  #way = '';
  #wake: (() => void) | undefined;
  #known: string | undefined;
  #complaint: string | undefined;
  #stirred = false;
  #settling: Promise<void> | undefined;
  #began: Promise<void> = Promise.resolve();

  constructor(path: string, events: WatchEvents) {
    this.#path = path;
    this.#events = events;
    this.#known = events.known;
  }

  begin(): Promise<void> {
    this.#began = this.#begin();
    return this.#began;
  }

  nudge(): void {
    this.#stirred = true;
    this.#wake?.();
    if (this.#stop.signal.aborted || this.#settling !== undefined) return;
    this.#settling = this.#settle().finally(() => {
      this.#settling = undefined;
      // A nudge that came after the last look must not be lost.
      if (this.#stirred) this.nudge();
    });
  }

  async check(): Promise<void> {
    await this.#began;
    this.nudge();
    while (this.#settling !== undefined) await this.#settling;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#began;
    await this.#settling;
    await this.#watcher?.close();
  }

  async #begin(): Promise<void> {
    const baseline = await look(this.#path);
    if (this.#known === undefined && baseline.kind === 'text') this.#known = baseline.text;
    await this.#follow();
    // What was saved between the look and the watch has no event of its own.
    this.nudge();
  }

  /**
   * Watches the directories that the path leads through now. A change of them gets a new watcher, and the one before is
   * closed after that: a watch on a directory that was moved away stays with the directory, not with its name.
   */
  async #follow(): Promise<void> {
    const way = await wayTo(this.#path);
    if (this.#stop.signal.aborted || way.identity === this.#way) return;
    this.#way = way.identity;
    const watcher = watch([...way.directories], {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignored: (path) => !way.directories.has(path) && !way.entries.has(path),
    });
    const before = this.#watcher;
    this.#watcher = watcher;
    // `raw` comes with the event of the system; `all` also where the system has none.
    watcher.on('raw', () => this.nudge());
    watcher.on('all', () => this.nudge());
    watcher.on('error', (error) => this.#complain(unwatchable(error)));
    const ready = new Promise<void>((resolve) => watcher.once('ready', resolve));
    const enough = new AbortController();
    const late = wait(READY_MS, true, { signal: enough.signal }).catch(() => false);
    // What is saved before a watcher is ready has no event, so the file is looked at again when one comes late to it.
    if (await Promise.race([ready, late])) void ready.then(() => this.nudge());
    enough.abort();
    await before?.close();
  }

  async #settle(): Promise<void> {
    let seen: Seen | undefined;
    let since = 0;
    while (!this.#stop.signal.aborted) {
      this.#stirred = false;
      await this.#follow();
      const now = await look(this.#path);
      if (this.#stop.signal.aborted) return;
      if (isOld(now, this.#known, this.#complaint)) {
        this.#tell(now);
        return;
      }
      const clock = performance.now();
      if (seen === undefined || !same(seen, now)) [seen, since] = [now, clock];
      const left = since + this.#stillFor(now) - clock;
      if (left <= 0) {
        this.#tell(now);
        return;
      }
      if (!this.#stirred) await this.#pause(left);
    }
  }

  #stillFor(now: Seen): number {
    if (now.kind === 'unreadable' || now.text.trim() === '') return this.#events.nothingStillMs ?? STILL_NOTHING_MS;
    return now.text.endsWith('\n') ? STILL_MS : STILL_UNFINISHED_MS;
  }

  /** Waits so many milliseconds, or until the disk stirs, or until the end. */
  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    // One millisecond more, since a timer may fire a fraction early.
    await wait(Math.ceil(ms) + 1, undefined, { signal: woken.signal }).catch(() => undefined);
    this.#wake = undefined;
  }

  #tell(seen: Seen): void {
    if (seen.kind === 'unreadable') {
      this.#complain(seen.message);
      return;
    }
    this.#complaint = undefined;
    if (seen.text === this.#known) return;
    this.#known = seen.text;
    this.#events.onSettled(seen.text);
  }

  #complain(message: string): void {
    if (message === this.#complaint) return;
    this.#complaint = message;
    this.#events.onError(message);
  }
}

function same(before: Seen, now: Seen): boolean {
  if (before.kind === 'unreadable' || now.kind === 'unreadable') return before.kind === now.kind;
  return before.stamp === now.stamp && before.text === now.text;
}

/** Whether nothing can be told by waiting: the text is the one in effect, or the complaint has been made. */
function isOld(now: Seen, known: string | undefined, complaint: string | undefined): boolean {
  return now.kind === 'text' ? now.text === known : now.message === complaint;
}

async function look(path: string): Promise<Seen> {
  try {
    // Without blocking, since a named pipe would hold the read until someone writes to it.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) return { kind: 'unreadable', message: 'this is not a file' };
    if (before.size > BYTES_MAX) return { kind: 'unreadable', message: `the file is larger than ${BYTES_MAX} bytes` };
    return { kind: 'text', text: decodeConfig(await file.readFile()), stamp: stampOf(before) };
  } catch (error) {
    return { kind: 'unreadable', message: unreadable(error) };
  }
}

function stampOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

function unwatchable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  return `the file cannot be watched (${code})`;
}
