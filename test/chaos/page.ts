/** The page; see below. */
import type { Outcome } from './run-scenario.ts';
import type { Scale } from './scene.ts';
export function keepResults(
  _o: readonly Outcome[],
  _c: { seed: number; scale: Scale; missing: readonly string[] },
): void {}
export function writePage(): void {}
