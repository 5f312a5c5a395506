/**
 * Snapshots for data threads that a test drives itself: built from a config as the control plane builds them, over one
 * board, so that generations share the memory that they should share.
 */
import { parseConfig } from '../../../src/config/parse.ts';
import type { Config } from '../../../src/config/schema.ts';
import { Board } from '../../../src/control/board.ts';
import { probePort } from '../../../src/control/ports.ts';
import { buildSnapshot, type SnapshotParts } from '../../../src/control/snapshot-builder.ts';
import { createGateMemory, GateWriter } from '../../../src/routing/gate.ts';
import type { Snapshot } from '../../../src/routing/snapshot.ts';

/** The config that this object writes, with every default. */
export function configOf(written: object): Config {
  const { config, problems } = parseConfig(JSON.stringify(written), { file: 'test.yaml', env: {} });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

/** A port of this machine that nobody listens on just now. */
export async function unusedPort(): Promise<number> {
  const probe = await probePort('127.0.0.1', 0);
  if ('error' in probe) throw new Error(probe.error);
  return probe.port;
}

/** What a snapshot is built from where no flag is anywhere. */
export const NO_FLAGS: SnapshotParts['flags'] = {
  specs: [],
  countsOf: () => new SharedArrayBuffer(8),
  sampleOf: () => new SharedArrayBuffer(8),
};

export class Snapshots {
  readonly board: Board;
  readonly #ports = new Map<string, number>();
  readonly #endpoint: string;
  readonly #gate = createGateMemory(1);

  /** `threads`: how many threads use them. `endpoint`: the address of the only endpoint of the only service. */
  constructor(threads: number, endpoint: string) {
    this.board = new Board(threads);
    this.#endpoint = endpoint;
    new GateWriter(this.#gate, 1).move(0, 1, [1]);
  }

  /** The port of a listener, which is chosen when it is asked for first. */
  async port(listener: string): Promise<number> {
    const port = this.#ports.get(listener) ?? (await unusedPort());
    this.#ports.set(listener, port);
    return port;
  }

  /** A generation with listeners of these names; it may have none, which no config can say. */
  async of(generation: number, listeners: readonly string[]): Promise<Snapshot> {
    const names = listeners.length === 0 ? ['unused'] : listeners;
    for (const name of names) await this.port(name);
    const config = configOf({
      listeners: names.map((name) => ({ name, address: '127.0.0.1:0' })),
      services: { app: { pools: { main: { version: 'v1', endpoints: [this.#endpoint] } } } },
      routes: [{ service: 'app' }],
    });
    const { board } = this;
    const portOf = (key: string): number => this.#ports.get(key)!;
    const snapshot = buildSnapshot({ config, generation, board, gateOf: () => this.#gate, portOf, flags: NO_FLAGS });
    return listeners.length === 0 ? { ...snapshot, listeners: [] } : snapshot;
  }
}
