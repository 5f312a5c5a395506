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
import { formatAddress, isUnix } from '../config/address.ts';
import { fingerprint } from '../config/fingerprint.ts';
import type { Config, Service } from '../config/schema.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { DataThreads } from './data-threads.ts';
import { blocksOfGuards } from './flag-guard-blocks.ts';
import type { Flags } from './flags.ts';
import { type BegunMove, type Gates, sameWeights } from './gates.ts';
import { GRACE_CLOCK, GRACE_MS, STUCK } from './grace.ts';
import type { Weights } from './operations.ts';
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
  readonly flags: Pick<Flags, 'prepare'>;
  readonly store: StateStore;
  readonly log: Logger;
  /** Called when the `traffic:` of the file takes the place of where a gate stood, with why. */
  readonly onInstruction: (service: string, why: string, weights: Weights) => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  /** The snapshot in force, or null before the first. */
  snapshot: Snapshot | null = null;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** The last generation that was tried; a number is used once, so that a late answer to an earlier try means nothing. */
  #tried = 0;

  get generation(): number {
    return this.snapshot?.generation ?? 0;
  }

  /**
   * Null when the config is in force now; otherwise why it cannot be, and nothing has changed. `onCommit` is called in the
   * moment in which it comes into force.
   */
  async apply(config: Config, onCommit: () => void): Promise<string | null> {
    const { board, owner, threads, gates, flags } = this.#options;
    const prepared = flags.prepare(config);
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
      generation: this.#tried + 1,
      board,
      gateOf: (name, pools) => gateOf(name).memoryFor(pools),
      portOf: (key) => ports.get(key)!,
      flags: prepared,
    });
    this.#tried = snapshot.generation;
    const error = await threads.stage(snapshot);
    if (error !== null) {
      threads.abandon(snapshot.generation);
      if (this.snapshot !== null) board.keepOnly(blocksOf(this.snapshot));
      return error;
    }
    const restated: ServiceGate[] = [];
    const moves: BegunMove[] = [];
    for (const spec of snapshot.services) {
      const gate = gateOf(spec.name);
      if (spec.gate === gate.memory) continue;
      const pools = spec.pools.map((pool) => pool.name);
      gate.adopt(spec.gate, pools);
      const move = this.#place(gate, config.services.get(spec.name)!, created.has(spec.name));
      if (move === null) restated.push(gate);
      else moves.push(move);
    }
    for (const gate of created.values()) gates.add(gate);
    for (const gate of gates.all()) if (!config.services.has(gate.service)) gates.remove(gate.service);
    this.snapshot = snapshot;
    prepared.adopt();
    owner.commit(snapshot.generation);
    onCommit();
    threads.committed(snapshot);
    if (!(await owner.awaitGrace(GRACE_MS, GRACE_CLOCK))) this.#options.log.warn(STUCK);
    board.keepOnly(blocksOf(snapshot));
    for (const gate of restated) gates.keepPosition(gate);
    for (const move of moves) gates.conclude(move);
    prepared.conclude();
    return null;
  }

  /**
   * Places a gate that stands in new memory: where it stood, as far as its pools are still there, or as the file says.
   * Null when it stands where it stood.
   */
  #place(gate: ServiceGate, service: Service, isNew: boolean): BegunMove | null {
    const { store, gates, log, onInstruction } = this.#options;
    const found = isNew ? store.position(service.name) : null;
    if (found !== null && !found.ok) {
      log.error({ error: found.error }, 'the state file cannot be read; traffic is what the config says');
    }
    const kept = found?.ok === true ? found.value : null;
    if (kept !== null) gate.restore(kept);
    const fileFingerprint = fingerprint(service.traffic);
    const decision = decideAtLoad({
      stored: isNew && kept === null ? null : { weights: gate.weights, fingerprint: gate.fingerprint },
      fileWeights: service.traffic,
      fileFingerprint,
      pools: [...service.pools.keys()],
    });
    if (decision.source === 'store' && sameWeights(decision.weights, gate.weights)) {
      gates.restate(gate);
      return null;
    }
    if (decision.source === 'file') onInstruction(service.name, decision.why, decision.weights);
    return gates.begin({
      gate,
      weights: decision.weights,
      fingerprint: fileFingerprint,
      reason: isNew ? 'start' : 'file',
      by: 'file',
      note: decision.why,
      drainMs: service.drainMs,
    });
  }

  /** The port of each listener: a known listener keeps its own, a new one must be free. */
  async #portsFor(config: Config): Promise<Map<string, number> | { readonly error: string }> {
    const chosen = new Map<string, number>();
    const known = new Map(this.snapshot?.listeners.map((listener) => [listener.key, listener.port]));
    const ownPorts = new Set(known.values());
    for (const listener of config.listeners) {
      const { address } = listener;
      const key = listenerKey(listener);
      const open = known.get(key);
      if (open !== undefined) {
        chosen.set(key, open);
        continue;
      }
      // The thread that opens a Unix socket finds out itself whether it can.
      if (isUnix(address)) {
        chosen.set(key, 0);
        continue;
      }
      // Beside our own listener on the port, the address can be opened only as the threads do it.
      if (address.port !== 0 && ownPorts.has(address.port)) {
        chosen.set(key, address.port);
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
  blocks.add(snapshot.inFlight.board);
  for (const block of blocksOfGuards(snapshot)) blocks.add(block);
  for (const { board, rateLimit, forwardAuth } of snapshot.routes) {
    if (board !== null) blocks.add(board);
    if (forwardAuth !== null) blocks.add(forwardAuth.board);
    if (rateLimit !== null) blocks.add(rateLimit.buckets);
  }
  for (const service of snapshot.services) {
    blocks.add(service.board);
    blocks.add(service.evidence.levels);
    if (service.evidence.ledgers !== null) {
      blocks.add(service.evidence.ledgers.failures);
      blocks.add(service.evidence.ledgers.delays);
    }
    for (const { ledger } of service.evidence.signals) if (ledger !== null) blocks.add(ledger);
    blocks.add(service.pace);
    for (const pool of service.pools) {
      blocks.add(pool.board);
      blocks.add(pool.evidence);
      for (const signal of pool.signals) blocks.add(signal);
      blocks.add(pool.inFlight.board);
      for (const variants of pool.flags) for (const block of variants) blocks.add(block);
      for (const endpoint of pool.endpoints) blocks.add(endpoint.board);
    }
  }
  return blocks;
}
