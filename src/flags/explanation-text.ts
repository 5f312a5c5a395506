/**
 * An explanation in sentences, as `tidegate flag explain` prints it.
 *
 * They stand beside the decision and not in the CLI, so that everybody who shows one (the CLI, a web page, a log) says the same.
 */

import { SHARE_ALL } from './dial.ts';
import type { ExplainedDraw, ExplainedPrerequisite, ExplainedRule, Explanation, FlagState } from './explanation.ts';

const STATE_TEXT: Readonly<Record<Exclude<FlagState, 'in force'>, string>> = {
  killed: 'it is killed: nobody is treated',
  'switched off': 'it is switched off: its strategy is none',
  'not yet': 'its schedule has not begun',
  over: 'its schedule is over',
};

/** `4.2%`: thousandths of a percent. */
export function percentText(share: number): string {
  return `${share / 1000}%`;
}

/** The reasons, in the order in which they were looked at. */
export function reasonsText(says: Omit<Explanation, 'because'>): readonly string[] {
  const { state, requires, rules, draw } = says;
  if (state !== 'in force') return [STATE_TEXT[state], outcomeText(says)];
  return [
    ...requires.map(prerequisiteText),
    ...rules.map(ruleText),
    ...(draw === null ? aimText(says) : drawText(draw)),
    outcomeText(says),
  ];
}

function prerequisiteText({ flag, variant, given, isMet }: ExplainedPrerequisite): string {
  return isMet
    ? `it needs ${flag} to be ${variant}, and it is`
    : `it needs ${flag} to be ${variant}, and it is ${given}`;
}

function ruleText({ name, conditions, fits }: ExplainedRule): string {
  if (fits === null) return `rule ${name} is not asked`;
  if (fits) {
    const found = conditions.map((condition) => `${condition.text} (${condition.found})`).join(', ');
    return conditions.length === 0 ? `rule ${name} fits everybody` : `rule ${name} fits: ${found}`;
  }
  const failed = conditions.find(({ holds }) => !holds)!;
  return `rule ${name} does not fit: it wants that ${failed.text}, and it is ${failed.found}`;
}

/** Whom that is for which decides without a draw; nothing where it never came to that, and where a rule has said it. */
function aimText({ requires, rules, rule, strategy, reason, key }: Omit<Explanation, 'because'>): readonly string[] {
  if (requires.some(({ isMet }) => !isMet)) return [];
  const kind = rule === null ? strategy : rules.find(({ fits }) => fits)?.strategy;
  if (kind === 'all' && rule === null) return ['it is for everybody'];
  if (kind !== 'users') return [];
  if (key === null) return ['it is for a list of keys, and there is none to look for'];
  return [`it is for a list of keys, and ${key} is ${reason === 'TARGETING_MATCH' ? '' : 'not '}in it`];
}

function drawText({ by, key, roll, threshold, isIn, enrolment, variant, bucketing }: ExplainedDraw): readonly string[] {
  if (key === null || enrolment === null) return [`a bucket is drawn by ${by}, and there is none`];
  const side = isIn ? 'in' : 'out';
  const share = `the share of ${percentText(threshold)}`;
  const place =
    bucketing === 'tidegate'
      ? `${key} is at ${roll} of ${SHARE_ALL}, ${isIn ? 'below' : 'not below'} ${threshold}: ${side} at ${share}`
      : `${key} is at ${enrolment.place} of ${enrolment.of} (${bucketing}): ${side} at ${share}`;
  if (variant === null || !isIn) return [place];
  return [place, `among the variants it is at ${variant.place} of ${variant.of}`];
}

function outcomeText({ variant, value, reason, error, rule }: Omit<Explanation, 'because'>): string {
  const by = rule === null ? '' : ` by rule ${rule}`;
  return `so it is ${variant}, ${JSON.stringify(value)}${by} (${error ?? reason})`;
}
