/**
 * What happens to the control plane without anybody having asked for it, and who is told of it.
 *
 * A data thread that dies, and a name that nobody knows any more. Each is a line in the log for whoever reads it now, and an
 * event for whoever asks later; a dead thread's rows of the board are settled before another thread takes them.
 */
import type { Logger } from 'pino';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { EventLog } from './event-log.ts';

export interface IncidentsOptions {
  readonly board: Board;
  readonly owner: ProcessOwner;
  readonly events: EventLog;
  readonly log: Logger;
}

export class Incidents {
  readonly #options: IncidentsOptions;

  constructor(options: IncidentsOptions) {
    this.#options = options;
  }

  /** A data thread has died: its books are closed before another takes its rows. */
  threadDied(thread: number, cause: string): void {
    const { board, owner, events, log } = this.#options;
    const lost = board.settle(thread);
    owner.settleDeadThread(thread);
    log.error({ thread, lost, cause }, 'a data thread has died and is being replaced');
    events.append('thread', null, `data thread ${thread} has died with ${lost} exchanges in flight`, { thread, lost });
  }

  threadReplaced(thread: number): void {
    const { events, log } = this.#options;
    log.info({ thread }, 'a data thread has been replaced');
    events.append('thread', null, `data thread ${thread} has been replaced`, { thread });
  }

  /** The name of endpoints is not found any more. */
  nameLost(name: string, why: string, addresses: number): void {
    const { events, log } = this.#options;
    const kept = addresses === 0 ? 'no address of it is known' : `the last ${addresses} known are kept`;
    const text = `${name} is not found (${why}): ${kept}`;
    log.warn({ name }, text);
    events.append('names', null, text, { name, why, addresses });
  }
}
