/**
 * What counts as a bad event, as data: which statuses, which failures of the upstream, and from which duration on.
 *
 * Exactly one judgement for each exchange, on its first attempt. A first attempt that failed is the version's bad event even
 * when another one saved the user, and the other one says nothing more: who was rescued is another series.
 *
 * Some things never count, whatever the rule says, because the gate did not assign them by chance or because they are not
 * the version's doing. They are left out of the bad events and of the requests alike.
 *
 * A pattern such as `4xx` covers its class but for 401, 404 and 429, which speak of the client; they count when named. By
 * default no 4xx counts: a client that scans for secrets would otherwise decide about releases.
 */
import type { Outcome } from '../stats/series.ts';

/** A class such as `5xx`, or one status from 100 to 599. */
export type StatusPattern = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | number;

/** Ways in which an attempt can fail without a status that says so. */
export const FAILURES = ['timeout', 'connect', 'reset', 'protocol', 'unavailable'] as const;
export type Failure = (typeof FAILURES)[number];

/** Which exchanges are bad. */
export interface BadEventRule {
  readonly statuses: readonly StatusPattern[];
  readonly failures: readonly Failure[];
  /** Durations of the whole exchange from here on are bad, in microseconds; null for none. */
  readonly slowerThanUs: number | null;
}

/** 5xx and every failure of the upstream. */
export const DEFAULT_BAD_EVENTS: BadEventRule = { statuses: ['5xx'], failures: FAILURES, slowerThanUs: null };

/** Why an exchange is not judged at all. */
export type Exclusion =
  | 'forced-pool'
  | 'health-check'
  | 'mirrored'
  | 'later-attempt'
  | 'client-gone'
  | 'own-answer'
  | 'excluded-route'
  | 'warm-up';

/** What is known of an attempt when its exchange ends. */
export interface AttemptFacts {
  /** Status of the attempt's answer; 0 when there was none. */
  readonly status: number;
  readonly outcome: Outcome;
  readonly durationUs: number;
  /** 1 for the first attempt of its exchange. */
  readonly attempt: number;
  /** The pool was chosen by a preview header or a flag instead of by the gate. */
  readonly isForced: boolean;
  readonly isHealthCheck: boolean;
  readonly isMirrored: boolean;
  readonly isRouteExcluded: boolean;
  /** The exchange was routed before the first `warmUp` of its step was over. */
  readonly isWarmUp: boolean;
}

export type Classification =
  | { readonly kind: 'good' }
  | { readonly kind: 'bad'; readonly why: 'status' | 'failure' | 'slow' }
  | { readonly kind: 'not-counted'; readonly why: Exclusion };

const NAMED_ONLY: readonly number[] = [401, 404, 429];
const STATUS_END = 600;

/** A rule made ready for the data plane. */
export interface BadEventTable {
  /** 1 for each status that is bad; 600 cells. */
  readonly statuses: Uint8Array;
  readonly failures: ReadonlySet<Outcome>;
  readonly slowerThanUs: number;
}

/** Prepares a rule, once for each snapshot. */
export function badEventTable(rule: BadEventRule): BadEventTable {
  const statuses = new Uint8Array(STATUS_END);
  for (const pattern of rule.statuses) {
    if (typeof pattern === 'number') {
      statuses[pattern] = 1;
      continue;
    }
    const first = Number(pattern[0]) * 100;
    for (let status = first; status < first + 100; status++) if (!NAMED_ONLY.includes(status)) statuses[status] = 1;
  }
  return {
    statuses,
    failures: new Set<Outcome>(rule.failures),
    slowerThanUs: rule.slowerThanUs ?? Number.POSITIVE_INFINITY,
  };
}

/** Whether this attempt is judged, and how. */
export function classify(facts: AttemptFacts, table: BadEventTable): Classification {
  const exclusion = exclusionOf(facts);
  if (exclusion !== null) return { kind: 'not-counted', why: exclusion };
  if (table.failures.has(facts.outcome)) return { kind: 'bad', why: 'failure' };
  if (table.statuses[facts.status] === 1) return { kind: 'bad', why: 'status' };
  return facts.durationUs >= table.slowerThanUs ? { kind: 'bad', why: 'slow' } : { kind: 'good' };
}

function exclusionOf(facts: AttemptFacts): Exclusion | null {
  if (facts.isForced) return 'forced-pool';
  if (facts.isHealthCheck) return 'health-check';
  if (facts.isMirrored) return 'mirrored';
  if (facts.attempt > 1) return 'later-attempt';
  if (facts.isRouteExcluded) return 'excluded-route';
  if (facts.isWarmUp) return 'warm-up';
  switch (facts.outcome) {
    case 'client-gone':
      return 'client-gone';
    case 'internal':
    // A kept connection that the endpoint closed while it was used says nothing of the version.
    case 'reuse-race':
      return 'own-answer';
    case 'ok':
    case '5xx':
    case 'connect':
    case 'timeout':
    case 'reset':
    case 'protocol':
    case 'unavailable':
      return null;
    default:
      return facts.outcome satisfies never;
  }
}
