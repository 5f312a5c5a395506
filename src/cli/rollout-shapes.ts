/**
 * The shapes of answers about rollouts; see `answer-shapes.ts` for why they are checked.
 *
 * Signals come in kinds, and later versions may have more of them: of a kind that is not known only what all signals have is
 * relied on, which is a name, an opinion and a sentence.
 */

import type { Explanation, GroupForecast, GroupView, RolloutForecast, RolloutView } from '../control/operations.ts';
import { fits, orNull, type Shape } from './answer-shapes.ts';

const TALLY: Shape = { requests: 'number', bad: 'number' };

const NUMBERS: Shape = {
  counts: { candidate: TALLY, active: TALLY },
  boundaryUs: orNull('number'),
  risk: { estimate: orNull('number'), lower: 'number', upper: orNull('number') },
  logEvidence: 'number',
  evidence: 'number',
  logEvidenceNeeded: 'number',
  evidenceNeeded: 'number',
};

const SIGNAL: Shape = { name: 'text', kind: 'text', acts: 'boolean', opinion: 'text', sentence: 'text' };

const VERIFICATION: Shape = {
  ok: 'boolean',
  text: 'text',
  results: [{ endpoint: 'text', check: 'text', ok: 'boolean', detail: 'text' }],
};

const ROLLOUT: Shape = {
  id: 'number',
  service: 'text',
  active: 'text',
  candidate: 'text',
  version: 'text',
  plan: 'text',
  phase: 'text',
  step: 'number',
  steps: [{ share: 'number', holdMs: 'number', approve: 'boolean' }],
  bakeMs: 'number',
  share: 'number',
  elapsedMs: 'number',
  pausedBy: orNull('text'),
  isHalted: 'boolean',
  reason: 'text',
  startedAt: 'text',
  startedBy: 'text',
  endedAt: orNull('text'),
  ranMs: 'number',
  verdict: 'anything',
  verification: orNull(VERIFICATION),
  isQueued: 'boolean',
  group: orNull({
    name: 'text',
    members: [{ service: 'text', rollout: 'number' }],
    waitsFor: [{ service: 'text', phase: 'text', reason: 'text' }],
  }),
  takenBackWith: orNull('text'),
  undone: orNull('text'),
  confirmation: orNull({ step: 'number', why: 'text', leftMs: 'number', onTimeout: 'text' }),
};

const FORECAST: Shape = {
  times: orNull('number'),
  rate: 'number',
  requests: orNull('number'),
  seconds: orNull('number'),
  failed: orNull('number'),
  failedMost: 'number',
  withinHold: 'number',
};

const FORECAST_OF_ROLLOUT: Shape = {
  service: 'text',
  active: 'text',
  candidate: 'text',
  version: 'text',
  plan: 'text',
  obstacle: orNull({ kind: 'text', message: 'text' }),
  traffic: { requests: 'number', bad: 'number', seconds: 'number' },
  budget: orNull({ failedMax: 'number', picked: orNull('number') }),
  steps: [{ share: 'number', holdMs: 'number', approve: 'boolean', by: 'text', candidates: [FORECAST] }],
  costs: [{ times: orNull('number'), failedMost: 'number', isStopped: 'boolean' }],
  leastMs: 'number',
};

const EXPLANATION: Shape = {
  rollout: 'anything',
  settings: { falseAlarm: 'number', signals: [{ name: 'text', kind: 'text' }] },
  looks: 'number',
  moments: [{ at: 'text', atMs: orNull('number'), kind: 'text' }],
  momentsLeftOut: 'number',
  turnedBackAtMs: orNull('number'),
  lastVerdict: 'anything',
  agreement: orNull({
    differing: 'number',
    looks: [{ atMs: 'number', recorded: 'text', replayed: 'text' }],
    isLastSame: 'boolean',
  }),
};

export function isRolloutView(value: unknown): value is RolloutView {
  return fits(value, ROLLOUT) && isVerdictOrNull((value as RolloutView).verdict);
}

export interface RolloutList {
  readonly rollouts: readonly RolloutView[];
}

export function isRolloutList(value: unknown): value is RolloutList {
  return fits(value, { rollouts: ['anything'] }) && (value as RolloutList).rollouts.every(isRolloutView);
}

const GROUP: Shape = {
  group: 'text',
  services: ['text'],
  rollouts: ['anything'],
  hasEnded: 'boolean',
  isPromoted: 'boolean',
  reason: 'text',
};

export function isGroupView(value: unknown): value is GroupView {
  return fits(value, GROUP) && (value as GroupView).rollouts.every(isRolloutView);
}

export function isGroupForecast(value: unknown): value is GroupForecast {
  return fits(value, { group: 'text', forecasts: [FORECAST_OF_ROLLOUT] });
}

export function isRolloutForecast(value: unknown): value is RolloutForecast {
  return fits(value, FORECAST_OF_ROLLOUT);
}

export function isExplanation(value: unknown): value is Explanation {
  if (!fits(value, EXPLANATION)) return false;
  const { rollout, lastVerdict, moments } = value as Explanation;
  return isRolloutView(rollout) && isVerdictOrNull(lastVerdict) && moments.every(isMoment);
}

function isMoment(moment: Explanation['moments'][number]): boolean {
  switch (moment.kind) {
    case 'verdict':
      return moment.verdict !== null && isVerdictOrNull(moment.verdict);
    case 'told':
      return fits(moment, { what: 'text', text: 'text' }) && isVerdictOrNull(moment.verdict);
    case 'verification':
      return fits(moment.verification, VERIFICATION);
    default:
      moment satisfies never;
      return false;
  }
}

function isVerdictOrNull(value: unknown): boolean {
  if (value === null) return true;
  if (!fits(value, { kind: 'text', sentence: 'text', signals: [SIGNAL] })) return false;
  const { signals } = value as { readonly signals: readonly { readonly kind: string; readonly numbers?: unknown }[] };
  return signals.every(({ kind, numbers }) => kind !== 'compared' || fits(numbers, NUMBERS));
}
