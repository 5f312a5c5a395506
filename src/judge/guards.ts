/**
 * Rules around the statistics: what must be true beside the evidence before anybody is blamed or stopped.
 *
 * The floor asks for a few distinct units with a bad event on the candidate, whatever the evidence says: at a share of 1% two
 * failures are evidence of 140, and two failures are one unlucky user with a retry.
 *
 * The ceiling is absolute. The relative rule is blind when the candidate poisons what both sides share (a database, a cache),
 * because then both fail alike. Over the ceiling alone, the candidate is blamed; over it together, the ramp halts and nobody
 * is, since the counts cannot tell a poisoner from an outage. A side counts as in trouble with the other from half of the
 * ceiling on, however few requests it has: in an outage that hovers about the ceiling, chance alone would put the smaller
 * side over it first, and where both get half, the candidate is the first to have enough requests every other time. The
 * ceiling spends nothing of the error budget: it is for rates that no version may have.
 */
import type { Tallies, Tally } from './recent.ts';

/** An absolute rule: of at least so many requests of the candidate, no more than this share may be bad. */
export interface Ceiling {
  readonly minRequests: number;
  /** Above 0, up to 1. */
  readonly share: number;
}

export type CeilingFinding = 'under' | 'candidate-over' | 'both-over';

/** What the ceiling says of these counts; an active side without requests cannot share the blame. */
export function checkCeiling({ candidate, active }: Tallies, { minRequests, share }: Ceiling): CeilingFinding {
  if (candidate.requests < minRequests || badShare(candidate) < share) return 'under';
  return badShare(active) >= share / 2 ? 'both-over' : 'candidate-over';
}

/** The counts that a ceiling looks at: the last minute, or all of the step while that is too little. */
export function ceilingView(recent: Tallies, step: Tallies, { minRequests }: Ceiling): Tallies {
  return recent.candidate.requests >= minRequests ? recent : step;
}

/** The part of the requests that was bad; 0 when there were none. */
export function badShare({ requests, bad }: Tally): number {
  return requests > 0 ? bad / requests : 0;
}
