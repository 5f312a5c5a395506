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
import type { Logger } from 'pino';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { Drains } from './drains.ts';
import type { EventLog } from './event-log.ts';
import { GRACE_CLOCK, GRACE_MS } from './grace.ts';
import type { MoveReason, Receipt, Refusal, Weights } from './operations.ts';
import { type OpenReceipt, ServiceGate } from './service-gate.ts';
import type { PositionRecord, StateStore } from './state-store.ts';
import { sharesOf } from './views.ts';

export interface Move {
  readonly gate: ServiceGate;
  readonly weights: Weights;
  readonly fingerprint: string;
  readonly reason: MoveReason;
  readonly by: string;
  readonly note: string;
  readonly drainMs: number;
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
  storeErrors = 0;

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
    this.#gates.delete(service);
    this.#options.drains.forget(service);
  }

  /** Moves a gate and gives the account of it. Only one move may run at a time. */
  async move(move: Move): Promise<Receipt> {
    const { gate, weights, reason, by, note } = move;
    const { owner, drains, now } = this.#options;
    const startedAt = performance.now();
    const atMs = now();
    const before = gate.weights;
    const { earlierSlot, from } = gate.move(weights, gate.epoch + 1);
    const left = await owner.awaitGrace(GRACE_MS, GRACE_CLOCK);
    const appliedMs = performance.now() - startedAt;
    if (!left) this.#options.log.warn({ service: gate.service }, 'a thread did not leave its routing section in time');
    const account = gate.accountOf(earlierSlot);
    if (!sameWeights(before, gate.weights)) gate.previous = before;
    gate.fingerprint = move.fingerprint;
    gate.since = { at: new Date(atMs).toISOString(), by, reason, note };
    drains.moved(gate.service, from, gate.weights, gate.epoch, atMs + move.drainMs);
    this.#count(gate.service, reason);
    const receipt: Receipt = {
      service: gate.service,
      epoch: gate.epoch,
      from,
      to: gate.weights,
      at: gate.since.at,
      appliedMs: Math.round(appliedMs * 1000) / 1000,
      reason,
      note,
      by,
      inFlight: account.inFlight,
      drained: account.inFlight === 0 ? new Date(now()).toISOString() : null,
      lost: 0,
    };
    if (receipt.drained === null)
      gate.follow({ receipt, slot: earlierSlot, cutBefore: account.cut } satisfies OpenReceipt);
    return this.#keep(gate, receipt);
  }

  /** Keeps where a gate stands without moving it: the file now says what was already so. */
  keepPosition(gate: ServiceGate): void {
    const stored = this.#options.store.savePosition(recordOf(gate));
    if (!stored.ok) this.#storeFailed(stored.error);
  }

  /** A receipt as it stands now. */
  receipt(service: string, epoch: number): Receipt | Refusal {
    const open = this.#gates.get(service)?.openReceipt(epoch);
    if (open !== undefined && open !== null) return open;
    const stored = this.#options.store.receipt(service, epoch);
    if (!stored.ok) return { refused: true, code: 'state-store', message: stored.error };
    if (stored.value !== null) return stored.value;
    return { refused: true, code: 'unknown-receipt', message: `${service} has no receipt for epoch ${epoch}` };
  }

  /** Finishes the receipts whose earlier position has drained. To be called often. */
  settleReceipts(): void {
    const at = new Date(this.#options.now()).toISOString();
    for (const gate of this.#gates.values()) {
      for (const receipt of gate.settleReceipts(at)) {
        const stored = this.#options.store.updateReceipt(receipt);
        if (!stored.ok) this.#storeFailed(stored.error);
        const text = `${receipt.service}: the position before epoch ${receipt.epoch} has drained, ${receipt.inFlight} were in flight, ${receipt.lost} lost`;
        this.#options.events.append('drain', receipt.service, text, receipt);
      }
    }
  }

  #keep(gate: ServiceGate, receipt: Receipt): Receipt {
    const { events, store, log } = this.#options;
    const text = describeMove(receipt);
    const stored = events.appendWithPosition(recordOf(gate), 'traffic', text, receipt);
    const kept = stored.ok ? store.saveReceipt(receipt) : stored;
    log.info({ service: gate.service, epoch: receipt.epoch, from: receipt.from, to: receipt.to, by: receipt.by }, text);
    if (kept.ok) return receipt;
    this.#storeFailed(kept.error);
    const note = `${receipt.note === '' ? '' : `${receipt.note}; `}not kept in the state file, a restart would forget it: ${kept.error}`;
    return { ...receipt, note };
  }

  #storeFailed(error: string): void {
    this.storeErrors += 1;
    this.#options.log.error({ error }, 'the state file did not take a position or receipt');
  }

  #count(service: string, reason: MoveReason): void {
    const key = `${service} ${reason}`;
    const known = this.#moves.get(key);
    if (known === undefined) this.#moves.set(key, { service, reason, count: 1 });
    else known.count += 1;
  }
}

function recordOf(gate: ServiceGate): PositionRecord {
  return {
    service: gate.service,
    epoch: gate.epoch,
    weights: gate.weights,
    previous: gate.previous,
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
