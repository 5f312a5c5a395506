/**
 * The account of a scenario: what became of every request, told apart by whose doing it was.
 *
 *   - answered: the whole answer, byte for byte the one that was asked for.
 *   - refused:  an honest error, where nothing better was possible.
 *   - lost:     an error where an answer was possible: an endpoint of the pool could have given it, and asking it could
 *               not have done anything twice.
 *   - cut:      the answer had begun, and the client saw that it broke off.
 *   - wrong:    an answer, or a request at an endpoint, that looked whole and was altered or somebody else's.
 *
 * What is possible is the scenario's to say (`savable`); the same rule is held against every proxy.
 */
import type { Journal } from './endpoint.ts';
import type { Failure, Load } from './load.ts';

/** Requests of one method. */
export interface Tally {
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  readonly lost: number;
  readonly cut: number;
  readonly wrong: number;
}

export interface Account {
  readonly gets: Tally;
  readonly posts: Tally;
  /** Requests that were saved by a further attempt; null where the proxy does not say. */
  readonly retried: number | null;
  /** POSTs that endpoints have done more than once. */
  readonly twice: number;
  /** Requests that were due and not sent, because too many were under way. */
  readonly held: number;
  /** The rate that was asked for. */
  readonly perSecond: number;
  /** The 99th percentile of the latency of answers, in milliseconds. */
  readonly p99Ms: number;
  /** How often each kind of failure was seen, in words. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What a scenario has measured beyond that, with units in the names. */
  readonly measures: Readonly<Record<string, number>>;
  /** What a reader must know to read the figures. */
  readonly notes: readonly string[];
}

/** Whether a failed request could have been answered. */
export type Savable = (failure: Failure, journal: Journal) => boolean;

/** What `accountOf` is made of. */
export interface Evidence {
  readonly load: Load;
  readonly journal: Journal;
  readonly savable: Savable;
  readonly retried: number | null;
  readonly p99Ms: number;
  readonly measures?: Readonly<Record<string, number>>;
  readonly notes?: readonly string[];
}

/** Settles the account of a load that has ended. */
export function accountOf({ load, journal, savable, retried, p99Ms, measures = {}, notes = [] }: Evidence): Account {
  const verdicts = load.failures.map((failure) => ({ failure, verdict: verdictOn(failure, journal, savable) }));
  const tally = (method: 'GET' | 'POST'): Tally => {
    const count = (wanted: Verdict) =>
      verdicts.filter(({ failure, verdict }) => failure.method === method && verdict === wanted).length;
    const { sent, answered } = load.counts[method];
    const wrongBodies = method === 'POST' ? journal.wrong.length : 0;
    return {
      sent,
      answered,
      refused: count('refused'),
      lost: count('lost'),
      cut: count('cut'),
      wrong: count('wrong') + wrongBodies,
    };
  };
  const reasons: Record<string, number> = {};
  for (const { failure, verdict } of verdicts) {
    const words = `${failure.method} ${verdict}: ${failure.kind} ${failure.status || ''} ${failure.reason}`.slice(
      0,
      160,
    );
    reasons[words] = (reasons[words] ?? 0) + 1;
  }
  return {
    gets: tally('GET'),
    posts: tally('POST'),
    retried,
    twice: journal.twice.length,
    held: load.held,
    perSecond: load.plan.perSecond,
    p99Ms,
    reasons,
    measures,
    notes,
  };
}

type Verdict = 'refused' | 'lost' | 'cut' | 'wrong';

function verdictOn(failure: Failure, journal: Journal, savable: Savable): Verdict {
  switch (failure.kind) {
    case 'wrong':
      return 'wrong';
    case 'cut':
      return 'cut';
    case 'hung':
      return 'lost';
    case 'closed':
      return savable(failure, journal) ? 'lost' : 'cut';
    case 'status':
      return savable(failure, journal) ? 'lost' : 'refused';
    default:
      return failure.kind satisfies never;
  }
}

/** GET and POST together. */
export function totalOf({ gets, posts }: Account): Tally {
  const sum = (key: keyof Tally) => gets[key] + posts[key];
  return {
    sent: sum('sent'),
    answered: sum('answered'),
    refused: sum('refused'),
    lost: sum('lost'),
    cut: sum('cut'),
    wrong: sum('wrong'),
  };
}
