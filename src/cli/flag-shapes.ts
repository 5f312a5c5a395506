/**
 * The shapes of answers about flags; see `answer-shapes.ts` for why they are checked.
 */
import type { FlagReceipt, FlagView } from '../control/flag-operations.ts';
import type { FlagPreview } from '../control/flag-preview.ts';
import type { Explanation } from '../flags/explanation.ts';
import { fits, isGlanceOrNone, orNull, type Shape } from './answer-shapes.ts';

const STAND: Shape = {
  definition: { strategy: 'text' },
  environment: 'text',
  share: orNull('number'),
  killed: 'boolean',
};

const VIEW: Shape = {
  ...(STAND as object),
  name: 'text',
  revision: 'number',
  strategy: 'text',
  variants: ['text'],
  problem: orNull('text'),
  inFile: 'boolean',
  asInFile: 'boolean',
  routes: ['text'],
  requiredBy: ['text'],
  since: { at: 'text', by: 'text', how: 'text', reason: 'text' },
  stored: 'boolean',
};

const RECEIPT: Shape = {
  flag: 'text',
  revision: 'number',
  how: 'text',
  from: orNull(STAND),
  to: orNull(STAND),
  at: 'text',
  appliedMs: 'number',
  by: 'text',
  reason: 'text',
  stored: 'boolean',
};

export function isFlagView(value: unknown): value is FlagView {
  return fits(value, VIEW) && isGlanceOrNone((value as { readonly rollout?: unknown }).rollout);
}

export interface FlagList {
  readonly flags: readonly FlagView[];
}

export function isFlagList(value: unknown): value is FlagList {
  return fits(value, { flags: ['anything'] }) && (value as FlagList).flags.every(isFlagView);
}

export function isFlagReceipt(value: unknown): value is FlagReceipt {
  return fits(value, RECEIPT);
}

/** What happened to a flag, newest first; also what came of a list that was brought in. */
export interface FlagReceipts {
  readonly receipts: readonly FlagReceipt[];
}

export function isFlagReceipts(value: unknown): value is FlagReceipts {
  return fits(value, { receipts: [RECEIPT] });
}

const PREVIEW: Shape = {
  flag: 'text',
  revision: 'number',
  from: STAND,
  to: STAND,
  withinMs: 'number',
  sample: {
    sampled: 'number',
    onBefore: orNull('number'),
    onAfter: orNull('number'),
    changed: orNull('number'),
    isCounted: 'boolean',
    moved: ['text'],
    untold: ['text'],
  },
  ofAll: orNull('number'),
};

export function isFlagPreview(value: unknown): value is FlagPreview {
  return fits(value, PREVIEW);
}

const TRACE: Shape = orNull({ input: 'text', hash: 'text', digest: 'text', place: 'number', of: 'number' });

const EXPLANATION: Shape = {
  flag: 'text',
  revision: 'text',
  key: orNull('text'),
  variant: 'text',
  reason: 'text',
  because: ['text'],
  draw: orNull({ enrolment: TRACE, variant: TRACE }),
};

export function isFlagExplanation(value: unknown): value is Explanation {
  return fits(value, EXPLANATION);
}
