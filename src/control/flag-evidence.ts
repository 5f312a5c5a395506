/**
 * Reads from the board what one flag is judged by: for each position of its dial, what became of both arms in each version.
 *
 * It is `rollout-evidence.ts` with the dial in place of the gate. A position is a slot of the dial with the treatment's part of
 * both arms in it; 64 slots serve many positions in turn, and a slot that is taken anew is counted from there on. The part is
 * the same in every version and service, since the hash that draws the arms knows none of them. So the engine needs the sum over versions
 * only, and each version by itself is kept for the table of who is to blame.
 *
 * A position that has been left is read for three more, for those who are still on their way, and then not any more: a flag that is
 * turned often must not cost a hundred reads a tick.
 */
import type { EpochCounts, SideCounts } from '../judge/evidence.ts';
import type { Tally } from '../judge/recent.ts';
import type { GuardBlocks } from '../routing/snapshot.ts';
import { BOUNDARIES_MAX, type EvidenceCounts, readEvidence, takeNews, watchEvidence } from '../stats/evidence-cells.ts';
import { POSITION_SLOTS } from '../stats/series.ts';
import { readSignal } from '../stats/signal-cells.ts';

/** How many positions are read. */
const OPEN_MAX = 4;

/** A version in which a flag is counted; `signals` are the names of the guard's, in the order of the blocks. */
export interface Stratum {
  readonly service: string;
  readonly pool: string;
  readonly version: string;
  readonly blocks: GuardBlocks;
}

/** Both arms of a flag in one version. */
export interface ArmTally {
  readonly service: string;
  readonly pool: string;
  readonly version: string;
  readonly treatment: Tally;
  readonly control: Tally;
}

/** What an arm has counted in a slot: itself, and its signals in their order. */
interface ArmCounts extends EvidenceCounts {
  readonly signals: readonly Tally[];
}

interface Counts {
  readonly treatment: ArmCounts;
  readonly control: ArmCounts;
}

interface Position {
  readonly epoch: number;
  readonly slot: number;
  readonly share: number;
  /** What it has come to, by the number of the stratum. */
  readonly counts: Map<number, Counts>;
  /** What of it came before latency was judged. */
  cold: ReadonlyMap<number, Counts>;
  isOpen: boolean;
}

interface Known extends Stratum {
  /** What each slot stood at when it was taken, or when the period began. */
  readonly base: Counts[];
}

export class FlagEvidence {
  readonly #signals: readonly string[];
  readonly #strata: Known[] = [];
  readonly #positions: Position[] = [];
  /** The number of the first position: it grows over the periods of a flag. */
  readonly #firstEpoch: number;

  /** Of a flag with these signals; nothing is counted before `follow`. */
  constructor(signals: readonly string[], firstEpoch: number) {
    this.#signals = signals;
    this.#firstEpoch = firstEpoch;
  }

