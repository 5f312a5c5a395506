/**
 * Who is compared with whom when a flag is judged.
 *
 * Those that the flag's own share treats are compared with others that the same hash has picked, at the same time, from the same
 * people: with as many from the range beside them, or with all of them, as the guard says (`control`):
 *
 *     equal    roll 0 ── treatment ── p ── control ── p + min(p, 100000 - p) ── none ── 100000
 *     others   roll 0 ── treatment ── p ── control ── 100000
 *
 * With all others a treatment of a few is found by fewer of its failures, since one that fell on so few says more: at 5%, four in
 * place of a dozen. With as many, both arms have the same part whatever the share is, so a ramp can move it. The price of both is
 * in decision 0036.
 *
 * Where a variant that is drawn by weight is the off value itself, as in an A/B test with an arm for comparison, those who drew it
 * are untreated and belong to the control too; so such a flag can be judged at an enrolment of 100%. The treatment's part of
 * both arms follows from the share and the weights (`partAt`), and does not depend on who comes.
 *
 * Where nobody is treated nobody is in an arm: the ledgers of who has spoken would fill up for nothing.
 *
 * Only the flag's own strategy has arms: a rule treats a group that has no untreated counterpart. And only our own buckets have:
 * in the range beside a share there are as many keys as in the share, which the coarse lines of other modes do not promise.
 */

import { bucketKeyOf, drawsBucket, TARGETING_KEY } from './decider.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagEvaluator } from './evaluator.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from './flag.ts';
import type { Control } from './guard.ts';

/** A side of the comparison. */
export type Arm = 'treatment' | 'control';

/** Whether a flag can be judged by arms at all. */
export function hasArms({ strategy, bucketing }: FlagSpec): boolean {
  return drawsBucket(strategy) && bucketing === 'tidegate';
}

/**
 * The flag that this one requires and that draws by the very same hash; null for none. Whoever comes to the draw of this one has been
 * picked by it then, so the parts of its arms are others than its share says.
 */
export function sameDraw(spec: FlagSpec, flags: readonly FlagSpec[]): string | null {
  const required = new Set(spec.requires.map(({ flag }) => flag));
  const same = flags.find(
    ({ name, salt, bucketing, bucketBy, strategy, rules }) =>
      required.has(name) &&
      salt === spec.salt &&
      bucketing === spec.bucketing &&
      (bucketBy ?? TARGETING_KEY) === (spec.bucketBy ?? TARGETING_KEY) &&
      [strategy, ...rules.map((rule) => rule.strategy)].some(drawsBucket),
  );
  return same?.name ?? null;
}

/** Whom the guard of a flag compares its treated with; without a guard nobody asks. */
function controlOf({ guard }: Pick<FlagSpec, 'guard'>): Control {
  return guard?.control ?? 'equal';
}

/** How many places of the line the control has beside a share; both in thousandths of a percent. */
function controlShare(share: number, control: Control): number {
  const left = share === 0 ? 0 : SHARE_ALL - share;
  switch (control) {
    case 'equal':
      return Math.min(share, left);
    case 'others':
      return left;
    default:
      return control satisfies never;
  }
}

/** The arm of a roll at a share, both in thousandths of a percent; null for a roll in neither. */
export function armOf(roll: number, share: number, control: Control): Arm | null {
  if (roll < share) return 'treatment';
  return roll < share + controlShare(share, control) ? 'control' : null;
}

/**
 * The treatment's part of both arms: with an equal control from a half up to 1, with all others the share itself; 1 at 100%, where
 * there is nobody to compare with. Not for a share of 0.
 */
export function treatmentPart(share: number, control: Control): number {
  return share / (share + controlShare(share, control));
}

/** How many of all keys are in either arm at a share, 0 to 1. */
export function armsAt(spec: Pick<FlagSpec, 'guard'>, share: number): number {
  return (share + controlShare(share, controlOf(spec))) / SHARE_ALL;
}

/**
 * The treatment's part for a flag, whose weights may give the off value to some of those that are enrolled: from 0, where nobody is treated
 * or all of them have it, up to 1.
 */
export function partAt(spec: FlagSpec, share: number): number {
  const { strategy, variants, off } = spec;
  if (share === 0) return 0;
  const total = strategy.kind === 'variants' ? variants.reduce((sum, { weight }) => sum + weight, 0) : 0;
  const untreated = total === 0 ? 0 : variants[off]!.weight / total;
  return treatmentPart(share, controlOf(spec)) * (1 - untreated);
}

/**
 * The arm of whoever got this answer from the flag at this index, by the same word of its dial; null for none: a rule or a
 * prerequisite decided, the flag is off, there is no key, or it has no arms.
 */
export function armAt(
  evaluator: FlagEvaluator,
  index: number,
  evaluation: Evaluation,
  context: EvaluationContext,
  nowMs: number,
  word: number,
): Arm | null {
  const flag = evaluator.flagAt(index);
  if (evaluation.reason !== 'SPLIT' || evaluation.rule !== null || !hasArms(flag.spec)) return null;
  const key = bucketKeyOf(flag.spec.bucketBy, context);
  const arm = key === undefined ? null : armOf(flag.buckets.roll(key), flag.shareAt(nowMs, word), controlOf(flag.spec));
  return arm === 'treatment' && evaluation.index === flag.spec.off ? 'control' : arm;
}
