/**
 * The board's record of one endpoint: what all threads must agree on about it, in shared memory.
 *
 * A head of one cache line is written by the control plane (does the endpoint admit requests?), then follows one cache
 * line for each data thread, written by that thread only. Gauges are plain 32-bit cells: a dead thread's line is
 * zeroed by the control plane. Requests in flight are summed over threads by whoever balances, so that least-request
 * sees the endpoint's true load and not only its own thread's part of it.
 */

const LINE = 64;
const LINE_INTS = LINE / 4;
const LINE_FLOATS = LINE / 8;

const ADMITTING = 0;

const IN_FLIGHT = 0;
const CONNECTIONS = 1;
const IDLE = 2;
const QUEUED = 3;
const ATTEMPTS = 2;
const DIALS = 3;
const DESYNCS = 4;
const REUSE_RACES = 5;
const QUEUE_OVERFLOWS = 6;

/** Memory for one endpoint, with `threads` lines, not admitting until `setAdmitting` says so. */
export function createEndpointMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(LINE * (1 + threads));
}

/** Written by the control plane: whether requests may be sent to this endpoint. */
export function setAdmitting(memory: SharedArrayBuffer, admitting: boolean): void {
  Atomics.store(new Int32Array(memory), ADMITTING, admitting ? 1 : 0);
}

/** One data thread's view of an endpoint: its own line to write, the others' to read. */
export class EndpointCells {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #lines: number;
  readonly #own: number;
  readonly #ownFloats: number;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#ints = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#lines = memory.byteLength / LINE - 1;
    this.#own = (thread + 1) * LINE_INTS;
    this.#ownFloats = (thread + 1) * LINE_FLOATS;
  }

  get admitting(): boolean {
    return this.#ints[ADMITTING] === 1;
  }

  /** Attempts in flight or queued towards this endpoint, over all threads. */
  get inFlight(): number {
    let sum = 0;
    for (let line = 1; line <= this.#lines; line++) sum += this.#ints[line * LINE_INTS + IN_FLIGHT]!;
    return sum;
  }

  attemptStarted(): void {
    this.#ints[this.#own + IN_FLIGHT]! += 1;
    this.#floats[this.#ownFloats + ATTEMPTS]! += 1;
  }

  attemptEnded(): void {
    this.#ints[this.#own + IN_FLIGHT]! -= 1;
  }

  /** This thread's connections to the endpoint, all and idle ones, and attempts that wait for one. */
  setConnections(open: number, idle: number, queued: number): void {
    this.#ints[this.#own + CONNECTIONS] = open;
    this.#ints[this.#own + IDLE] = idle;
    this.#ints[this.#own + QUEUED] = queued;
  }

  dialled(): void {
    this.#floats[this.#ownFloats + DIALS]! += 1;
  }

  /** The endpoint sent bytes that no request had asked for. */
  desync(): void {
    this.#floats[this.#ownFloats + DESYNCS]! += 1;
  }

  /** The endpoint closed an idle connection at the moment of its reuse. */
  reuseRace(): void {
    this.#floats[this.#ownFloats + REUSE_RACES]! += 1;
  }

  /** An attempt was turned away because the queue was full or too slow. */
  queueOverflow(): void {
    this.#floats[this.#ownFloats + QUEUE_OVERFLOWS]! += 1;
  }
}

/** All lines of an endpoint summed. */
export interface EndpointTotals {
  readonly admitting: boolean;
  readonly inFlight: number;
  readonly connections: number;
  readonly idle: number;
  readonly queued: number;
  readonly attempts: number;
  readonly dials: number;
  readonly desyncs: number;
  readonly reuseRaces: number;
  readonly queueOverflows: number;
}

/** Reads an endpoint's record as it stands now. */
export function readEndpoint(memory: SharedArrayBuffer): EndpointTotals {
  const ints = new Int32Array(memory);
  const floats = new Float64Array(memory);
  const lines = memory.byteLength / LINE - 1;
  const int = (cell: number): number => {
    let sum = 0;
    for (let line = 1; line <= lines; line++) sum += ints[line * LINE_INTS + cell]!;
    return sum;
  };
  const float = (cell: number): number => {
    let sum = 0;
    for (let line = 1; line <= lines; line++) sum += floats[line * LINE_FLOATS + cell]!;
    return sum;
  };
  return {
    admitting: ints[ADMITTING] === 1,
    inFlight: int(IN_FLIGHT),
    connections: int(CONNECTIONS),
    idle: int(IDLE),
    queued: int(QUEUED),
    attempts: float(ATTEMPTS),
    dials: float(DIALS),
    desyncs: float(DESYNCS),
    reuseRaces: float(REUSE_RACES),
    queueOverflows: float(QUEUE_OVERFLOWS),
  };
}

/** Zeroes the gauges of a dead thread; its counters stay. Only for the owner of the board. */
export function settleDeadEndpointLine(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory, LINE * (thread + 1), 4).fill(0);
}
