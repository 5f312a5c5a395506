/**
 * Preloaded into a Tidegate (`--import`): its calendar is ahead of the machine's by as many milliseconds as a file says, in
 * every thread from the moment the file changes, as when somebody sets the clock. What counts durations is left alone,
 * because setting a clock does not touch it either.
 */
import { readFileSync } from 'node:fs';

const file = process.env.TIDEGATE_TEST_CALENDAR!;
const RealDate = globalThis.Date;
const realNow = RealDate.now;

function now(): number {
  return realNow() + Number(readFileSync(file, 'utf8'));
}

globalThis.Date = class extends RealDate {
  constructor(...parts: []) {
    if (parts.length === 0) super(now());
    else super(...parts);
  }

  static override now(): number {
    return now();
  }
} as DateConstructor;
