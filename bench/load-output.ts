/**
 * Reads what the load generators print: wrk's text and autocannon's JSON, into one form.
 *
 * `failed` holds every request that was not answered with 2xx or 3xx, so that a contender cannot look cheap by
 * refusing. wrk leaves the line of errors out when there are none.
 */

/** What one load has seen. Latencies in microseconds, null where the generator gives none. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly failed: number;
  readonly latencyP50Us: number | null;
  readonly latencyP99Us: number | null;
}

const unitUs: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000 };
const unitSeconds: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 };

/** Reads the output of `wrk --latency`; throws with the text when it is not one. */
export function parseWrk(text: string): LoadResult {
  const total = /^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),/m.exec(text);
  if (total === null) throw new Error(`wrk printed no total: ${text.slice(-500)}`);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const broken = socketErrors === null ? 0 : socketErrors.slice(1).reduce((sum, count) => sum + Number(count), 0);
  return {
    requests: Number(total[1]),
    seconds: Number(total[2]) * unitSeconds[total[3]!]!,
    failed: refused + broken,
    latencyP50Us: wrkPercentile(text, '50'),
    latencyP99Us: wrkPercentile(text, '99'),
  };
}

function wrkPercentile(text: string, percent: string): number | null {
  const match = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(us|ms|s|m)\\s*$`, 'm').exec(text);
  return match === null ? null : Number(match[1]) * unitUs[match[2]!]!;
}

/** Reads the output of `autocannon --json`; throws with the text when it is not one. */
export function parseAutocannon(text: string): LoadResult {
  const start = text.indexOf('{');
  if (start < 0) throw new Error(`autocannon printed no JSON: ${text.slice(-500)}`);
  const report = JSON.parse(text.slice(start, text.lastIndexOf('}') + 1)) as {
    readonly duration: number;
    readonly errors: number;
    readonly timeouts: number;
    readonly non2xx: number;
    readonly requests: { readonly total: number };
    readonly latency: { readonly p50: number; readonly p99: number };
  };
  return {
    requests: report.requests.total,
    seconds: report.duration,
    failed: report.errors + report.timeouts + report.non2xx,
    latencyP50Us: report.latency.p50 * 1_000,
    latencyP99Us: report.latency.p99 * 1_000,
  };
}
