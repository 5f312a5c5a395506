/**
 * Numbers as sentences of the judge show them: few digits, and never more certainty than there is.
 */
import type { RiskInterval } from './risk-interval.ts';

/** `3,708`. */
export function countText(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `9.0x`, `41x`, `0.42x`. */
export function ratioText(ratio: number): string {
  const digits = ratio < 0.995 ? 2 : ratio < 9.95 ? 1 : 0;
  return `${digits === 0 ? countText(ratio) : ratio.toFixed(digits)}x`;
}

/** `51`, `0.42`, `1.3e+12`: evidence has no unit, and three digits of it are plenty. */
export function evidenceText(evidence: number): string {
  if (evidence >= 1e6) return evidence.toExponential(1);
  return evidence >= 10 ? countText(evidence) : evidence.toPrecision(2);
}

/** `0.99%`, `31%`, `<0.01%`. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.01) return '<0.01%';
  const text = percent >= 10 ? percent.toFixed(0) : percent.toPrecision(2);
  return `${Number(text)}%`;
}

/** `420 ms`, `1.4 s`, `85 µs`. */
export function durationText(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${Number((us / 1000).toPrecision(3))} ms`;
  return `${Number((us / 1_000_000).toPrecision(3))} s`;
}

/** `90,000`: rounded up to two digits, since it is a guess. */
export function aboutText(count: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1);
  return countText(Math.ceil(count / unit) * unit);
}

/** `risk 9.0x (2.1x to 41x)`; what is unbounded is said in words. */
export function riskText({ estimate, lower, upper }: RiskInterval): string {
  if (estimate === null && lower === 0) return 'risk not known yet';
  if (estimate === null) return `risk ${ratioText(lower)} or more`;
  if (upper === null)
    return `risk ${ratioText(estimate)} (${lower === 0 ? 'range not known yet' : `${ratioText(lower)} or more`})`;
  return `risk ${ratioText(estimate)} (${ratioText(lower)} to ${ratioText(upper)})`;
}
