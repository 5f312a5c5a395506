/**
 * What a release is judged by: for each gate position the share it sent to the candidate, and what came of it on both sides.
 *
 * Plain data, whole numbers. It can be written to the state store and read back without the loss of a digit, and everything
 * the judge says is a function of it, so a restart in the middle of a rollout goes on with the same numbers and a past
 * rollout can be judged again. Sums that depend on the margin are not kept, since they could not be judged again.
 *
 * The counts of an epoch are totals and replace what was known of it: the same look recorded twice changes nothing, and
 * exchanges of an earlier epoch that end late find their place. Counts that are no counts, that shrink, or that come with
 * another share than before mean that the source is broken. They are refused as a whole, with the reason, and what was
 * known stays; the caller reports the signal as unknown.
 */
import type { EpochEvents } from './relative-risk.ts';

/** Gate positions of one rollout that are kept apart; further ones are refused. */
export const EPOCHS_MAX = 1024;

/** One side of an epoch: exchanges that were judged, and by threshold how many of them were bad. */
export interface SideCounts {
  readonly requests: number;
  readonly events: readonly number[];
}

/** One gate position as one signal saw it. `share` is the candidate's part of what both sides get, from 0 to 1. */
export interface EpochCounts {
  readonly epoch: number;
  readonly share: number;
  readonly candidate: SideCounts;
  readonly active: SideCounts;
}

/** All that one signal knows, epochs in ascending order. */
export interface Evidence {
  readonly thresholds: number;
  readonly epochs: readonly EpochCounts[];
}

export type Recorded =
  | { readonly kind: 'recorded'; readonly evidence: Evidence }
  | { readonly kind: 'refused'; readonly reason: string };

/** Evidence of nothing, for a signal with so many thresholds (1 for one that is just bad or not). */
export function noEvidence(thresholds: number): Evidence {
  return { thresholds, epochs: [] };
}

/** The candidate's share from the weights of the two pools; 0 when neither has any. Other pools are not compared. */
export function shareOf(candidateWeight: number, activeWeight: number): number {
  const total = candidateWeight + activeWeight;
  return total > 0 ? candidateWeight / total : 0;
}

/** The evidence with the totals of one epoch in place of what was known of it. */
export function recordEpoch(evidence: Evidence, counts: EpochCounts): Recorded {
  const at = evidence.epochs.findIndex(({ epoch }) => epoch >= counts.epoch);
  const found = at === -1 ? undefined : evidence.epochs[at]!;
  const before = found?.epoch === counts.epoch ? found : undefined;
  const reason = reasonToRefuse(counts, before, evidence);
  if (reason !== null) return { kind: 'refused', reason };
  const epochs = [...evidence.epochs];
  epochs.splice(at === -1 ? epochs.length : at, before === undefined ? 0 : 1, counts);
  return { kind: 'recorded', evidence: { ...evidence, epochs } };
}

/** What came after `earlier`, another account of the same epoch: how the first `warmUp` of a step is left out. */
export function countsSince(counts: EpochCounts, earlier: EpochCounts): EpochCounts {
  return {
    ...counts,
    candidate: sideSince(counts.candidate, earlier.candidate),
    active: sideSince(counts.active, earlier.active),
  };
}

/** The sums over all epochs from `sinceEpoch` on. */
export function totalsOf(
  evidence: Evidence,
  sinceEpoch: number,
): { readonly candidate: SideCounts; readonly active: SideCounts } {
  const epochs = evidence.epochs.filter(({ epoch }) => epoch >= sinceEpoch);
  return {
    candidate: sumOf(
      epochs.map(({ candidate }) => candidate),
      evidence.thresholds,
    ),
    active: sumOf(
      epochs.map(({ active }) => active),
      evidence.thresholds,
    ),
  };
}

/** The bad events alone, as the engine takes them, of all epochs from `sinceEpoch` on. */
export function eventsOf(evidence: Evidence, sinceEpoch: number): EpochEvents[] {
  return evidence.epochs
    .filter(({ epoch }) => epoch >= sinceEpoch)
    .map(({ share, candidate, active }) => ({ share, candidate: candidate.events, active: active.events }));
}

function sideSince(side: SideCounts, earlier: SideCounts): SideCounts {
  return {
    requests: side.requests - earlier.requests,
    events: side.events.map((count, threshold) => count - earlier.events[threshold]!),
  };
}

function sumOf(sides: readonly SideCounts[], thresholds: number): SideCounts {
  return {
    requests: sides.reduce((sum, { requests }) => sum + requests, 0),
    events: Array.from({ length: thresholds }, (_, threshold) =>
      sides.reduce((sum, { events }) => sum + events[threshold]!, 0),
    ),
  };
}

function reasonToRefuse(counts: EpochCounts, before: EpochCounts | undefined, evidence: Evidence): string | null {
  if (!isCount(counts.epoch)) return `${counts.epoch} is not an epoch`;
  if (!(counts.share >= 0 && counts.share <= 1)) return `a share of ${counts.share} is not from 0 to 1`;
  for (const side of [counts.candidate, counts.active]) {
    if (side.events.length !== evidence.thresholds) return `${side.events.length} counts for ${evidence.thresholds}`;
    const strange = [side.requests, ...side.events].find((count) => !isCount(count));
    if (strange !== undefined) return `${strange} is not a count`;
  }
  if (before === undefined) {
    return evidence.epochs.length < EPOCHS_MAX ? null : `more than ${EPOCHS_MAX} gate positions`;
  }
  if (before.share !== counts.share) return `epoch ${counts.epoch} had the share ${before.share}`;
  const hasShrunk = hasShrunkSince(counts.candidate, before.candidate) || hasShrunkSince(counts.active, before.active);
  return hasShrunk ? `counts of epoch ${counts.epoch} have shrunk` : null;
}

function hasShrunkSince(side: SideCounts, earlier: SideCounts): boolean {
  return side.requests < earlier.requests || side.events.some((count, threshold) => count < earlier.events[threshold]!);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
