/**
 * Latency under the judge: a service whose durations are log-normal around 50 ms, and a candidate of which one request in a
 * hundred takes a second longer.
 */
import { BOUNDARIES, chooseScale, type LatencyScale, levelTable } from '../../../src/judge/latency.ts';
import { logEvidence } from '../../../src/judge/relative-risk.ts';
import { BUCKETS, bucketOf } from '../../../src/stats/histogram.ts';
import { type Draws, median } from './draws.ts';

const MEDIAN_US = 50_000;
const SPREAD = 0.5;
/** Looks are this many requests apart. */
const LOOK_EVERY = 20;

/** A duration of the service in microseconds; `slowShare` of them take a second longer. */
export function durationUs(slowShare: number, draws: Draws): number {
  const usual = MEDIAN_US * Math.exp(SPREAD * draws.normal());
  return draws.uniform() < slowShare ? usual + 1_000_000 : usual;
}

/** The scale from so many requests of the active side before the rollout. */
export function scaleBefore(requests: number, draws: Draws): LatencyScale {
  const histogram = new Float64Array(BUCKETS);
  for (let left = requests; left > 0; left--) histogram[bucketOf(durationUs(0, draws))]! += 1;
  return chooseScale(histogram)!;
}

/** Requests of both sides until the evidence is enough, or `requestsMax`; whether it was enough. */
export function latencyRelease(
  share: number,
  slowShare: number,
  falseAlarm: number,
  requestsMax: number,
  draws: Draws,
): { readonly requests: number; readonly isBlamed: boolean } {
  const levels = levelTable(scaleBefore(10_000, draws));
  const candidate: number[] = new Array(BOUNDARIES).fill(0);
  const active: number[] = new Array(BOUNDARIES).fill(0);
  for (let requests = 1; requests <= requestsMax; requests++) {
    const isCandidate = draws.uniform() < share;
    const above = isCandidate ? candidate : active;
    const level = levels[bucketOf(durationUs(isCandidate ? slowShare : 0, draws))]!;
    for (let boundary = 0; boundary < level; boundary++) above[boundary]! += 1;
    if (requests % LOOK_EVERY !== 0) continue;
    if (logEvidence([{ share, candidate, active }], BOUNDARIES, 1) >= -Math.log(falseAlarm)) {
      return { requests, isBlamed: true };
    }
  }
  return { requests: requestsMax, isBlamed: false };
}

/** The median of the requests until a candidate with so many slow requests is found. */
export function simulateLatency(
  share: number,
  slowShare: number,
  falseAlarm: number,
  runs: number,
  draws: Draws,
): number {
  return median(
    Array.from({ length: runs }, () => latencyRelease(share, slowShare, falseAlarm, 40_000, draws).requests),
  );
}
