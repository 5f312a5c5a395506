/**
 * Gates over a board, a state store in memory and an event log, without data threads: the test writes into the board what
 * threads would write, and turns the calendar itself.
 */
import { pino } from 'pino';
import { Board } from '../../../src/control/board.ts';
import { Drains } from '../../../src/control/drains.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import { Gates, type Move } from '../../../src/control/gates.ts';
import type { TidegateEvent, Weights } from '../../../src/control/operations.ts';
import type { ServiceGate } from '../../../src/control/service-gate.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { GateReader } from '../../../src/routing/gate.ts';
import { createProcessMemory, ProcessOwner } from '../../../src/stats/process-cells.ts';
import { SeriesWriter } from '../../../src/stats/series.ts';

const REFUSAL = { ok: false, error: 'disk full' } as const;

export class GateStage {
  /** Milliseconds since 1970, as everybody here is told. */
  nowMs = Date.UTC(2026, 0, 1);
  readonly board = new Board(1);
  readonly store: StateStore;
  readonly log = pino({ level: 'silent' });
  readonly drains = new Drains({ board: this.board, now: () => this.nowMs });
  readonly events: EventLog;
  readonly gates: Gates;
  readonly told: TidegateEvent[] = [];

  /** A store that has been used before may be given; it is a new one otherwise. */
  constructor(store?: StateStore) {
    const opened = StateStore.open(':memory:');
    if (!opened.ok) throw new Error(opened.error);
    this.store = store ?? opened.value.store;
    const now = (): number => this.nowMs;
    const { board, drains, log } = this;
    this.events = new EventLog(this.store, { now, log });
    this.events.onEvent((event) => this.told.push(event));
    const owner = new ProcessOwner(createProcessMemory(1));
    this.gates = new Gates({ board, owner, store: this.store, events: this.events, drains, log, now });
  }

  /** A gate of these pools, which stands nowhere yet. */
  gate(service: string, pools: readonly string[]): ServiceGate {
    const gate = this.gates.create(service);
    gate.adopt(gate.memoryFor(pools), pools);
    this.gates.add(gate);
    return gate;
  }

  /** A move with everything that a test does not care about. */
  move(gate: ServiceGate, weights: Weights, rest: Partial<Move> = {}): Move {
    return { gate, weights, fingerprint: 'f', reason: 'traffic', by: 'test', note: '', drainMs: 1000, ...rest };
  }

  /** Routes a request to a pool by the position in force; gives what ends it. */
  request(gate: ServiceGate, pool: string): (cut?: boolean) => void {
    const writer = new SeriesWriter(this.board.series(gate.service, pool, 'v1'), 0);
    const slot = new GateReader(gate.memory, gate.pools.length).slot();
    writer.start(slot);
    return (cut = false) => writer.finish(slot, 200, 1000, 0, 0, cut);
  }

  /** From now on the state store takes nothing, as with a full disk; gives what ends that. */
  fillDisk(): () => void {
    const { store } = this;
    const own = { savePosition: () => REFUSAL, savePositionAndEvent: () => REFUSAL, saveReceipt: () => REFUSAL };
    Object.assign(store, { ...own, appendEvent: () => REFUSAL, updateReceipt: () => REFUSAL });
    return () => {
      for (const name of [...Object.keys(own), 'appendEvent', 'updateReceipt']) Reflect.deleteProperty(store, name);
    };
  }
}
