/**
 * The word by which one request, and never two at a time, is let through to an endpoint that is shut.
 *
 *     none ──offer──▶ offered ──take──▶ taken by a thread ──end──▶ good | bad ──answer──▶ none
 *                        ▲─────────ended as neither──────────┘
 *
 * It is the one word of the board that more than one side writes, because whoever comes first of all threads is to have
 * the probe: a thread that is named beforehand may get no request for a long time. Every step by a data thread is a
 * compare-and-exchange from the exact word that it has seen, with a number that grows with each offer in it. So a probe
 * has one owner, and the end of one that was withdrawn meanwhile changes nothing.
 */

const NONE = 0;
const OFFERED = 1;
const TAKEN = 2;
const GOOD = 3;
const BAD = 4;
const STEP = 0b111;
const THREAD_SHIFT = 3;
const NUMBER_SHIFT = 12;
const NUMBER_MAX = 2 ** 18 - 1;

/** What has come of a probe; `none` while nothing has. */
export type ProbeAnswer = 'none' | 'good' | 'bad';

/** One cell as a probe word. */
export class ProbeWord {
  readonly #ints: Int32Array;
  readonly #cell: number;

  constructor(ints: Int32Array, cell: number) {
    this.#ints = ints;
    this.#cell = cell;
  }

  /** By the control plane: offers a probe, if there is none. */
  offer(): void {
    const word = Atomics.load(this.#ints, this.#cell);
    if ((word & STEP) !== NONE) return;
    const number = ((word >>> NUMBER_SHIFT) + 1) & NUMBER_MAX;
    Atomics.store(this.#ints, this.#cell, (number << NUMBER_SHIFT) | OFFERED);
  }

  /** By the control plane: whether a thread has the probe and has not ended it. */
  get isTaken(): boolean {
    return (Atomics.load(this.#ints, this.#cell) & STEP) === TAKEN;
  }

  /** By the control plane: there is no probe any more. */
  withdraw(): void {
    const word = Atomics.load(this.#ints, this.#cell);
    if ((word & STEP) !== NONE) Atomics.store(this.#ints, this.#cell, numberOf(word) | NONE);
  }

  /** By the control plane: what has come of the probe. An answer is given once. */
  answer(): ProbeAnswer {
    const word = Atomics.load(this.#ints, this.#cell);
    const step = word & STEP;
    if (step !== GOOD && step !== BAD) return 'none';
    Atomics.store(this.#ints, this.#cell, numberOf(word) | NONE);
    return step === GOOD ? 'good' : 'bad';
  }

  /** By the control plane: what a thread that has died had taken is offered again. */
  settleDead(thread: number): void {
    const word = Atomics.load(this.#ints, this.#cell);
    if (word === takenBy(numberOf(word), thread)) Atomics.store(this.#ints, this.#cell, numberOf(word) | OFFERED);
  }

  /** By a data thread: the word to end the probe with, or 0 when there is none to take. */
  take(thread: number): number {
    const word = this.#ints[this.#cell]!;
    if ((word & STEP) !== OFFERED) return 0;
    const taken = takenBy(numberOf(word), thread);
    return Atomics.compareExchange(this.#ints, this.#cell, word, taken) === word ? taken : 0;
  }

  /** By the data thread that has taken it: `neither` offers the probe again. */
  end(taken: number, verdict: 'good' | 'bad' | 'neither'): void {
    const step = verdict === 'good' ? GOOD : verdict === 'bad' ? BAD : OFFERED;
    Atomics.compareExchange(this.#ints, this.#cell, taken, numberOf(taken) | step);
  }
}

function numberOf(word: number): number {
  return word & (NUMBER_MAX << NUMBER_SHIFT);
}

function takenBy(number: number, thread: number): number {
  return number | (thread << THREAD_SHIFT) | TAKEN;
}
