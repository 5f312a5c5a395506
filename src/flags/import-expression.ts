/**
 * What other products ask of a context, as trees of and, or and not; and how that becomes lists of conditions, which is all that a rule has.
 *
 * A tree becomes its disjunctive normal form, and each part of that a rule of its own with the same outcome: the first that fits decides,
 * so several rules with one outcome are one "or". Whether a missing attribute fits is a matter of the product, and is
 * kept: "not from Germany" of a product that takes it for true where nothing is known becomes two rules, the second of which asks
 * that there is no such attribute.
 *
 * A normal form can be exponentially large. Beyond 50 rules the tree is not carried over, and that is said.
 */
import type { WrittenCondition } from './definition.ts';

/** A question about a context. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: boolean }
  /** A condition that is not negated; `missing` is what it is there where the attribute is not known. */
  | { readonly kind: 'atom'; readonly condition: WrittenCondition; readonly missing: boolean }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] };

export const ALWAYS: Expression = { kind: 'constant', value: true };
export const NEVER: Expression = { kind: 'constant', value: false };

const PARTS_MAX = 50;
const CONDITIONS_MAX = 20;

/** A condition that does not fit where its attribute is not known. */
export function atom(condition: WrittenCondition): Expression {
  return { kind: 'atom', condition, missing: false };
}

/** A comparison with a number, in a product for which an attribute that is not known is 0, as in JavaScript and JSON Logic. */
export function orderFromZero(attribute: string, order: 'lt' | 'le' | 'gt' | 'ge', number: number): Expression {
  const missing = { lt: 0 < number, le: 0 <= number, gt: 0 > number, ge: 0 >= number }[order];
  return { kind: 'atom', condition: { attribute, [order]: number }, missing };
}

export function not(of: Expression): Expression {
  return { kind: 'not', of };
}

export function and(...of: readonly Expression[]): Expression {
  return { kind: 'and', of };
}

export function or(...of: readonly Expression[]): Expression {
  return { kind: 'or', of };
}

/** Lists of conditions, of which one must hold as a whole; an empty list always does. Undefined when there are too many. */
export function conjunctionsOf(expression: Expression): readonly (readonly WrittenCondition[])[] | undefined {
  const parts = partsOf(expression, true);
  if (parts === undefined || parts.some((part) => part.length > CONDITIONS_MAX)) return undefined;
  return parts.some((part) => part.length === 0) ? [[]] : parts;
}

type Parts = readonly (readonly WrittenCondition[])[] | undefined;

function partsOf(expression: Expression, positive: boolean): Parts {
  switch (expression.kind) {
    case 'constant':
      return expression.value === positive ? [[]] : [];
    case 'atom':
      return atomParts(expression.condition, expression.missing, positive);
    case 'not':
      return partsOf(expression.of, !positive);
    case 'and':
    case 'or': {
      const all = expression.of.map((inner) => partsOf(inner, positive));
      return (expression.kind === 'and') === positive ? product(all) : bounded(sum(all));
    }
  }
}

function atomParts(condition: WrittenCondition, missing: boolean, positive: boolean): Parts {
  const asked = positive ? condition : { ...condition, not: true };
  const unknown: WrittenCondition = { attribute: condition.attribute, not: true, exists: true };
  return missing === positive && condition.exists === undefined ? [[asked], [unknown]] : [[asked]];
}

function sum(all: readonly Parts[]): Parts {
  if (all.includes(undefined)) return undefined;
  const parts = all.flatMap((each) => each!);
  return parts.some((part) => part.length === 0) ? [[]] : parts;
}

function product(all: readonly Parts[]): Parts {
  let parts: Parts = [[]];
  for (const factor of all) {
    if (factor === undefined || parts === undefined) return undefined;
    parts = bounded(parts.flatMap((part) => factor.flatMap((other) => joined(part, other))));
  }
  return parts;
}

function bounded(parts: Parts): Parts {
  return parts !== undefined && parts.length > PARTS_MAX ? undefined : parts;
}

/** Both lists as one, without repetition; nothing when they cannot hold together. */
function joined(
  part: readonly WrittenCondition[],
  other: readonly WrittenCondition[],
): readonly (readonly WrittenCondition[])[] {
  const all = new Map([...part, ...other].map((condition) => [JSON.stringify(condition), condition]));
  const conditions = [...all.values()];
  const absent = new Set(conditions.filter(isAbsence).map(({ attribute }) => attribute));
  const contradicts = conditions.some((condition) => !isAbsence(condition) && absent.has(condition.attribute));
  return contradicts ? [] : [conditions];
}

function isAbsence({ not: negated, exists }: WrittenCondition): boolean {
  return negated === true && exists === true;
}
