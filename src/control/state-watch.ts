/**
 * Follows the state file through its troubles, and tells of them once each: when nothing can be written, when it can
 * again, when a damaged file was set aside.
 *
 * Traffic moves while nothing can be written, because somebody on a broken version at night has to get off it, full disk
 * or not. What was answered meanwhile is answered with `stored: false` and written as soon as that is possible. The
 * position that is written then is the one in force: what stands in memory is later than anything in a file.
 *
 * Trying is cheap and is done every second; opening a file anew is not, and waits longer. Rejected: to refuse changes that
 * cannot be kept (it protects a record and not the users), and to fail the readiness probe (it would take a proxy that
 * serves everybody out of service for a disk).
 */
import type { Logger } from 'pino';
import type { EventLog } from './event-log.ts';
import type { Flags } from './flags.ts';
import type { Gates } from './gates.ts';
import type { StateView } from './operations.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { StateStore } from './state-store.ts';

/** Ticks between two tries to open a file that is not open. */
const REOPEN_EVERY = 5;

export interface StateWatchOptions {
  readonly store: StateStore;
  readonly gates: Gates;
  readonly rollouts: RolloutStore;
  readonly flags: Pick<Flags, 'keepAll' | 'keepUnkept' | 'unkept'>;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class StateWatch {
  readonly #options: StateWatchOptions;
  #ticks = 0;
  /** What was told last; null when all was well. */
  #told: string | null = null;
  #since: string | null = null;
  #asideTold = 0;

  constructor(options: StateWatchOptions) {
    this.#options = options;
    const { store, gates, rollouts, flags, events } = options;
    store.onOtherFile = () => {
      events.joinHistory();
      gates.keepAll();
      rollouts.keepAll();
      flags.keepAll();
    };
  }

  /** Tries what may be possible by now, and tells what has changed. To be called every second. */
  tick(): void {
    const { store, gates, rollouts, flags, events } = this.#options;
    if (store.fault === null || this.#ticks % REOPEN_EVERY === 0) store.look();
    this.#ticks += 1;
    if (gates.keepUnkept()) events.keepUnkept();
    rollouts.keepUnkept();
    flags.keepUnkept();
    this.#tellSetAside();
    this.#tellFault();
  }

  view(): StateView {
    const { store, gates, rollouts, flags, events, now } = this.#options;
    const problem = store.fault?.text ?? null;
    return {
      file: store.path,
      writable: problem === null,
      problem,
      // It may be a moment older than the next tick, which is when it is told.
      since: problem === null ? null : (this.#since ?? new Date(now()).toISOString()),
      unkept: gates.unkept + events.unkept + rollouts.unkept + flags.unkept,
      setAside: store.setAside,
    };
  }

  #tellSetAside(): void {
    const { store, log, events } = this.#options;
    for (; this.#asideTold < store.setAside.length; this.#asideTold++) {
      const setAside = store.setAside[this.#asideTold]!;
      const text = 'the state file was damaged and has been set aside';
      log.error({ setAside }, text);
      events.append('state', null, `${text}: ${setAside}`, { file: store.path, setAside });
    }
  }

  #tellFault(): void {
    const { store, log, events, now } = this.#options;
    const problem = store.fault?.text ?? null;
    if (problem === this.#told) return;
    const wasWell = this.#told === null;
    this.#told = problem;
    const file = store.path;
    if (problem === null) {
      this.#since = null;
      const text = 'the state file is written again, and has everything that it missed';
      log.info({ file }, text);
      events.append('state', null, text, { file, writable: true });
      return;
    }
    if (wasWell) this.#since = new Date(now()).toISOString();
    const text = `the state file cannot be written: ${problem}`;
    log.error({ file, problem }, `${text}; traffic is served and can be moved, but a restart would forget it`);
    events.append('state', null, text, { file, writable: false, problem });
  }
}
