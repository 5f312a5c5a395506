/**
 * From "if this, then that, or else" of another product to rules and a strategy of ours.
 *
 * The first branch that holds for everybody becomes the flag's own strategy, so that its share is on the flag's dial, where it can be turned;
 * the ones before it become rules. Where no branch holds for everybody the flag's own strategy is a list of no users: it is off
 * unless a rule says otherwise.
 */
import type { FlagDefinition, WrittenCondition, WrittenRule } from './definition.ts';
import { conjunctionsOf, type Expression } from './import-expression.ts';
import type { FlagReport } from './import-report.ts';

/** What those get for whom a branch holds: a variant (null: the flag's `on`), for a percentage of them where there is one. */
export type Outcome =
  | { readonly kind: 'all' | 'none'; readonly variant: string | null }
  | { readonly kind: 'percentage'; readonly percent: number; readonly variant: string | null }
  | { readonly kind: 'variants'; readonly percent: number };

/** One "if". */
export interface Branch {
  readonly name: string;
  /** Where it is in the document. */
  readonly at: string;
  readonly when: Expression;
  readonly outcome: Outcome;
}

type Strategic = Pick<FlagDefinition, 'strategy' | 'value' | 'variant'>;
type Decisions = Strategic & Pick<FlagDefinition, 'rules'>;

const RULES_MAX = 100;
const TEXT_MAX = 1024;
const ATTRIBUTE_MAX = 128;
const VALUES_MAX = 1000;
const NAME_MAX = 90;

/**
 * The branches as rules and a strategy. `on` is the variant of those it would be on for, where no branch says one. `isWhole` is
 * false when a branch was left out, with a note.
 */
export function decisionsOf(
  branches: readonly Branch[],
  on: string | null,
  report: Pick<FlagReport, 'lost'>,
): Decisions & { readonly isWhole: boolean } {
  const rules: WrittenRule[] = [];
  let own: Strategic | undefined;
  let isWhole = true;
  const lost = (at: string, message: string): void => {
    report.lost(at, message);
    isWhole = false;
  };
  for (const { name, at, when: asked, outcome } of branches) {
    const parts = conjunctionsOf(asked);
    if (parts === undefined) {
      lost(at, 'its conditions would become more rules, or longer ones, than a flag may have');
    } else if (parts.some((part) => part.length === 0)) {
      own = outcome.kind === 'none' ? undefined : strategyOf(outcome);
      break;
    } else if (parts.some((part) => !part.every(isWritable))) {
      lost(at, 'a name or a value in its conditions is longer than it may be here, or there are too many of them');
    } else if (rules.length + parts.length > RULES_MAX) {
      lost(at, `there would be more than ${RULES_MAX} rules`);
    } else {
      for (const when of parts) rules.push({ name, when, ...strategyOf(outcome) });
    }
  }
  const said = own ?? { strategy: 'users' as const, value: [] };
  const variant = said.variant ?? (said.strategy === 'variants' ? null : on);
  return {
    ...said,
    isWhole,
    ...(variant === null ? {} : { variant }),
    ...(rules.length === 0 ? {} : { rules: withNames(rules) }),
  };
}

/** Whether a condition is within what a definition may have. */
function isWritable({ attribute, not: _not, exists: _exists, semver, ...asked }: WrittenCondition): boolean {
  const isShort = (text: unknown): boolean => typeof text !== 'string' || text.length <= TEXT_MAX;
  const isPlain = attribute.length <= ATTRIBUTE_MAX && /^[^\u0000-\u001f\u007f]+$/.test(attribute);
  const isVersion = Object.values(semver ?? {}).every((version) => version.length <= 256);
  return (
    isPlain &&
    isVersion &&
    Object.values(asked).every((value) =>
      Array.isArray(value) ? value.length <= VALUES_MAX && value.every(isShort) : isShort(value),
    )
  );
}

function strategyOf(outcome: Outcome): Strategic {
  switch (outcome.kind) {
    case 'none':
      return { strategy: 'none' };
    case 'all':
      return { strategy: 'all', ...variantOf(outcome.variant) };
    case 'percentage':
      return { strategy: 'percentage', value: outcome.percent, ...variantOf(outcome.variant) };
    case 'variants':
      return { strategy: 'variants', value: outcome.percent };
  }
}

function variantOf(variant: string | null): { readonly variant?: string } {
  return variant === null ? {} : { variant };
}

/** A flag's rules have different names. */
function withNames(rules: readonly WrittenRule[]): readonly WrittenRule[] {
  const seen = new Set<string>();
  return rules.map((rule) => {
    const wanted = rule.name!.slice(0, NAME_MAX);
    let name = wanted;
    for (let count = 2; seen.has(name); count += 1) name = `${wanted} (${count})`;
    seen.add(name);
    return { ...rule, name };
  });
}
