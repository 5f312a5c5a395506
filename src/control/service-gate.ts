/**
 * The control plane's side of one service's gate: where it stands, how it came there, and the account of each move.
 *
 * A position occupies a slot for as long as an exchange that it routed is in flight. A move takes a slot that nothing is
 * in flight in. There are 64; should all be taken (that many positions with streams that are still open), the slot
 * that has been in use for longest is shared, and the accounts of the two positions run together.
 *
 * The account of the earlier position is exact from the end of the grace period on (see `process-cells.ts`): what it had
 * in flight can then only shrink.
 */
import { activePool } from '../routing/active-pool.ts';
import { createGateMemory, type GateTerms, GateWriter } from '../routing/gate.ts';
import { groupNumber } from '../routing/group.ts';
import type { Terms } from '../routing/terms.ts';
import { POSITION_SLOTS, type SeriesReader } from '../stats/series.ts';
import type { MoveReason, Receipt, Weights } from './operations.ts';
import type { PositionRecord } from './state-store.ts';

/** Receipts that are followed at once; endless streams may keep that many positions open. */
const OPEN_MAX = 256;

/** How a gate came to stand where it stands. */
export interface Since {
  readonly at: string;
  readonly by: string;
  readonly reason: MoveReason;
  readonly note: string;
}

/** A receipt whose earlier position may still have exchanges in flight. */
export interface OpenReceipt {
  readonly receipt: Receipt;
  readonly slot: number;
  /** What the slot's account stood at when the gate moved. */
  readonly before: Pick<Account, 'cut' | 'drained'>;
}

interface Account {
  readonly inFlight: number;
  readonly cut: number;
  /** By drains, of those that were cut. */
  readonly drained: number;
}

export class ServiceGate {
  readonly service: string;
  readonly seriesOf: () => readonly SeriesReader[];
  pools: readonly string[] = [];
  memory: SharedArrayBuffer;
  epoch = 0;
  /** Weight by pool, every pool of the service named. */
  weights: Weights = {};
  /** What the position in force says of one pool beside its weight. */
  terms: Terms | null = null;
  previous: Weights | null = null;
  /** The pool that saves the requests of the others: see `active-pool.ts`. */
  active: string | null = null;
  /** Of the file's `traffic:` block that this position came from or superseded. */
  fingerprint = '';
  since: Since;
  #writer: GateWriter;
  #slot = 0;
  /** When each slot was taken last, in moves. */
  readonly #takenAt = new Array<number>(POSITION_SLOTS).fill(0);
  #moves = 0;
  #open: OpenReceipt[] = [];

  constructor(service: string, seriesOf: () => readonly SeriesReader[], since: Since) {
    this.service = service;
    this.seriesOf = seriesOf;
    this.since = since;
    this.memory = createGateMemory(0);
    this.#writer = new GateWriter(this.memory, 0);
  }

  /** The memory that a snapshot with these pools needs: the present one if they are the same. */
  memoryFor(pools: readonly string[]): SharedArrayBuffer {
    const same = pools.length === this.pools.length && pools.every((pool, index) => pool === this.pools[index]);
    return same && this.epoch > 0 ? this.memory : createGateMemory(pools.length);
  }

  /** The slot of the position in force. */
  get slot(): number {
    return this.#slot;
  }

  /** Takes over the memory and pools of a snapshot that is about to be committed; a position must be moved in next. */
  adopt(memory: SharedArrayBuffer, pools: readonly string[]): void {
    if (memory === this.memory) return;
    this.memory = memory;
    this.pools = pools;
    this.#writer = new GateWriter(memory, pools.length);
  }

  /**
   * Moves the gate: one atomic store. Returns what is needed to write the receipt once the grace period is over.
   * Pools that `weights` does not name have weight 0.
   */
  move(
    weights: Weights,
    epoch: number,
    terms: Terms | null = null,
  ): { readonly earlierSlot: number; readonly from: Weights } {
    const from = this.weights;
    const earlierSlot = this.#slot;
    this.#slot = this.#freeSlot();
    this.#moves += 1;
    this.#takenAt[this.#slot] = this.#moves;
    this.epoch = epoch;
    this.#write(weights, terms);
    return { earlierSlot, from };
  }

