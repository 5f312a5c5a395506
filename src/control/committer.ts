/**
 * Brings a config into force on all data threads, or leaves everything as it is.
 *
 *     ports ─▶ snapshot ─▶ staged on every thread ─▶ gates placed ─▶ one store ─▶ grace period ─▶ positions kept
 *
 * Everything that can fail comes before the first effect. A gate whose pools are the same keeps its memory and is not
 * touched; a new one, or one with other pools, is placed in new memory that nobody can see before the commit, so no
 * request ever meets the new pools with the earlier weights.
 */
import type { Logger } from 'pino';
import { formatAddress } from '../config/address.ts';
import { fingerprint } from '../config/fingerprint.ts';
import type { Config, Service } from '../config/schema.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { DataThreads } from './data-threads.ts';
import type { Drains } from './drains.ts';
import { type Gates, sameWeights } from './gates.ts';
import { GRACE_CLOCK, GRACE_MS } from './grace.ts';
import { probePort } from './ports.ts';
import { decideAtLoad } from './precedence.ts';
import type { ServiceGate } from './service-gate.ts';
import { buildSnapshot, listenerKey } from './snapshot-builder.ts';
import type { StateStore } from './state-store.ts';

export interface CommitterOptions {
  readonly board: Board;
  readonly owner: ProcessOwner;
  readonly threads: DataThreads;
  readonly gates: Gates;
  readonly drains: Drains;
  readonly store: StateStore;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Committer {
  readonly #options: CommitterOptions;
  /** The snapshot in force, or null before the first. */
  snapshot: Snapshot | null = null;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  get generation(): number {
    return this.snapshot?.generation ?? 0;
  }

  /** Null when the config is in force now; otherwise why it cannot be, and nothing has changed. */
  async apply(config: Config): Promise<string | null> {
    const { board, owner, threads, gates } = this.#options;
    const ports = await this.#portsFor(config);
    if ('error' in ports) return ports.error;
    const created = new Map<string, ServiceGate>();
    const gateOf = (name: string): ServiceGate => {
      const gate = gates.get(name) ?? created.get(name) ?? gates.create(name);
      if (gates.get(name) === undefined) created.set(name, gate);
      return gate;
    };
    const snapshot = buildSnapshot({
      config,
      generation: this.generation + 1,
      board,
      gateOf: (name, pools) => gateOf(name).memoryFor(pools),
      portOf: (key) => ports.get(key)!,
    });
    const error = await threads.stage(snapshot);
    if (error !== null) {
      threads.abandon(snapshot.generation);
      if (this.snapshot !== null) board.keepOnly(blocksOf(this.snapshot));
      return error;
    }
    const placed: ServiceGate[] = [];
    for (const spec of snapshot.services) {
      const gate = gateOf(spec.name);
      if (spec.gate === gate.memory) continue;
      const pools = spec.pools.map((pool) => pool.name);
      gate.adopt(spec.gate, pools);
      this.#place(gate, config.services.get(spec.name)!, created.has(spec.name));
      placed.push(gate);
    }
    for (const gate of created.values()) gates.add(gate);
    for (const gate of gates.all()) if (!config.services.has(gate.service)) gates.remove(gate.service);
    this.snapshot = snapshot;
    owner.commit(snapshot.generation);
    threads.committed(snapshot);
    await owner.awaitGrace(GRACE_MS, GRACE_CLOCK);
    board.keepOnly(blocksOf(snapshot));
    for (const gate of placed) gates.keepPosition(gate);
    return null;
  }

  /** Places a gate that stands in new memory: where it stood, as far as its pools are still there, or as the file says. */
  #place(gate: ServiceGate, service: Service, isNew: boolean): void {
    const { store, drains, log, now } = this.#options;
    const found = isNew ? store.position(service.name) : null;
    if (found !== null && !found.ok) {
      log.error({ error: found.error }, 'the state file cannot be read; traffic is what the config says');
    }
    const kept = found?.ok === true ? found.value : null;
    if (kept !== null) gate.restore(kept);
    const before = isNew && kept === null ? null : { weights: gate.weights, fingerprint: gate.fingerprint };
    const decision = decideAtLoad({
      stored: before,
      fileWeights: service.traffic,
      fileFingerprint: fingerprint(service.traffic),
      pools: [...service.pools.keys()],
    });
    if (decision.source === 'store' && sameWeights(decision.weights, gate.weights)) {
      gate.restate();
      return;
    }
    const at = now();
    gate.move(decision.weights, gate.epoch + 1);
    if (before !== null && !sameWeights(before.weights, gate.weights)) gate.previous = before.weights;
    gate.fingerprint = fingerprint(service.traffic);
    gate.since = {
      at: new Date(at).toISOString(),
      by: 'file',
      reason: isNew ? 'start' : 'file',
      note: decision.why,
    };
    if (!isNew) drains.moved(gate.service, before?.weights ?? {}, gate.weights, gate.epoch, at + service.drainMs);
  }

  /** The port of each listener: a known listener keeps its own, a new one must be free. */
  async #portsFor(config: Config): Promise<Map<string, number> | { readonly error: string }> {
    const chosen = new Map<string, number>();
    const known = new Map(this.snapshot?.listeners.map((listener) => [listener.key, listener.port]));
    for (const listener of config.listeners) {
      const { address } = listener;
      const key = listenerKey(listener);
      const open = known.get(key);
      if (open !== undefined) {
        chosen.set(key, open);
        continue;
      }
      const probe = await probePort(address.host, address.port);
      if ('error' in probe) return { error: `listener ${formatAddress(address)}: ${probe.error}` };
      chosen.set(key, probe.port);
    }
    return chosen;
  }
}

function blocksOf(snapshot: Snapshot): Set<SharedArrayBuffer> {
  const blocks = new Set<SharedArrayBuffer>(snapshot.listeners.map((listener) => listener.board));
  for (const service of snapshot.services) {
    blocks.add(service.board);
    for (const pool of service.pools) {
      blocks.add(pool.board);
      for (const endpoint of pool.endpoints) blocks.add(endpoint.board);
    }
  }
  return blocks;
}
