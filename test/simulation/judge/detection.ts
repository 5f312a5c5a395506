/**
 * How many requests it takes to detect a worse version: the table of the judge's documentation, simulated.
 *
 * Between bad events nothing happens to the evidence, so a run jumps from one to the next and looks after each. That is the
 * most frequent look there can be.
 */
import { logEvidence } from '../../../src/judge/relative-risk.ts';
import { type Draws, median } from './draws.ts';

export const SHARES = [0.01, 0.05, 0.1, 0.5] as const;

/** One row: error rates of both sides, and for each share the requests and failed candidate requests that it should take. */
export interface DetectionRow {
  readonly active: number;
  readonly candidate: number;
  readonly expected: readonly (readonly [requests: number, failed: number])[];
}

/** Medians that an independent implementation found, at a false alarm of 1%. */
export const DETECTION: readonly DetectionRow[] = [
  {
    active: 0,
    candidate: 0.01,
    expected: [
      [17_026, 2],
      [5444, 3],
      [2566, 3],
      [1636, 9],
    ],
  },
  {
    active: 0.001,
    candidate: 0.01,
    expected: [
      [38_197, 4],
      [8046, 5],
      [5573, 6],
      [2120, 12],
    ],
  },
  {
    active: 0.001,
    candidate: 0.05,
    expected: [
      [3572, 3],
      [1276, 3],
      [630, 3],
      [364, 9],
    ],
  },
  {
    active: 0.001,
    candidate: 0.5,
    expected: [
      [326, 2],
      [109, 3],
      [59, 3],
      [35, 9],
    ],
  },
  {
    active: 0.01,
    candidate: 0.05,
    expected: [
      [12_050, 7],
      [3107, 8],
      [1632, 9],
      [662, 18],
    ],
  },
];

/** Medians over `runs` releases: requests of both sides and failed candidate requests until the evidence is enough. */
export function simulateDetection(
  row: Pick<DetectionRow, 'active' | 'candidate'>,
  share: number,
  falseAlarm: number,
  runs: number,
  draws: Draws,
): { readonly requests: number; readonly failed: number } {
  const rate = share * row.candidate + (1 - share) * row.active;
  const ofCandidate = (share * row.candidate) / rate;
  const needed = -Math.log(falseAlarm);
  const requests: number[] = [];
  const failed: number[] = [];
  for (let run = 0; run < runs; run++) {
    let seen = 0;
    let candidate = 0;
    let active = 0;
    do {
      seen += draws.gap(rate);
      if (draws.uniform() < ofCandidate) candidate += 1;
      else active += 1;
    } while (logEvidence([{ share, candidate: [candidate], active: [active] }], 1, 1) < needed);
    requests.push(seen);
    failed.push(candidate);
  }
  return { requests: median(requests), failed: median(failed) };
}

/** Median of the bad events of both sides until a candidate that is just as good is shown to be less than `margin` times as bad. */
export function simulateProof(share: number, margin: number, error: number, runs: number, draws: Draws): number {
  const counts: number[] = [];
  for (let run = 0; run < runs; run++) {
    let candidate = 0;
    let active = 0;
    do {
      if (draws.uniform() < share) candidate += 1;
      else active += 1;
    } while (
      logEvidence([{ share, candidate: [candidate], active: [active] }], 1, margin, [1, 0.75]) < -Math.log(error)
    );
    counts.push(candidate + active);
  }
  return median(counts);
}
