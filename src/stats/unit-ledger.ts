/**
 * Each unit speaks once: a bounded ledger in shared memory that says whether this user or session has had its bad event.
 *
 * With sticky assignment one broken account can send its failing request a thousand times to the same version, and a
 * thousand events that fell together are not a thousand throws of the dice. So a sticky unit's first bad event counts, and
 * no other. Without stickiness every request is assigned anew; then the request is the unit and there is no ledger.
 *
 * First in the whole rollout, not first in each epoch. A sticky unit keeps its side while the candidate's share grows, so its
 * next event is no new throw either: a rollout of fifteen steps that counts once an epoch blames a harmless candidate in
 * about a fifth of the cases at a nominal 5%, one that counts once a rollout in about a hundredth (simulated in the tests). The
 * price: after an outage that hit everyone, only units that were spared can still speak.
 *
 * One ledger serves both sides, so what it cannot take it drops without regard to the side. It is a table of sets with
 * sixteen words each; a word holds 27 bits of the unit's hash and its level: 1 for errors, the number of boundaries reached
 * for latency, where a unit speaks once about each boundary. (Who also wants to know how many units there were raises each of
 * them to 1 and counts what is bad one level higher.) A word is taken or raised by one compare-and-swap and never
 * freed, so threads that meet agree, and exactly one of them counts. The errors: a unit is taken for another, and not
 * counted, with a chance of at most 15 in 2^27; when as many units are in it as it was made for, about 1 in 1,000
 * finds its set full. Both cost evidence and bias none.
 *
 * Rejected: a Bloom filter (two threads that set its bits at once both count), a set for each thread (a user has several
 * connections), the exact keys (unbounded).
 */
const WAYS = 16;
const LEVEL_BITS = 5;
/** Highest level that a unit can reach. */
export const LEVEL_MAX = 2 ** LEVEL_BITS - 1;
const DROPPED = 0;
const HEADER_WORDS = 16;

/** Memory for a ledger of about `units` units, 8 to 16 bytes each; fresh for each rollout and signal. */
export function createUnitMemory(units: number): SharedArrayBuffer {
  const sets = 2 ** Math.ceil(Math.log2(Math.max(1, (2 * units) / WAYS)));
  return new SharedArrayBuffer((HEADER_WORDS + sets * WAYS) * 4);
}

/** Forgets all units: before a rollout begins, while none is judged. */
export function clearUnits(memory: SharedArrayBuffer): void {
  new Int32Array(memory).fill(0);
}

/** A view of a ledger; every data thread has one of its own on the same memory. */
export class UnitLedger {
  readonly #words: Int32Array;
  readonly #sets: number;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#sets = (this.#words.length - HEADER_WORDS) / WAYS;
  }

  /**
   * A unit has reached `level` (1 to 31). Returns the level that it had before, 0 for none: the caller counts what is above
   * it. Returns -1 when the ledger has no place for the unit, which is then not counted at all. `low` and `high` are two
   * independent 32-bit hashes of the unit's key.
   */
  raise(low: number, high: number, level: number): number {
    const words = this.#words;
    // 0 is a free word, so a unit always has a level of at least 1 beside its hash.
    const mark = high & ~LEVEL_MAX;
    const first = HEADER_WORDS + ((low >>> 0) % this.#sets) * WAYS;
    for (let way = 0; way < WAYS; way++) {
      const at = first + way;
      for (;;) {
        const word = Atomics.load(words, at);
        if (word !== 0 && (word & ~LEVEL_MAX) !== mark) break;
        const before = word & LEVEL_MAX;
        if (before >= level) return before;
        if (Atomics.compareExchange(words, at, word, mark | level) === word) return before;
      }
    }
    Atomics.add(words, DROPPED, 1);
    return -1;
  }

  /** Bad events that found no place, each time they came. */
  dropped(): number {
    return Atomics.load(this.#words, DROPPED);
  }
}
