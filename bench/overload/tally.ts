/**
 * What became of the requests of one load, and the figures of it. Pure, so that the arithmetic that says how much was
 * answered in time is itself tested.
 */

/** One load, as the generator is told of it. */
export interface LoadOrder {
  readonly rate: number;
  readonly connections: number;
  /** Requests that are due before this are made and not counted. */
  readonly settleMs: number;
  readonly measureMs: number;
  readonly deadlineMs: number;
}

/** Requests that were due in the measured time, by what became of them; together they are `due`. */
export interface Tally {
  due: number;
  /** Answered with 200 within the deadline. */
  good: number;
  /** Not answered by the deadline. */
  late: number;
  /** Answered with 503 before it. */
  refused: number;
  /** Answered otherwise, or the connection ended. */
  broken: number;
  /** Never sent: every connection was waiting for an answer. */
  unsent: number;
  /** How long each good answer took from the moment at which its request was due. */
  readonly goodMs: number[];
}

/** One load against one setting. */
export interface Trial {
  /** The load as a multiple of what was measured as the capacity. */
  readonly load: number;
  readonly shedding: boolean;
  readonly offered: number;
  /** Requests per second that were answered in time. */
  readonly goodput: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly refusedShare: number;
  readonly lateShare: number;
  readonly brokenShare: number;
  readonly unsentShare: number;
}

/** The figures of a tally over `measureMs`. */
export function trialOf(load: number, shedding: boolean, tally: Tally, measureMs: number): Trial {
  const sorted = [...tally.goodMs].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  const share = (count: number) => (tally.due === 0 ? 0 : count / tally.due);
  return {
    load,
    shedding,
    offered: (tally.due * 1000) / measureMs,
    goodput: (tally.good * 1000) / measureMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    refusedShare: share(tally.refused),
    lateShare: share(tally.late),
    brokenShare: share(tally.broken),
    unsentShare: share(tally.unsent),
  };
}

/** What is left of the best goodput of a setting at its highest load, from 0 to 1; null without any goodput. */
export function keptAtHighest(trials: readonly Trial[], shedding: boolean): number | null {
  const own = trials.filter((trial) => trial.shedding === shedding);
  const peak = Math.max(0, ...own.map((trial) => trial.goodput));
  const highest = own.reduce<Trial | null>((most, one) => (most === null || one.load > most.load ? one : most), null);
  return highest === null || peak === 0 ? null : highest.goodput / peak;
}
