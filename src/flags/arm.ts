/**
 * Who is compared with whom when a flag is judged.
 *
 * Those that the flag's own share treats are compared with as many from the range beside them, so that both arms are picked by the same
 * hash, at the same time, from the same people:
 *
 *     roll 0 ── treatment ── p ── control ── p + min(p, 100000 - p) ── none ── 100000
 *
 * Where a variant that is drawn by weight is the off value itself, as in an A/B test with an arm for comparison, those who drew it
 * are untreated and belong to the control too; so such a flag can be judged at an enrolment of 100%. The treatment's part of
 * both arms follows from the share and the weights (`partAt`), and does not depend on who comes.
 *
 * Rejected: everybody else as control. At 1% that is 99 keys for one, of which some are treated by the next step; and with a
 * control as large as the treatment, whatever else strikes some users strikes both alike.
 *
 * Only the flag's own strategy has arms: a rule treats a group that has no untreated counterpart. And only our own buckets have:
 * in the range beside a share there are as many keys as in the share, which the coarse lines of other modes do not promise.
 */

import { bucketKeyOf, drawsBucket } from './decider.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagEvaluator } from './evaluator.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from './flag.ts';

/** A side of the comparison. */
export type Arm = 'treatment' | 'control';

/** Whether a flag can be judged by arms at all. */
export function hasArms({ strategy, bucketing }: FlagSpec): boolean {
  return drawsBucket(strategy) && bucketing === 'tidegate';
}

/** The arm of a roll at a share, both in thousandths of a percent; null for a roll in neither. */
export function armOf(roll: number, share: number): Arm | null {
  if (roll < share) return 'treatment';
  return roll < share + Math.min(share, SHARE_ALL - share) ? 'control' : null;
}

/** The treatment's part of both arms, from a half up to 1; 1 at 100%, where there is nobody to compare with. Not for a share of 0. */
export function treatmentPart(share: number): number {
  return share / (share + Math.min(share, SHARE_ALL - share));
}

/** How many of all keys are in either arm at a share, 0 to 1. */
export function armsAt(share: number): number {
  return (share + Math.min(share, SHARE_ALL - share)) / SHARE_ALL;
}

/**
 * The treatment's part for a flag, whose weights may give the off value to some of those that are enrolled: from 0, where nobody is treated
 * or all of them have it, up to 1.
 */
export function partAt({ strategy, variants, off }: FlagSpec, share: number): number {
  if (share === 0) return 0;
  const total = strategy.kind === 'variants' ? variants.reduce((sum, { weight }) => sum + weight, 0) : 0;
  const untreated = total === 0 ? 0 : variants[off]!.weight / total;
  return treatmentPart(share) * (1 - untreated);
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
  const arm = key === undefined ? null : armOf(flag.buckets.roll(key), flag.shareAt(nowMs, word));
  return arm === 'treatment' && evaluation.index === flag.spec.off ? 'control' : arm;
}
