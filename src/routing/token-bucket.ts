/**
 * Token buckets of many keys in shared memory: exact over all data threads, with a fixed number of bytes.
 *
 * A bucket is one number, the time at which it will be full again (the generic cell rate algorithm of ITU-T I.371, which
 * is the token bucket turned round): a request is granted if that time is at most `burst - 1` intervals away, and moves it
 * on by one interval. Nothing has to be refilled, a bucket at rest needs no attention, and granting is one compare-and-swap.
 *
 * A limit divided by the number of threads was rejected: the kernel gives a connection to one thread, so a client with one
 * connection would get an eighth of its due on eight cores. So were messages between threads: they come late, and a limit
 * that holds a moment later is none. This is the one place where threads write the same cell.
 *
 * A key has a place in one set of eight by its hash, whose seeds are drawn at the start so that nobody can aim at a
 * bucket. When a set is full, the bucket that is nearest to full goes: one that is full already loses nothing, and who
 * has used up the most is remembered longest. What two threads do to one set at the same moment can cost a key its place,
 * never more than that. Times are nanoseconds of a clock that all threads share.
 */
import { murmur3 } from './hash.ts';

const WAYS = 8;
const HEADER = 2;
/** A cell with the key's hash and one with the time. */
const CELLS = 2;

/** Memory for at least `keys` buckets, all of them full; both seeds are random numbers of 32 bits. */
export function createBucketMemory(keys: number, seeds: readonly [number, number]): SharedArrayBuffer {
  const sets = Math.max(1, Math.ceil(keys / WAYS));
  const memory = new SharedArrayBuffer((HEADER + sets * WAYS * CELLS) * 8);
  const cells = new BigInt64Array(memory);
  cells[0] = BigInt(seeds[0]);
  cells[1] = BigInt(seeds[1]);
  return memory;
}

/** One data thread's view of the buckets of one limit. */
export class TokenBuckets {
  readonly #cells: BigInt64Array;
  readonly #sets: number;
  readonly #low: number;
  readonly #high: number;
  readonly #interval: bigint;
  /** How far ahead a bucket's time may be for one more request to be granted. */
  readonly #ahead: bigint;

  /** `intervalNs` is positive, `burst` at least 1. */
  constructor(memory: SharedArrayBuffer, intervalNs: number, burst: number) {
    this.#cells = new BigInt64Array(memory);
    this.#sets = (this.#cells.length - HEADER) / (WAYS * CELLS);
    this.#low = Number(this.#cells[0]);
    this.#high = Number(this.#cells[1]);
    this.#interval = BigInt(Math.max(1, Math.round(intervalNs)));
    this.#ahead = this.#interval * BigInt(burst - 1);
  }

  /** Takes one token of the key's bucket; gives 0, or the nanoseconds after which there will be one. */
  take(key: string, nowNs: bigint): number {
    const cells = this.#cells;
    const at = this.#place(key) + 1;
    for (;;) {
      const before = Atomics.load(cells, at);
      // A bucket that was emptied under a larger burst, before a reload, waits no longer than an empty one of this size.
      const most = nowNs + this.#ahead + this.#interval;
      if (before > most) {
        Atomics.compareExchange(cells, at, before, most);
        continue;
      }
      const fullAt = before < nowNs ? nowNs : before;
      const wait = fullAt - nowNs - this.#ahead;
      if (wait > 0n) return Number(wait);
      if (Atomics.compareExchange(cells, at, before, fullAt + this.#interval) === before) return 0;
    }
  }

  /** The index of the key's first cell; it is given one if it has none. */
  #place(key: string): number {
    const cells = this.#cells;
    const low = murmur3(key, this.#low);
    const high = murmur3(key, this.#high);
    // 0 marks a place that nobody has.
    const hash = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)) || 1n;
    const first = HEADER + (low % this.#sets) * WAYS * CELLS;
    for (;;) {
      let victim = first;
      for (let way = 0; way < WAYS; way++) {
        const at = first + way * CELLS;
        if (Atomics.load(cells, at) === hash) return at;
        if (Atomics.load(cells, at + 1) < Atomics.load(cells, victim + 1)) victim = at;
      }
      const owner = Atomics.load(cells, victim);
      if (Atomics.compareExchange(cells, victim, owner, hash) !== owner) continue;
      Atomics.store(cells, victim + 1, 0n);
      return victim;
    }
  }
}
