/**
 * All gates of the process, and the one way in which any of them moves.
 *
 *     move: gate (one store) ─▶ grace period ─▶ account of the earlier position ─▶ state store ─▶ event ─▶ receipt
 *
 * The store comes after the move, because a move in trouble must not wait for a disk, and before the answer, because what
 * was answered must survive. When the state file does not take it, traffic has moved all the same, and receipt and log
 * say that a restart would forget it: a full disk must not keep anybody on a broken version.
 */
import { performance } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Terms } from '../routing/terms.ts';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { Drains } from './drains.ts';
import type { EventLog } from './event-log.ts';
import { GRACE_CLOCK, GRACE_MS, STUCK } from './grace.ts';
import type { MoveReason, Receipt, Refusal, Weights } from './operations.ts';
import { ServiceGate } from './service-gate.ts';
import type { PositionRecord, StateStore } from './state-store.ts';
import { sharesOf } from './views.ts';

/** Receipts that wait for a state file that takes nothing. */
const UNKEPT_RECEIPTS_MAX = 256;

export interface Move {
  readonly gate: ServiceGate;
  readonly weights: Weights;
  /** What the position says of one pool beside its weight; nothing where it is left out. */
  readonly terms?: Terms | null;
  readonly fingerprint: string;
  readonly reason: MoveReason;
  readonly by: string;
  readonly note: string;
  readonly drainMs: number;
  /** What a rollback returns to when it is not the position before this one. */
  readonly previous?: Weights | null;
}

/** A move between its two halves. */
export interface BegunMove {
  readonly gate: ServiceGate;
  readonly from: Weights;
  readonly earlierSlot: number;
  readonly startedAt: number;
}

