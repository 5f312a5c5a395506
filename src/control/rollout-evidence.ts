/**
 * Reads from the board what one rollout is judged by, gate position by gate position.
 *
 * The board counts by slot, and a slot serves many positions in turn. So each position has a baseline: what its slot stood at
 * when the position took it. Nothing is in flight in a slot that is taken, hence nothing is written to it, so the sample that
 * was taken just before the move is that baseline. A position whose slot is taken by another keeps its last counts.
 *
 * The board begins anew with the process and the epoch does not. So a rollout that goes on after a restart brings what the
 * earlier process had counted, and that is added to the position it belongs to: its counts go on where they stopped.
 *
 * Latency is not judged in the first `warmUp` of a position, which is left out by taking another baseline then. Errors are:
 * a version that fails is not excused by having just begun.
 */

import type { EpochCounts, SideCounts } from '../judge/evidence.ts';
import { BOUNDARIES_MAX, type EvidenceCounts, readEvidence } from '../stats/evidence-cells.ts';
import { POSITION_SLOTS } from '../stats/series.ts';

/** Where a gate stands. */
export interface Standing {
  readonly epoch: number;
  readonly slot: number;
  /** The candidate's part of what both pools get, 0 to 1. */
  readonly share: number;
}

/** What an earlier process has counted, by signal. */
export interface EarlierCounts {
  readonly errors: readonly EpochCounts[];
  readonly latency: readonly EpochCounts[];
}

const NOTHING: EvidenceCounts = { judged: 0, bad: 0, above: new Array<number>(BOUNDARIES_MAX).fill(0) };

type Sides = readonly [active: EvidenceCounts, candidate: EvidenceCounts];

interface Position extends Standing {
  readonly warmUntilMs: number;
  readonly baseline: Sides;
  /** From when latency counts; null while it has not warmed up. */
  warmBaseline: Sides | null;
  last: Sides;
  /** Whether its slot has not been taken by another. */
  isOpen: boolean;
}

export class RolloutEvidence {
  readonly #memories: readonly [active: SharedArrayBuffer, candidate: SharedArrayBuffer];
  readonly #boundaries: number;
  readonly #earlier: EarlierCounts;
  readonly #positions: Position[] = [];
  #sample: (readonly [EvidenceCounts, EvidenceCounts])[] = [];

  /**
   * `boundaries` is how many of them the latency of this rollout is judged by, 0 for none. `earlier` is null for a rollout
   * that begins; for one that goes on in a new process, all that its board has counted is of the position it goes on with.
   */
  constructor(
    active: SharedArrayBuffer,
    candidate: SharedArrayBuffer,
    boundaries: number,
    earlier: EarlierCounts | null,
  ) {
    this.#memories = [active, candidate];
    this.#boundaries = boundaries;
    this.#earlier = earlier ?? { errors: [], latency: [] };
    if (earlier === null) this.sample();
    else this.#sample = Array.from({ length: POSITION_SLOTS }, () => [NOTHING, NOTHING] as const);
  }

  /** Reads every slot. To be called right before each move of the gate, and at each tick once it is known where it stands. */
  sample(): void {
    const [active, candidate] = this.#memories;
    this.#sample = Array.from(
      { length: POSITION_SLOTS },
      (_, slot) => [readEvidence(active, slot), readEvidence(candidate, slot)] as const,
    );
    for (const position of this.#positions) if (position.isOpen) position.last = this.#sample[position.slot]!;
  }

  /** The gate stands here; its latency counts from `warmUntilMs` on. Saying it again changes nothing. */
  stand({ epoch, slot, share }: Standing, nowMs: number, warmUntilMs: number): void {
    if (this.#positions.at(-1)?.epoch !== epoch) {
      for (const position of this.#positions) if (position.slot === slot) position.isOpen = false;
      const last = this.#sample[slot]!;
      const standing = { epoch, slot, share, warmUntilMs, isOpen: true };
      this.#positions.push({ ...standing, baseline: last, warmBaseline: null, last });
    }
    for (const position of this.#positions) {
      if (nowMs >= position.warmUntilMs) position.warmBaseline ??= position.last;
    }
  }

  /** What each position has come to, for the signal of errors. */
  errors(): EpochCounts[] {
    return this.#counts(
      this.#earlier.errors,
      ({ baseline }) => baseline,
      ({ bad }) => [bad],
    );
  }

  /** The same for latency, one count for each boundary. */
  latency(): EpochCounts[] {
    return this.#counts(
      this.#earlier.latency,
      ({ warmBaseline }) => warmBaseline,
      ({ above }) => Array.from({ length: this.#boundaries }, (_, index) => above[index] ?? 0),
    );
  }

  #counts(
    earlier: readonly EpochCounts[],
    baselineOf: (position: Position) => Sides | null,
    eventsOf: (counts: EvidenceCounts) => readonly number[],
  ): EpochCounts[] {
    return this.#positions.flatMap((position) => {
      const { epoch, share, last } = position;
      const baseline = baselineOf(position);
      if (baseline === null) return [];
      const known = earlier.find((counts) => counts.epoch === epoch);
      // An epoch that was given out again, after a kill between a move and its record, is another position.
      if (known !== undefined && known.share !== share) return [];
      const [active, candidate] = [side(last[0], baseline[0], eventsOf), side(last[1], baseline[1], eventsOf)];
      return [{ epoch, share, active: sum(active, known?.active), candidate: sum(candidate, known?.candidate) }];
    });
  }
}

function side(
  last: EvidenceCounts,
  baseline: EvidenceCounts,
  eventsOf: (counts: EvidenceCounts) => readonly number[],
): SideCounts {
  const before = eventsOf(baseline);
  return {
    requests: last.judged - baseline.judged,
    events: eventsOf(last).map((count, index) => count - before[index]!),
  };
}

function sum(counts: SideCounts, known: SideCounts | undefined): SideCounts {
  if (known === undefined) return counts;
  const events = counts.events.map((count, index) => count + known.events[index]!);
  return { requests: counts.requests + known.requests, events };
}
