/**
 * What becomes of a change of flags once it is so: it is kept, counted, logged and told, and whoever asked for it gets a receipt.
 *
 * As with traffic the change comes first and the state file after it, and before the answer: an emergency does not wait for a disk,
 * and what was answered survives. What the file does not take is so all the same, and the receipt says that a restart would forget it.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { EventLog } from './event-log.ts';
import { type AdoptedChange, recordOf, standOf, type Word } from './flag-book.ts';
import type { FlagHow, FlagReceipt } from './flag-operations.ts';
import type { FlagStore } from './flag-store.ts';
import { flagSentence } from './flag-views.ts';

export interface FlagJournalOptions {
  readonly store: FlagStore;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Changes at once that are told one by one; of more, there is one event. */
const TOLD_SINGLY_MAX = 20;

/** How often a flag was changed since the start, and how. */
export interface FlagChangeCount {
  readonly flag: string;
  readonly how: FlagHow;
  readonly count: number;
}

type Said = AdoptedChange & { readonly word: Word };

export class FlagJournal {
  readonly #options: FlagJournalOptions;
  readonly #counts = new Map<string, { readonly flag: string; readonly how: FlagHow; count: number }>();

  constructor(options: FlagJournalOptions) {
    this.#options = options;
  }

  /** Keeps and tells what has changed; gives the receipts of what somebody has said. No request acts on what was so before. */
  conclude(changes: readonly AdoptedChange[]): readonly FlagReceipt[] {
    this.#tellProblems(changes);
    const said = changes.filter((change): change is Said => change.word !== null);
    if (said.length === 0) return [];
    const { store, log } = this.#options;
    const receipts = said.map((change) => this.#receiptOf(change));
    const records = said.map(({ name, after }) => [name, after === null ? null : recordOf(after)] as const);
    const kept = store.save(new Map(records), receipts);
    if (!kept.ok) {
      const flags = said.map(({ name }) => name);
      log.error({ flags, error: kept.error }, 'flags have changed and are not kept: a restart now would forget it');
    }
    const made = kept.ok ? receipts : receipts.map((receipt) => ({ ...receipt, stored: false }));
    for (const receipt of made) this.#count(receipt);
    if (made.length <= TOLD_SINGLY_MAX)
      for (const receipt of made) this.#tell(flagSentence(receipt), eventData(receipt));
    else {
      const { how, by, reason } = made[0]!;
      const flags = made.map(({ flag }) => flag);
      this.#tell(`${flags.length} flags: ${how} by ${by}`, { flags, how, by, reason });
    }
    return made;
  }

  #tell(text: string, data: object): void {
    const { events, log } = this.#options;
    log.info(data, text);
    events.append('flag', null, text, data);
  }

  counts(): readonly FlagChangeCount[] {
    return [...this.#counts.values()];
  }

  #receiptOf({ name, before, after, word }: Said): FlagReceipt {
    return {
      flag: name,
      revision: after?.revision ?? before!.revision + 1,
      how: word.how,
      from: standOf(before),
      to: standOf(after),
      at: after?.since.at ?? new Date(this.#options.now()).toISOString(),
      appliedMs: Math.round((performance.now() - word.startedAt) * 1000) / 1000,
      by: word.by,
      reason: word.reason,
      ...(word.decision === undefined ? {} : { decision: word.decision }),
      stored: true,
    };
  }

  #tellProblems(changes: readonly AdoptedChange[]): void {
    const { events, log } = this.#options;
    for (const { name, before, after } of changes) {
      const problem = after?.problem ?? null;
      if (problem === null || problem === before?.problem) continue;
      const text = `flag ${name} is off, because what it needs is not there: ${problem}`;
      log.error({ flag: name }, text);
      events.append('flag', null, text, { flag: name, problem });
    }
  }

  #count({ flag, how, to }: FlagReceipt): void {
    if (to === null) {
      for (const [key, known] of this.#counts) if (known.flag === flag) this.#counts.delete(key);
      return;
    }
    const key = `${flag} ${how}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { flag, how, count: 1 });
    else known.count += 1;
  }
}

/** Of a receipt, what an event has: without the definitions, which may be long and are in the history as the whole decision is. */
function eventData({ from, to, decision, ...rest }: FlagReceipt): object {
  const stand = {
    ...rest,
    share: to?.share ?? null,
    killed: to?.killed ?? null,
    isNew: from === null,
    isGone: to === null,
  };
  if (decision === undefined) return stand;
  const { suspect, table, releases } = decision;
  return { ...stand, suspect, table, releases };
}
