/**
 * The board's record of one endpoint: what all threads must agree on about it, in shared memory.
 *
 * A head is written by the control plane (does the endpoint admit requests, and with how much of its weight? what is to be
 * ended there?), then follows one line for each data thread, written by that thread only. Gauges are plain 32-bit cells: a dead thread's line
 * is zeroed by the control plane. Requests in flight are summed over threads by whoever balances, so that least-request
 * sees the endpoint's true load and not only its own thread's part of it. Head and lines begin on cache lines of their own.
 *
 * One word of the head is handed over: the probe (`probe-word.ts`).
 */
import { type ProbeAnswer, ProbeWord } from './probe-word.ts';

const LINE = 128;
const LINE_INTS = LINE / 4;
const LINE_FLOATS = LINE / 8;

const ADMITTING = 0;
const PROBE = 1;
const STANDING = 2;
const WEIGHT_PART = 2;
const EJECTIONS = 3;
const END_BEFORE = 6;

const IN_FLIGHT = 0;
const CONNECTIONS = 1;
const IDLE = 2;
const QUEUED = 3;
const ATTEMPTS = 2;
const DIALS = 3;
const DESYNCS = 4;
const REUSE_RACES = 5;
const QUEUE_OVERFLOWS = 6;
const GOOD = 7;
const BAD = 8;
const RUN = 18;