export interface GatesOptions {
  readonly board: Board;
  readonly owner: ProcessOwner;
  readonly store: StateStore;
  readonly events: EventLog;
  readonly drains: Drains;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Gates {
  readonly #options: GatesOptions;
  readonly #gates = new Map<string, ServiceGate>();
  readonly #moves = new Map<string, { readonly service: string; readonly reason: MoveReason; count: number }>();
  /** Gates of services that were removed while something of them was in flight. */
  readonly #leaving = new Set<ServiceGate>();
  /** Gates whose position the state file did not take. */
  readonly #unkept = new Set<ServiceGate>();
  /** Receipts that the state file did not take, as they stand now; the oldest give way. */
  readonly #unkeptReceipts = new Map<string, Receipt>();
  storeErrors = 0;
  #keepingAll = false;

  constructor(options: GatesOptions) {
    this.#options = options;
  }

  get(service: string): ServiceGate | undefined {
    return this.#gates.get(service);
  }

  all(): readonly ServiceGate[] {
    return [...this.#gates.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  moveCounts(): readonly { readonly service: string; readonly reason: MoveReason; readonly count: number }[] {
    return [...this.#moves.values()];
  }

  /** A gate for a service that has none; it stands nowhere until it is moved. */
  create(service: string): ServiceGate {
    const { board, now } = this.#options;
    const since = { at: new Date(now()).toISOString(), by: 'start', reason: 'start', note: '' } as const;
    return new ServiceGate(service, () => board.seriesOf(service), since);
  }

  add(gate: ServiceGate): void {
    this.#gates.set(gate.service, gate);
  }

  /** The service has left the configuration. What the store knows of it stays. */
  remove(service: string): void {
    const gate = this.#gates.get(service);
    if (gate?.hasOpenReceipts === true) this.#leaving.add(gate);
    this.#gates.delete(service);
    for (const [key, move] of this.#moves) if (move.service === service) this.#moves.delete(key);
  }

  /** Writes the position of a gate into new memory, unchanged. */
  restate(gate: ServiceGate): void {
    gate.restate();
    this.#options.drains.stands(gate.service, gate.weights);
  }

  /** Moves a gate and gives the account of it. Only one move may run at a time. */
  async move(move: Move): Promise<Receipt> {
    const begun = this.begin(move);
    const left = await this.#options.owner.awaitGrace(GRACE_MS, GRACE_CLOCK);
    if (!left) this.#options.log.warn({ service: move.gate.service }, STUCK);
    return this.conclude(begun);
  }

  /** The first half of a move: the gate stands at its new position. A grace period must follow, then `conclude`. */
  begin(move: Move): BegunMove {
    const { gate, weights, reason, by, note } = move;
    const { drains, now } = this.#options;
    const startedAt = performance.now();
    const at = new Date(now()).toISOString();
    const { earlierSlot, from } = gate.move(weights, gate.epoch + 1, move.terms ?? null);
    if (!sameWeights(sharesOf(from), sharesOf(gate.weights))) {
      const before = Object.keys(from).length > 0 ? from : null;
      gate.previous = move.previous === undefined ? before : move.previous;
    }
    gate.fingerprint = move.fingerprint;
    gate.since = { at, by, reason, note };
    drains.moved(gate.service, from, gate.weights, gate.epoch, move.drainMs);
    this.#count(gate.service, reason);
    return { gate, from, earlierSlot, startedAt };
  }

  /** The second half, when no thread can act on the earlier position any more: its account, kept and told. */
  conclude({ gate, from, earlierSlot, startedAt }: BegunMove): Receipt {
    const appliedMs = performance.now() - startedAt;
    const account = gate.accountOf(earlierSlot);
    const receipt: Receipt = {
      service: gate.service,
      epoch: gate.epoch,
      from,
      to: gate.weights,
      at: gate.since.at,
      appliedMs: Math.round(appliedMs * 1000) / 1000,
      reason: gate.since.reason,
      note: gate.since.note,
      by: gate.since.by,
      inFlight: account.inFlight,
      drained: account.inFlight === 0 ? new Date(this.#options.now()).toISOString() : null,
      lost: 0,
      ended: 0,
      stored: true,
    };
    if (receipt.drained === null) gate.follow({ receipt, slot: earlierSlot, before: account });
    return this.#keep(gate, receipt);
  }

  /** Keeps where a gate stands without moving it: the file now says what was already so. */
  keepPosition(gate: ServiceGate): void {
    const { store } = this.#options;
    const record = recordOf(gate);
    const known = store.position(gate.service);
    // A file that cannot be written has it all the same when nothing has changed since.
    if (known.ok && isDeepStrictEqual(known.value, record)) this.#unkept.delete(gate);
    else if (store.savePosition(record).ok) this.#unkept.delete(gate);
    else this.#storeFailed(gate);
  }

  /** Whether a restart now would find the gate where it stands. */
  isKept(gate: ServiceGate): boolean {
    return !this.#unkept.has(gate);
  }

  /** Positions and receipts that are in memory only. */
  get unkept(): number {
    return this.#unkept.size + this.#unkeptReceipts.size;
  }

  /** Keeps where every gate stands: the state file is another one than before. */
  keepAll(): void {
    // Keeping may itself meet a file that has to be replaced.
    if (this.#keepingAll) return;
    this.#keepingAll = true;
    for (const gate of this.#gates.values()) this.keepPosition(gate);
    this.#keepingAll = false;
  }

  /**
   * Tries again to keep the positions and receipts that the state file did not take; false when it still does not. To be
   * called every second or so.
   */
  keepUnkept(): boolean {
    for (const gate of [...this.#unkept]) {
      this.keepPosition(gate);
      if (this.#unkept.has(gate)) return false;
    }
    for (const [key, receipt] of this.#unkeptReceipts) {
      const stored = this.#options.store.saveReceipt({ ...receipt, stored: true });
      if (!stored.ok) {
        this.#storeFailed(null);
        return false;
      }
      this.#unkeptReceipts.delete(key);
    }
    return true;
  }

  /** A receipt as it stands now. */
  receipt(service: string, epoch: number): Receipt | Refusal {
    const open = this.#gates.get(service)?.openReceipt(epoch);
    const unkept = this.#unkeptReceipts.get(receiptKey(service, epoch));
    if (open !== undefined && open !== null) return { ...open, stored: unkept === undefined };
    if (unkept !== undefined) return unkept;
    const stored = this.#options.store.receipt(service, epoch);
    if (!stored.ok) return { refused: true, code: 'state-store', message: stored.error };
    if (stored.value !== null) return stored.value;
    return { refused: true, code: 'unknown-receipt', message: `${service} has no receipt for epoch ${epoch}` };
  }

  /** Finishes the receipts whose earlier position has drained. To be called often. */
  settleReceipts(): void {
    const at = new Date(this.#options.now()).toISOString();
    for (const gate of this.#gates.values()) this.#settle(gate, at);
    for (const gate of this.#leaving) {
      this.#settle(gate, at);
      if (!gate.hasOpenReceipts) this.#leaving.delete(gate);
    }
  }

  /**
   * Closes the receipts that an earlier process left open: whatever they still counted ended with it. How much of that had
   * ended well before is not known, so all of it is called lost.
   */
  closeAbandoned(): void {
    const found = this.#options.store.openReceipts();
    if (!found.ok) {
      this.#options.log.error({ error: found.error }, 'the receipts of the state file cannot be read');
      return;
    }
    const drained = new Date(this.#options.now()).toISOString();
    for (const receipt of found.value) {
      const note = `${receipt.note === '' ? '' : `${receipt.note}; `}Tidegate ended before the account was final, at most this many were lost`;
      this.#update({ ...receipt, drained, lost: receipt.inFlight, note });
    }
  }

  #settle(gate: ServiceGate, at: string): void {
    for (const receipt of gate.settleReceipts(at)) {
      this.#update(receipt);
      const ended = receipt.ended === 0 ? '' : `, ${receipt.ended} of them ended at the drain deadline`;
      const text = `${receipt.service}: the position before epoch ${receipt.epoch} has drained, ${receipt.inFlight} were in flight, ${receipt.lost} lost${ended}`;
      this.#options.events.append('drain', receipt.service, text, receipt);
    }
  }

  #update(receipt: Receipt): void {
    if (this.#unkeptReceipts.has(receiptKey(receipt.service, receipt.epoch))) {
      this.#keepLater(receipt);
      return;
    }
    const { store } = this.#options;
    const updated = store.updateReceipt(receipt);
    // It is not there when the file has been begun anew since.
    const stored = updated.ok && !updated.value ? store.saveReceipt(receipt) : updated;
    if (stored.ok) return;
    this.#keepLater(receipt);
    this.#storeFailed(null);
  }

  #keepLater(receipt: Receipt): void {
    this.#unkeptReceipts.set(receiptKey(receipt.service, receipt.epoch), { ...receipt, stored: false });
    if (this.#unkeptReceipts.size <= UNKEPT_RECEIPTS_MAX) return;
    for (const oldest of this.#unkeptReceipts.keys()) {
      this.#unkeptReceipts.delete(oldest);
      return;
    }
  }

  #keep(gate: ServiceGate, receipt: Receipt): Receipt {
    const { events, store, log } = this.#options;
    const text = describeMove(receipt);
    const stored = events.appendWithPosition(recordOf(gate), 'traffic', text, receipt);
    const kept = stored.ok ? store.saveReceipt(receipt) : stored;
    log.info({ service: gate.service, epoch: receipt.epoch, from: receipt.from, to: receipt.to, by: receipt.by }, text);
    if (stored.ok) this.#unkept.delete(gate);
    else events.append('traffic', gate.service, text, receipt);
    if (kept.ok) return receipt;
    this.#keepLater(receipt);
    this.#storeFailed(stored.ok ? null : gate);
    const what = stored.ok ? 'the position is kept, this receipt is not yet' : 'a restart now would forget it';
    const fields = { service: gate.service, epoch: receipt.epoch, error: kept.error };
    log.error(fields, `not kept in the state file, ${what}; it is kept as soon as the file can be written`);
    const note = `${receipt.note === '' ? '' : `${receipt.note}; `}not kept in the state file, ${what}: ${kept.error}`;
    return { ...receipt, note, stored: false };
  }

  #storeFailed(gate: ServiceGate | null): void {
    this.storeErrors += 1;
    if (gate !== null) this.#unkept.add(gate);
  }

  #count(service: string, reason: MoveReason): void {
    const key = `${service} ${reason}`;
    const known = this.#moves.get(key);
    if (known === undefined) this.#moves.set(key, { service, reason, count: 1 });
    else known.count += 1;
  }
}

function receiptKey(service: string, epoch: number): string {
  return `${service} ${epoch}`;
}

function recordOf(gate: ServiceGate): PositionRecord {
  return {
    service: gate.service,
    epoch: gate.epoch,
    weights: gate.weights,
    terms: gate.terms,
    previous: gate.previous,
    active: gate.active,
    fingerprint: gate.fingerprint,
    ...gate.since,
  };
}

export function sameWeights(one: Weights, other: Weights): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const name of names) if ((one[name] ?? 0) !== (other[name] ?? 0)) return false;
  return true;
}

function describeMove(receipt: Receipt): string {
  const from = sharesOf(receipt.from);
  const to = sharesOf(receipt.to);
  const changes = Object.keys({ ...from, ...to })
    .filter((pool) => (from[pool] ?? 0) !== (to[pool] ?? 0))
    .map((pool) => `${pool} ${percent(from[pool] ?? 0)}→${percent(to[pool] ?? 0)}`);
  const what = changes.length === 0 ? 'traffic stays as it is' : changes.join(', ');
  const why = receipt.note === '' ? '' : ` (${receipt.note})`;
  return `${receipt.service}: ${what}, ${receipt.reason} by ${receipt.by}${why}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))}%`;
}
