/**
 * Remembers which exposures have been told lately, in a fixed amount of memory.
 *
 * A table in which each exposure has one place: it holds the rest of the hash and the second in which it was told. Whoever comes to a
 * place of another takes it over, so what is forgotten is told a second time; what is told is never kept from being told by
 * another, but for two whose 64 bits are equal. A set that is emptied when it is full was rejected: everything would be
 * told again at once.
 */

/** A window of at least `places` exposures. */
export class ExposureWindow {
  readonly #windowS: number;
  readonly #mask: number;
  readonly #rest: Uint32Array;
  readonly #toldS: Float64Array;

  constructor(places: number, windowMs: number) {
    const size = 2 ** Math.ceil(Math.log2(places));
    this.#windowS = windowMs / 1000;
    this.#mask = size - 1;
    this.#rest = new Uint32Array(size);
    this.#toldS = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  }

  /** Whether an exposure with this hash (two whole numbers of 32 bits) is new in the window; it then counts as told. */
  isNew(high: number, low: number, nowMs: number): boolean {
    const at = high & this.#mask;
    const nowS = nowMs / 1000;
    if (this.#rest[at] === low && nowS - this.#toldS[at]! < this.#windowS) return false;
    this.#rest[at] = low;
    this.#toldS[at] = nowS;
    return true;
  }
}