  /** Takes over what the state file knows, without moving: `restate` or `move` must follow. */
  restore(record: PositionRecord): void {
    this.#slot = this.#freeSlot();
    this.epoch = record.epoch;
    this.weights = record.weights;
    this.terms = record.terms;
    this.previous = record.previous;
    this.active = record.active;
    this.fingerprint = record.fingerprint;
    this.since = { at: record.at, by: record.by, reason: record.reason, note: record.note };
  }

  /** Writes the position in force into the memory again, unchanged: for a snapshot with other pools. */
  restate(): void {
    this.#write(this.weights, this.terms);
  }

  /** How many endpoints of a pool the position in force uses: none, so many, or all. */
  endpointsInUse(pool: string): number {
    const terms = this.terms?.pool === pool ? this.terms : null;
    if ((this.weights[pool] ?? 0) === 0 && (terms?.group ?? null) === null) return 0;
    return terms?.endpoints ?? Number.POSITIVE_INFINITY;
  }

  #write(weights: Weights, terms: Terms | null): void {
    this.terms = terms !== null && this.pools.includes(terms.pool) ? terms : null;
    this.weights = Object.fromEntries(this.pools.map((pool) => [pool, weights[pool] ?? 0]));
    this.active = activePool(this.weights, this.active);
    this.#writer.move(
      this.#slot,
      this.epoch,
      this.pools.map((pool) => this.weights[pool] ?? 0),
      this.active === null ? -1 : this.pools.indexOf(this.active),
      this.#gateTerms(),
    );
  }

  #gateTerms(): GateTerms | null {
    if (this.terms === null) return null;
    const { pool, group, endpoints } = this.terms;
    return {
      pool: this.pools.indexOf(pool),
      group: group === null ? 0 : groupNumber(group),
      endpoints: endpoints ?? 0,
    };
  }

  /** After the grace period of a move: what the earlier position still has in flight. */
  accountOf(slot: number): Account {
    let inFlight = 0;
    let cut = 0;
    let drained = 0;
    for (const series of this.seriesOf()) {
      const account = series.position(slot);
      inFlight += account.started - account.ended;
      cut += account.cut;
      drained += account.drained;
    }
    return { inFlight, cut, drained };
  }

  /** Follows a receipt until its earlier position has drained; beyond OPEN_MAX the oldest is let go as it stands. */
  follow(open: OpenReceipt): void {
    this.#open.push(open);
    if (this.#open.length > OPEN_MAX) this.#open.shift();
  }

  get hasOpenReceipts(): boolean {
    return this.#open.length > 0;
  }

  openReceipt(epoch: number): Receipt | null {
    const open = this.#open.find((one) => one.receipt.epoch === epoch);
    return open === undefined ? null : this.#current(open, null);
  }

  /** The receipts that have become final since the last call. */
  settleReceipts(at: string): Receipt[] {
    if (this.#open.length === 0) return [];
    const final: Receipt[] = [];
    this.#open = this.#open.filter((open) => {
      if (this.accountOf(open.slot).inFlight > 0) return true;
      final.push(this.#current(open, at));
      return false;
    });
    return final;
  }

  #current(open: OpenReceipt, drained: string | null): Receipt {
    const account = this.accountOf(open.slot);
    const lost = account.cut - open.before.cut;
    return { ...open.receipt, drained, lost, ended: account.drained - open.before.drained };
  }

  #freeSlot(): number {
    let oldest = -1;
    for (let step = 1; step < POSITION_SLOTS; step++) {
      const slot = (this.#slot + step) % POSITION_SLOTS;
      if (this.accountOf(slot).inFlight === 0) return slot;
      if (oldest < 0 || this.#takenAt[slot]! < this.#takenAt[oldest]!) oldest = slot;
    }
    return oldest;
  }
}