  /** It is counted in these versions from now on, and in those that it was counted in before. */
  follow(strata: readonly Stratum[]): void {
    for (const stratum of strata) {
      if (this.#strata.some(({ blocks }) => blocks.treatment.evidence === stratum.blocks.treatment.evidence)) continue;
      const base = Array.from({ length: POSITION_SLOTS }, (_, slot) => this.#read(stratum.blocks, slot));
      this.#strata.push({ ...stratum, base });
      watchEvidence(stratum.blocks.treatment.evidence, true);
    }
  }

  /** Nobody is woken for a bad event any more. */
  close(): void {
    for (const { blocks } of this.#strata) watchEvidence(blocks.treatment.evidence, false);
  }

  /** Whether the treatment has had a bad event since the last call. */
  takeNews(): boolean {
    let isNews = false;
    for (const { blocks } of this.#strata) if (takeNews(blocks.treatment.evidence)) isNews = true;
    return isNews;
  }

  /** How many versions and positions there are: a guard begins anew before it has too many of them. */
  get size(): { readonly strata: number; readonly positions: number } {
    return { strata: this.#strata.length, positions: this.#positions.length };
  }

  /** The number that the next position would have. */
  get nextEpoch(): number {
    return this.#firstEpoch + this.#positions.length;
  }

  /** The dial stands here, with this part of both arms in the treatment (0 to 1). Saying it again changes nothing. */
  stand(slot: number, share: number): void {
    const last = this.#positions.at(-1);
    if (last?.slot === slot && last.share === share) return;
    this.sample();
    if (this.#positions.some((position) => position.slot === slot)) {
      for (const position of this.#positions) if (position.slot === slot) position.isOpen = false;
      for (const { blocks, base } of this.#strata) base[slot] = this.#read(blocks, slot);
    }
    const position = { epoch: this.nextEpoch, slot, share, counts: new Map(), cold: new Map(), isOpen: true };
    this.#positions.push(position);
    const left = this.#positions.at(-1 - OPEN_MAX);
    if (left !== undefined) left.isOpen = false;
  }

  /** Reads what the positions have come to. */
  sample(): void {
    for (const position of this.#positions.slice(-OPEN_MAX)) {
      if (!position.isOpen) continue;
      for (const [index, { blocks, base }] of this.#strata.entries()) {
        position.counts.set(index, since(this.#read(blocks, position.slot), base[position.slot]!));
      }
    }
  }

  /** Latency is judged from here on: what came before has not been measured by its boundaries. */
  warm(): void {
    this.sample();
    for (const position of this.#positions) position.cold = new Map(position.counts);
  }

  /** What each position has come to, for the signal of errors. */
  errors(): EpochCounts[] {
    return this.#epochs(({ judged, bad }) => ({ requests: judged, events: [bad] }));
  }

  /** The same for latency, at the boundaries that are in force. */
  latency(): EpochCounts[] {
    return this.#epochs(
      ({ judged, above }) => ({ requests: judged, events: above }),
      ({ cold }) => cold,
    );
  }

  /** The same for a signal of the business. */
  signal(name: string): EpochCounts[] {
    const at = this.#signals.indexOf(name);
    return this.#epochs(({ signals }) => {
      const { requests, bad } = signals[at] ?? { requests: 0, bad: 0 };
      return { requests, events: [bad] };
    });
  }

  /** Requests and failed ones of both arms in each version, over all positions in which both arms had keys. */
  table(): readonly ArmTally[] {
    const compared = this.#positions.filter(({ share }) => share > 0 && share < 1);
    return this.#strata.map(({ service, pool, version }, index) => {
      const tally = (arm: 'treatment' | 'control'): Tally => {
        const counts = compared.flatMap(({ counts: all }) => all.get(index)?.[arm] ?? []);
        return {
          requests: counts.reduce((sum, { judged }) => sum + judged, 0),
          bad: counts.reduce((sum, { bad }) => sum + bad, 0),
        };
      };
      return { service, pool, version, treatment: tally('treatment'), control: tally('control') };
    });
  }

  /** Requests of the treatment at the present position; 0 when it is another slot. */
  requestsAt(slot: number): number {
    const last = this.#positions.at(-1);
    if (last?.slot !== slot) return 0;
    return [...last.counts.values()].reduce((sum, { treatment }) => sum + treatment.judged, 0);
  }

  #epochs(
    sideOf: (counts: ArmCounts) => SideCounts,
    leftOut: (position: Position) => ReadonlyMap<number, Counts> = () => new Map(),
  ): EpochCounts[] {
    return this.#positions.map((position) => {
      const side = (arm: 'treatment' | 'control'): SideCounts => {
        const sums = [...position.counts].map(([index, counts]) => {
          const before = leftOut(position).get(index);
          return sideOf(before === undefined ? counts[arm] : sinceArm(counts[arm], before[arm]));
        });
        return sums.reduce(added, sideOf(NOTHING));
      };
      const { epoch, share } = position;
      return { epoch, share, candidate: side('treatment'), active: side('control') };
    });
  }

  #read({ treatment, control }: GuardBlocks, slot: number): Counts {
    const arm = ({ evidence, signals }: GuardBlocks['treatment']): ArmCounts => ({
      ...readEvidence(evidence, slot),
      signals: signals.map((memory) => {
        const { judged, bad } = readSignal(memory, slot);
        return { requests: judged, bad };
      }),
    });
    return { treatment: arm(treatment), control: arm(control) };
  }
}

const NOTHING: ArmCounts = { judged: 0, bad: 0, above: new Array<number>(BOUNDARIES_MAX).fill(0), signals: [] };

function since(now: Counts, before: Counts): Counts {
  return {
    treatment: sinceArm(now.treatment, before.treatment),
    control: sinceArm(now.control, before.control),
  };
}

function sinceArm(now: ArmCounts, before: ArmCounts): ArmCounts {
  return {
    judged: now.judged - before.judged,
    bad: now.bad - before.bad,
    above: now.above.map((count, index) => count - before.above[index]!),
    signals: now.signals.map(({ requests, bad }, index) => ({
      requests: requests - before.signals[index]!.requests,
      bad: bad - before.signals[index]!.bad,
    })),
  };
}

function added(one: SideCounts, other: SideCounts): SideCounts {
  return {
    requests: one.requests + other.requests,
    events: one.events.map((count, index) => count + other.events[index]!),
  };
}
