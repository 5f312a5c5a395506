/**
 * Numbers as people read them: shares, rates, times. Each form has a greatest width, because tables are laid out by it.
 *
 * A share that is not quite all never reads as 100%, and one that is not quite nothing never as 0%: the difference
 * between a thousandth and nothing is what a canary is about.
 */

import type { Weights } from '../control/operations.ts';

/** A share from 0 to 1 as percent with at most two decimals, without the sign: `0`, `<0.01`, `33.33`, `99.99`, `100`. */
export function percent(share: number): string {
  const hundredths = share * 10_000;
  if (hundredths <= 0 || Number.isNaN(share)) return '0';
  if (hundredths >= 10_000) return '100';
  if (hundredths < 1) return '<0.01';
  return String(Math.min(9_999, Math.round(hundredths)) / 100);
}

/** A share of errors in at most four columns with the sign: `0%`, `<.1%`, `2.5%`, `100%`. */
export function errorPercent(share: number): string {
  const value = share * 100;
  if (value <= 0 || Number.isNaN(share)) return '0%';
  if (value >= 100) return '100%';
  if (value < 0.1) return '<.1%';
  return value < 9.95 ? `${trimmed(value)}%` : `${Math.min(99, Math.round(value))}%`;
}

/** A count or a rate in at most five columns: `0.4`, `12`, `9999`, `12.3k`, `456k`, `7.8M`. */
export function amount(value: number): string {
  if (value < 9.95) return trimmed(value);
  if (value < 9_999.5) return String(Math.round(value));
  if (value < 99_950) return `${trimmed(value / 1000)}k`;
  if (value < 999_500) return `${Math.round(value / 1000)}k`;
  if (value < 99_950_000) return `${trimmed(value / 1_000_000)}M`;
  return `${Math.min(9_999, Math.round(value / 1_000_000))}M`;
}

/** Milliseconds in at most four columns, without a unit below a second: `0.4`, `12`, `999`, `1.2s`, `45s`, `120s`. */
export function latency(ms: number): string {
  if (ms < 9.95) return trimmed(ms);
  if (ms < 999.5) return String(Math.round(ms));
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`;
  return `${Math.min(999, Math.round(ms / 1000))}s`;
}

/** A time for a sentence: `0.4 ms`, `12 ms`, `1.2 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 9.95) return `${trimmed(ms)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${trimmed(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A longer time by its two largest units: `0 s`, `45 s`, `9 min 5 s`, `10 min`, `2 h 5 min`, `3 d 4 h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  const named = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return named.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** The share of each pool, 0 to 1; all 0 where the weights are. */
export function sharesOf(weights: Weights): ReadonlyMap<string, number> {
  const entries = Object.entries(weights);
  const sum = entries.reduce((total, [, weight]) => total + weight, 0);
  return new Map(entries.map(([pool, weight]) => [pool, sum > 0 ? weight / sum : 0]));
}

/** `1 request`, `2 requests`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function trimmed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
