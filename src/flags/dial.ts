/**
 * What of a flag changes in a hurry: its switch and its share, in one word of shared memory.
 *
 *     bits  0-16  the share, in thousandths of a percent: 0 to 100,000
 *     bits 17-22  the slot: which share this is, for whoever counts what became of its users (see `evidence-cells.ts`)
 *     bit     23  killed: nobody is treated, whatever the share is
 *
 * One word, so that no reader meets a new share with an earlier slot. The control plane writes it with one store and then waits for
 * the grace period (`process-cells.ts`): from the answer on, no request starts that is treated by the earlier word.
 */
const SHARE_MASK = 0x1ffff;
const SLOT_SHIFT = 17;
const SLOT_MASK = 0x3f;
const KILLED = 1 << 23;

/** All shares: every key is in. */
export const SHARE_ALL = 100_000;
/** So many slots there are. */
export const DIAL_SLOTS = 64;

/** Where a dial stands. */
export interface DialPosition {
  readonly share: number;
  readonly slot: number;
  readonly killed: boolean;
}

/** Memory for a dial that stands at 0 and is not killed. */
export function createDialMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/** One reader's or the writer's view of a dial. */
export class Dial {
  readonly #word: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory);
  }

  /** The word as it stands now, for `shareIn`, `slotIn` and `isKilledIn`: one load for one evaluation. */
  load(): number {
    return Atomics.load(this.#word, 0);
  }

  set({ share, slot, killed }: DialPosition): void {
    if (!(Number.isInteger(share) && share >= 0 && share <= SHARE_ALL)) throw new RangeError(`no share: ${share}`);
    if (!(Number.isInteger(slot) && slot >= 0 && slot < DIAL_SLOTS)) throw new RangeError(`no slot: ${slot}`);
    Atomics.store(this.#word, 0, share | (slot << SLOT_SHIFT) | (killed ? KILLED : 0));
  }

  position(): DialPosition {
    const word = this.load();
    return { share: shareIn(word), slot: slotIn(word), killed: isKilledIn(word) };
  }
}

/** The share in a word of a dial, in thousandths of a percent. */
export function shareIn(word: number): number {
  return word & SHARE_MASK;
}

/** The slot in a word of a dial. */
export function slotIn(word: number): number {
  return (word >>> SLOT_SHIFT) & SLOT_MASK;
}

/** Whether a word of a dial says that the flag is killed. */
export function isKilledIn(word: number): boolean {
  return (word & KILLED) !== 0;
}
