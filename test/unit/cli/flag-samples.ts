/** Flags and receipts as the API gives them, with what a test wants to be different. */
import type { FlagReceipt, FlagStand, FlagView } from '../../../src/control/flag-operations.ts';
import type { FlagPreview } from '../../../src/control/flag-preview.ts';
import type { RolloutGlance } from '../../../src/control/operations.ts';

export function stand(changes: Partial<FlagStand> = {}): FlagStand {
  return {
    definition: { strategy: 'percentage', value: 5 },
    environment: 'production',
    share: 5,
    killed: false,
    ...changes,
  };
}

export function flagView(changes: Partial<FlagView> = {}): FlagView {
  return {
    ...stand(),
    name: 'new-checkout',
    revision: 12,
    strategy: 'percentage',
    variants: ['off', 'on'],
    inFile: true,
    asInFile: false,
    routes: ['shop'],
    problem: null,
    requiredBy: [],
    since: { at: '2026-01-31T12:00:00.000Z', by: 'cli:ann', how: 'set', reason: 'first users' },
    stored: true,
    ...changes,
  };
}

/** The rollout of a flag that runs. */
export const GLANCE: RolloutGlance = {
  id: 5,
  candidate: 'treatment',
  version: '8238b716e2016903',
  phase: 'holding',
  step: 2,
  steps: 4,
  share: 0.05,
  elapsedMs: 252_000,
  untilMs: 600_000,
  reason: 'step 2 of 4: treatment has 5%',
};

export function flagReceipt(changes: Partial<FlagReceipt> = {}): FlagReceipt {
  return {
    flag: 'new-checkout',
    revision: 13,
    how: 'set',
    from: stand(),
    to: stand({ definition: { strategy: 'percentage', value: 25 }, share: 25 }),
    at: '2026-01-31T12:00:00.000Z',
    appliedMs: 0.4,
    by: 'cli:ann',
    reason: '',
    stored: true,
    ...changes,
  };
}

export function flagPreview({
  sample,
  ...changes
}: Partial<Omit<FlagPreview, 'sample'>> & { readonly sample?: Partial<FlagPreview['sample']> } = {}): FlagPreview {
  return {
    flag: 'new-checkout',
    revision: 12,
    from: stand(),
    to: stand({ definition: { strategy: 'percentage', value: 25 }, share: 25 }),
    withinMs: 3_600_000,
    sample: {
      sampled: 1234,
      onBefore: 61,
      onAfter: 308,
      changed: 247,
      isCounted: true,
      moved: [],
      untold: [],
      ...sample,
    },
    ofAll: 0.2,
    ...changes,
  };
}
