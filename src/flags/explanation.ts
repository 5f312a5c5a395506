/**
 * Why a flag has the value that it has for a context: everything that was looked at, in the order in which it was.
 *
 * The answer is the evaluator's own, and each step asks the same parts that it asked, so an explanation cannot tell a story of its
 * own. It goes on where the evaluator stopped: rules behind the one that decided are said to be not asked. With what was hashed, and
 * how, in it, anybody can repeat the draw by hand, also years later from a log line.
 */

import type { Trace } from './bucket.ts';
import { conditionText, foundText } from './condition-text.ts';
import { bucketKeyOf, drawsBucket } from './decider.ts';
import { isKilledIn, slotIn } from './dial.ts';
import { reasonsText } from './explanation-text.ts';
import type { Bucketing, Evaluation, EvaluationContext, JsonValue, Strategy } from './flag.ts';
import type { ReadyFlag, ReadyRule } from './ready-flag.ts';

/** Whether a flag does what it says; or why everybody gets its off value. */
export type FlagState = 'in force' | 'killed' | 'switched off' | 'not yet' | 'over';

/** A prerequisite, and what the flag that is needed says to the same context. */
export interface ExplainedPrerequisite {
  readonly flag: string;
  readonly variant: string;
  readonly given: string;
  readonly isMet: boolean;
}

/** A condition, and what was found. */
export interface ExplainedCondition {
  readonly text: string;
  readonly found: string;
  readonly holds: boolean;
}

/** A rule: `fits` is null when it was not asked, because an earlier one had decided. */
export interface ExplainedRule {
  readonly name: string;
  readonly strategy: Strategy['kind'];
  readonly conditions: readonly ExplainedCondition[];
  readonly fits: boolean | null;
}

/** How a bucket was drawn. */
export interface ExplainedDraw {
  readonly bucketing: Bucketing;
  /** The attribute that was drawn by; `targetingKey` for the key. */
  readonly by: string;
  /** What it was; null when there was none, and then nothing was drawn. */
  readonly key: string | null;
  /** Where the key is on the line from 0 to 100,000; null without a key. */
  readonly roll: number | null;
  /** Below this it is in: the share, in thousandths of a percent. */
  readonly threshold: number;
  readonly isIn: boolean;
  /** How the roll came about; null without a key. */
  readonly enrolment: Trace | null;
  /** How the variant came about; null where none is drawn. */
  readonly variant: Trace | null;
}

/** Everything about one answer; plain data, for the API and people. */
export interface Explanation {
  readonly flag: string;
  readonly revision: string;
  /** The targeting key; null when there is none. */
  readonly key: string | null;
  readonly value: JsonValue;
  readonly variant: string;
  readonly reason: Evaluation['reason'];
  readonly error: Evaluation['error'];
  /** The name of the rule that decided; null for the flag's own strategy. */
  readonly rule: string | null;
  readonly state: FlagState;
  /** The flag's own strategy, its share in thousandths of a percent at this moment (null where it has none), and the dial's slot. */
  readonly strategy: Strategy['kind'];
  readonly share: number | null;
  readonly slot: number;
  readonly requires: readonly ExplainedPrerequisite[];
  readonly rules: readonly ExplainedRule[];
  /** The draw that decided; null where none did. */
  readonly draw: ExplainedDraw | null;
  /** All of it in sentences, in order; the last one says what comes out. */
  readonly because: readonly string[];
}

/** Explains the answer of a flag for a context at a moment, by this word of its dial. */
export function explain(
  flag: ReadyFlag,
  context: EvaluationContext,
  nowMs: number,
  word: number = flag.loadDial(),
): Explanation {
  const { spec } = flag;
  const { value, variant, reason, error, rule } = flag.evaluate(context, nowMs, word);
  const state = stateOf(flag, nowMs, word);
  const requires = state === 'in force' ? flag.requires.map((needed) => needs(needed, context, nowMs)) : [];
  const isOpen = state === 'in force' && requires.every(({ isMet }) => isMet);
  const decided = isOpen ? flag.rules.findIndex((one) => one.fits(context)) : -1;
  const deciding = flag.rules[decided];
  const share = drawsBucket(spec.strategy) ? flag.shareAt(nowMs, word) : null;
  const strategy = deciding?.rule.strategy ?? spec.strategy;
  const threshold = deciding?.share ?? share ?? 0;
  const says: Omit<Explanation, 'because'> = {
    flag: spec.name,
    revision: spec.revision,
    key: context.key ?? null,
    value,
    variant,
    reason,
    error,
    rule,
    state,
    strategy: spec.strategy.kind,
    share,
    slot: slotIn(word),
    requires,
    rules: isOpen ? flag.rules.map((one, index) => explainRule(one, context, index, decided)) : [],
    draw: isOpen && drawsBucket(strategy) ? drawOf(flag, strategy, context, threshold) : null,
  };
  return { ...says, because: reasonsText(says) };
}

function stateOf({ spec }: ReadyFlag, nowMs: number, word: number): FlagState {
  const { strategy, schedule } = spec;
  if (isKilledIn(word)) return 'killed';
  if (strategy.kind === 'none') return 'switched off';
  if (schedule?.fromMs != null && nowMs < schedule.fromMs) return 'not yet';
  return schedule?.untilMs != null && nowMs >= schedule.untilMs ? 'over' : 'in force';
}

function needs(
  { flag, variant }: ReadyFlag['requires'][number],
  context: EvaluationContext,
  nowMs: number,
): ExplainedPrerequisite {
  const given = flag.evaluate(context, nowMs, flag.loadDial());
  return {
    flag: flag.spec.name,
    variant: flag.spec.variants[variant]!.name,
    given: given.error ?? given.variant,
    isMet: given.error === null && given.index === variant,
  };
}

function explainRule(
  { rule, when }: ReadyRule,
  context: EvaluationContext,
  index: number,
  decided: number,
): ExplainedRule {
  const isAsked = decided === -1 || index <= decided;
  const conditions = when.map((condition) => ({
    text: conditionText(condition.condition),
    found: foundText(condition.valueIn(context)),
    holds: condition.holds(context),
  }));
  return { name: rule.name, strategy: rule.strategy.kind, conditions, fits: isAsked ? index === decided : null };
}

function drawOf(
  { spec, buckets }: ReadyFlag,
  strategy: Strategy,
  context: EvaluationContext,
  threshold: number,
): ExplainedDraw {
  const by = spec.bucketBy ?? 'targetingKey';
  const key = bucketKeyOf(spec.bucketBy, context);
  const says = { bucketing: spec.bucketing, by, threshold };
  if (key === undefined) return { ...says, key: null, roll: null, isIn: false, enrolment: null, variant: null };
  const roll = buckets.roll(key);
  const drawsVariant = strategy.kind === 'variants';
  const isIn = drawsVariant ? buckets.draw(key, threshold) !== -1 : roll < threshold;
  const variant = drawsVariant ? buckets.traceDraw(key) : null;
  return { ...says, key, roll, isIn, enrolment: buckets.traceRoll(key), variant };
}
