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
import { BOUNDARIES_MAX, type EvidenceCounts, readEvidence, takeNews, watchEvidence } from '../stats/evidence-cells.ts';
import { POSITION_SLOTS } from '../stats/series.ts';
import { readSignal, type SignalCounts } from '../stats/signal-cells.ts';

/** Where a gate stands. */
export interface Standing {
  readonly epoch: number;
  readonly slot: number;
  /** The candidate's part of what both pools get, 0 to 1. */
  readonly share: number;
}

/** What an earlier process has counted, by signal. */
export type EarlierCounts = Readonly<Record<string, readonly EpochCounts[]>>;

/** The memory of each signal of the business on both sides, by its name. */
export type SignalMemories = ReadonlyMap<string, readonly [active: SharedArrayBuffer, candidate: SharedArrayBuffer]>;

/** What a slot stands at on one side, with what the signals of the business have counted there, by name. */
interface SlotCounts extends EvidenceCounts {
  readonly signals: ReadonlyMap<string, SignalCounts>;
}

type Sides = readonly [active: SlotCounts, candidate: SlotCounts];

const NO_COUNTS: SideCounts = { requests: 0, events: [0] };

interface Position extends Standing {
  readonly warmUntilMs: number;
  baseline: Sides;
  /** From when latency counts; null while it has not warmed up. */
  warmBaseline: Sides | null;
  last: Sides;
  /** Whether its slot has not been taken by another. */
  isOpen: boolean;
}

export class RolloutEvidence {
  readonly #memories: readonly [active: SharedArrayBuffer, candidate: SharedArrayBuffer];
  readonly #signals: SignalMemories;
  readonly #boundaries: number;
  #earlier: EarlierCounts;
  readonly #positions: Position[] = [];
  #sample: Sides[] = [];

  /**
   * `boundaries` is how many of them the latency of this rollout is judged by, 0 for none. `earlier` is null for a rollout
   * that begins; for one that goes on in a new process, all that its board has counted is of the position it goes on with.
   */
  constructor(
    active: SharedArrayBuffer,
    candidate: SharedArrayBuffer,
    boundaries: number,
    earlier: EarlierCounts | null,
    signals: SignalMemories = new Map(),
  ) {
    this.#memories = [active, candidate];
    this.#signals = signals;
    this.#boundaries = boundaries;
    this.#earlier = earlier ?? {};
    if (earlier === null) this.sample();
    else this.#sample = Array.from({ length: POSITION_SLOTS }, () => [nothing(signals), nothing(signals)] as const);
  }

  /** Has the bell rung for bad events of the candidate, or not any more. */
  watch(isWatched: boolean): void {
    watchEvidence(this.#memories[1], isWatched);
  }

  /** Whether the candidate has had a bad event since the last call; while it is watched. */
  takeNews(): boolean {
    return takeNews(this.#memories[1]);
  }

  /** Reads every slot. To be called right before each move of the gate, and at each tick once it is known where it stands. */
  sample(): void {
    this.#sample = Array.from(
      { length: POSITION_SLOTS },
      (_, slot) => [this.#read(0, slot), this.#read(1, slot)] as const,
    );
    for (const position of this.#positions) if (position.isOpen) position.last = this.#sample[position.slot]!;
  }

  /** Leaves out all that was counted until now, on both sides. */
  forget(): void {
    this.#earlier = {};
    this.sample();
    for (const position of this.#positions) {
      position.baseline = position.last;
      if (position.warmBaseline !== null) position.warmBaseline = position.last;
    }
  }

  #read(side: 0 | 1, slot: number): SlotCounts {
    const signals = new Map([...this.#signals].map(([name, memories]) => [name, readSignal(memories[side], slot)]));
    return { ...readEvidence(this.#memories[side], slot), signals };
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
      'errors',
      ({ baseline }) => baseline,
      ({ judged, bad }) => ({ requests: judged, events: [bad] }),
    );
  }

  /** The names of the signals of the business that are counted. */
  get signals(): readonly string[] {
    return [...this.#signals.keys()];
  }

  /** The same for one of them. */
  signal(name: string): EpochCounts[] {
    return this.#counts(
      name,
      ({ baseline }) => baseline,
      ({ signals }) => {
        const counts = signals.get(name);
        return counts === undefined ? NO_COUNTS : { requests: counts.judged, events: [counts.bad] };
      },
    );
  }

  /** The same for latency, one count for each boundary. */
  latency(): EpochCounts[] {
    return this.#counts(
      'latency',
      ({ warmBaseline }) => warmBaseline,
      ({ judged, above }) => ({
        requests: judged,
        events: Array.from({ length: this.#boundaries }, (_, index) => above[index] ?? 0),
      }),
    );
  }

  #counts(
    signal: string,
    baselineOf: (position: Position) => Sides | null,
    countsOf: (counts: SlotCounts) => SideCounts,
  ): EpochCounts[] {
    const earlier = Object.hasOwn(this.#earlier, signal) ? this.#earlier[signal]! : [];
    return this.#positions.flatMap((position) => {
      const { epoch, share, last } = position;
      const baseline = baselineOf(position);
      if (baseline === null) return [];
      const known = earlier.find((counts) => counts.epoch === epoch);
      // An epoch that was given out again, after a kill between a move and its record, is another position.
      if (known !== undefined && known.share !== share) return [];
      const [active, candidate] = [
        added(countsOf(last[0]), countsOf(baseline[0])),
        added(countsOf(last[1]), countsOf(baseline[1])),
      ];
      return [{ epoch, share, active: sum(active, known?.active), candidate: sum(candidate, known?.candidate) }];
    });
  }
}

function nothing(signals: SignalMemories): SlotCounts {
  const none = new Map([...signals.keys()].map((name) => [name, { judged: 0, bad: 0 }]));
  return { judged: 0, bad: 0, above: new Array<number>(BOUNDARIES_MAX).fill(0), signals: none };
}

function added(last: SideCounts, baseline: SideCounts): SideCounts {
  const events = last.events.map((count, index) => count - baseline.events[index]!);
  return { requests: last.requests - baseline.requests, events };
}

function sum(counts: SideCounts, known: SideCounts | undefined): SideCounts {
  if (known === undefined) return counts;
  const events = counts.events.map((count, index) => count + known.events[index]!);
  return { requests: counts.requests + known.requests, events };
}
