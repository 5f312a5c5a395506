/**
 * Settings and looks that the tests of the judge start from: `green` against `blue`, one signal `errors`.
 */
import type { EpochCounts } from '../../../src/judge/evidence.ts';
import type { Look, SignalLook } from '../../../src/judge/look.ts';
import type { ComparedSignal, JudgeSettings, ReadSignal } from '../../../src/judge/signals.ts';

export const ERRORS: ComparedSignal = {
  kind: 'compared',
  name: 'errors',
  verb: 'failed',
  boundariesUs: null,
  margin: 1,
  weight: 1,
  acts: true,
  onUnknown: 'wait',
  proof: { margin: 2, rate: 0.01, thresholds: 1 },
  ceiling: { minRequests: 50, share: 0.2 },
};

export const CPU: ReadSignal = {
  kind: 'read',
  name: 'cpu',
  acts: true,
  onUnknown: 'wait',
  rule: { fine: 'at-most', limit: 1.5, isRatio: true, failures: 3, staleMs: 60_000 },
};

export const SETTINGS: JudgeSettings = {
  falseAlarm: 0.01,
  falseHealth: 0.05,
  floor: 3,
  signals: [ERRORS],
  candidate: 'green',
  active: 'blue',
};

/** Requests and bad ones of green and blue in an epoch. */
export function counts(
  epoch: number,
  share: number,
  green: readonly [requests: number, bad: number],
  blue: readonly [requests: number, bad: number],
): EpochCounts {
  return {
    epoch,
    share,
    candidate: { requests: green[0], events: [green[1]] },
    active: { requests: blue[0], events: [blue[1]] },
  };
}

/** A look with counts of the signal `errors`. */
export function errorsLook(epochs: readonly EpochCounts[], changes: Partial<Look> = {}): Look {
  return lookAt([{ kind: 'counts', name: 'errors', epochs }], changes);
}

export function lookAt(signals: readonly SignalLook[], changes: Partial<Look> = {}): Look {
  return { atMs: 1000, sinceEpoch: 0, isHoldOver: false, signals, ...changes };
}