/** How ejection stands to an endpoint; the order is that of the numbers in the cell. */
export const STANDINGS = ['admitting', 'shut', 'probing'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Why an endpoint was ejected, as the label `reason`; the order is that of the cells. */
export const EJECTION_CAUSES = ['consecutive-failures', 'success-ratio', 'probe'] as const;
export type EjectionCause = (typeof EJECTION_CAUSES)[number];

/** What an attempt says about its endpoint; `neither` when it ended for a reason that is not the endpoint's. */
export type Verdict = 'good' | 'bad' | 'neither';

/** Memory for one endpoint, with `threads` lines, not admitting until `setAdmitting` says so. */
export function createEndpointMemory(threads: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(LINE * (1 + threads));
  new Float64Array(memory)[WEIGHT_PART] = 1;
  return memory;
}

/** Written by the control plane: whether requests may be sent to this endpoint. */
export function setAdmitting(memory: SharedArrayBuffer, admitting: boolean): void {
  Atomics.store(new Int32Array(memory), ADMITTING, admitting ? 1 : 0);
}

/**
 * Written by the control plane: exchanges of positions before `epoch` are to be ended, at the service's pace; 0 for none. All
 * threads obey from their next look on.
 */
export function setEndBefore(memory: SharedArrayBuffer, epoch: number): void {
  new Float64Array(memory)[END_BEFORE] = epoch;
}

/** One data thread's view of an endpoint: its own line to write, the others' to read. */
export class EndpointCells {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #lines: number;
  readonly #thread: number;
  readonly #own: number;
  readonly #ownFloats: number;
  readonly #probe: ProbeWord;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#thread = thread;
    this.#probe = new ProbeWord(new Int32Array(memory), PROBE);
    this.#ints = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#lines = memory.byteLength / LINE - 1;
    this.#own = (thread + 1) * LINE_INTS;
    this.#ownFloats = (thread + 1) * LINE_FLOATS;
  }

  get admitting(): boolean {
    return this.#ints[ADMITTING] === 1;
  }

  /** The part of its weight that the endpoint stands in with, above 0 and up to 1. */
  get weightPart(): number {
    return this.#floats[WEIGHT_PART]!;
  }

  /** Exchanges of positions before this epoch are to be ended; 0 for none. */
  get endBefore(): number {
    return this.#floats[END_BEFORE]!;
  }

  /** Takes the probe if one is offered: what to end it by, or 0 when there is none to take. */
  takeProbe(): number {
    return this.#probe.take(this.#thread);
  }

  /** Says what has come of a probe that was taken; with `neither` it is offered again. */
  endProbe(taken: number, verdict: Verdict): void {
    this.#probe.end(taken, verdict);
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

  attemptEnded(verdict: Verdict): void {
    this.#ints[this.#own + IN_FLIGHT]! -= 1;
    if (verdict === 'good') {
      this.#floats[this.#ownFloats + GOOD]! += 1;
      this.#ints[this.#own + RUN] = 0;
    } else if (verdict === 'bad') {
      this.#floats[this.#ownFloats + BAD]! += 1;
      this.#ints[this.#own + RUN]! += 1;
    }
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

/** What the control plane writes of an endpoint beside whether it admits; and how it learns what has happened there. */
export class EndpointHead {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #lines: number;
  readonly #probe: ProbeWord;
  #good = 0;
  #bad = 0;
  /** The failures of each thread up to the last `forget`, or the last success that is known to be later than they are. */
  readonly #badBefore: Float64Array;
  /** The failures of each thread at the last `news`. */
  readonly #badSeen: Float64Array;
  /** Since when the probe is seen to be taken; null while it is not. */
  #takenSinceMs: number | null = null;

  /** Starts with what has happened before forgotten. */
  constructor(memory: SharedArrayBuffer) {
    this.#ints = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#lines = memory.byteLength / LINE - 1;
    this.#probe = new ProbeWord(this.#ints, PROBE);
    this.#badBefore = new Float64Array(this.#lines);
    this.#badSeen = new Float64Array(this.#lines);
    this.news();
    this.forget();
  }

  /** Whether requests may be sent here, and with which part of its weight the endpoint stands in. */
  set(admitting: boolean, weightPart: number, standing: Standing): void {
    // The weight first: whoever sees the endpoint admit sees it with the weight that it starts with.
    this.#floats[WEIGHT_PART] = weightPart;
    this.#ints[STANDING] = STANDINGS.indexOf(standing);
    Atomics.store(this.#ints, ADMITTING, admitting ? 1 : 0);
  }

  ejected(cause: EjectionCause): void {
    this.#floats[EJECTIONS + EJECTION_CAUSES.indexOf(cause)]! += 1;
  }

  /**
   * Outcomes since the last call, and the longest run of failures that any one thread has behind it. Only failures since
   * the last `forget` are part of a run, and none from before the last call if anybody has succeeded since: a thread that
   * gets few requests would otherwise keep its old failures for a run that others have long ended.
   */
  news(): { readonly good: number; readonly bad: number; readonly run: number } {
    let good = 0;
    let bad = 0;
    for (let line = 1; line <= this.#lines; line++) good += this.#floats[line * LINE_FLOATS + GOOD]!;
    if (good > this.#good) this.#badBefore.set(this.#badSeen);
    let run = 0;
    for (let line = 1; line <= this.#lines; line++) {
      const badHere = this.#floats[line * LINE_FLOATS + BAD]!;
      bad += badHere;
      run = Math.max(run, Math.min(this.#ints[line * LINE_INTS + RUN]!, badHere - this.#badBefore[line - 1]!));
      this.#badSeen[line - 1] = badHere;
    }
    const news = { good: good - this.#good, bad: bad - this.#bad, run };
    this.#good = good;
    this.#bad = bad;
    return news;
  }

  /** Failures up to now belong to no run any more. */
  forget(): void {
    for (let line = 1; line <= this.#lines; line++) {
      this.#badBefore[line - 1] = this.#badSeen[line - 1] = this.#floats[line * LINE_FLOATS + BAD]!;
    }
  }

  /**
   * Offers one request as a probe, if none is offered or under way. One that has been under way for `patienceMs` is given
   * up for another: a client that takes its time over a body must not keep the endpoint out of use.
   */
  offerProbe(nowMs: number, patienceMs: number): void {
    if (!this.#probe.isTaken) this.#takenSinceMs = null;
    else {
      this.#takenSinceMs ??= nowMs;
      if (nowMs - this.#takenSinceMs < patienceMs) return;
      this.#takenSinceMs = null;
      this.#probe.withdraw();
    }
    this.#probe.offer();
  }

  /** Takes an offer back; what becomes of a probe that is under way is of no interest any more. */
  withdrawProbe(): void {
    this.#probe.withdraw();
  }

  /** What has come of the probe; each answer is given once. */
  probeAnswer(): ProbeAnswer {
    return this.#probe.answer();
  }
}

/** All lines of an endpoint summed. */
export interface EndpointTotals {
  readonly admitting: boolean;
  readonly standing: Standing;
  readonly weightPart: number;
  /** Ejections since the process started, in the order of `EJECTION_CAUSES`. */
  readonly ejections: readonly number[];
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
    standing: STANDINGS[ints[STANDING]!]!,
    weightPart: floats[WEIGHT_PART]!,
    ejections: [...floats.subarray(EJECTIONS, EJECTIONS + EJECTION_CAUSES.length)],
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

/** Zeroes the gauges of a dead thread and gives its probe to others; its counters stay. Only for the owner of the board. */
export function settleDeadEndpointLine(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory, LINE * (thread + 1), 4).fill(0);
  new ProbeWord(new Int32Array(memory), PROBE).settleDead(thread);
}
