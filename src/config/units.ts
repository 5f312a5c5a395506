/**
 * The written forms of quantities, and what they mean.
 *
 * Every quantity in a config names its unit, because a bare `30` has been read as seconds by one person and as
 * milliseconds by the next. Durations become whole milliseconds and sizes become bytes here, once; no other file
 * converts units. Values that cannot be read give `undefined`, and the caller says what is allowed.
 *
 * Sizes are binary (`KiB`), and the decimal `kB` and `MB` are refused rather than guessed.
 */

/** The longest wait in milliseconds that a timer of Node.js can hold (about 24.8 days). */
export const LONGEST_MS = 2_147_483_647;
/** The longest age in milliseconds of what no timer waits for: ten years of 365 days. */
export const LONGEST_AGE_MS = 10 * 365 * 24 * 3_600_000;

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** The form of a duration, for the JSON Schema as well as for reading. */
export const DURATION = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/;
/** The form of a size, for the JSON Schema as well as for reading. */
export const SIZE = /^([0-9]{1,12})(B|KiB|MiB|GiB)$/;
/** The form of a share. */
export const SHARE = /^([0-9]{1,3}(?:\.[0-9]{1,9})?)%$/;

/** Reads `250ms`, `5s`, `1.5m` or `1h` as whole milliseconds; `undefined` when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * MILLISECONDS[match[2]!]!);
}

/** Reads `16KiB`, `1MiB` or `512B` as bytes; `undefined` when it is none or too large to be exact. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * BYTES[match[2]!]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Reads `5%` as a percentage from 0 to 100 (the number 5); `undefined` when it is none. */
export function parsePercent(text: string): number | undefined {
  const match = SHARE.exec(text);
  if (match === null) return undefined;
  const percent = Number(match[1]);
  return percent <= 100 ? percent : undefined;
}
