/**
 * Conditions, and what was found instead, as sentences of explanations show them.
 *
 * Values are written as JSON, so that a text and a number of the same digits differ, and are cut: an attribute may be a page long.
 */
import type { Condition, ConditionTest, Order } from './condition.ts';

const CHARACTERS_MAX = 120;
const LISTED_MAX = 5;

const ORDER_WORDS: Readonly<Record<Order, string>> = {
  '<': 'below',
  '<=': 'at most',
  '=': 'equal to',
  '>=': 'at least',
  '>': 'above',
};
const MOMENT_WORDS: Readonly<Record<Order, string>> = {
  '<': 'before',
  '<=': 'at or before',
  '=': 'at',
  '>=': 'at or after',
  '>': 'after',
};

/** `country is not one of "DE", "AT"`. */
export function conditionText({ attribute, negate, test }: Condition): string {
  const not = negate ? 'not ' : '';
  return `${attribute} is ${not}${testText(test)}`;
}

/** A value of an attribute, cut to what fits a line; `not there` for none. */
export function foundText(value: unknown): string {
  if (value === undefined || value === null) return 'not there';
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return cut(typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing'));
}

function testText(test: ConditionTest): string {
  switch (test.kind) {
    case 'exists':
      return 'there';
    case 'equals':
      return foundText(test.value);
    case 'in':
      return test.values.length === 1 ? foundText(test.values[0]) : `one of ${listText(test.values.map(foundText))}`;
    case 'prefix':
      return `a text that begins with ${foundText(test.value)}`;
    case 'suffix':
      return `a text that ends with ${foundText(test.value)}`;
    case 'contains':
      return `a text with ${foundText(test.value)} in it`;
    case 'matches':
      return `a text that matches ${cut(test.source)}`;
    case 'number':
      return `${ORDER_WORDS[test.operator]} ${test.value}`;
    case 'semver':
      return `a version ${ORDER_WORDS[test.operator]} ${test.value}`;
    case 'date':
      return `${MOMENT_WORDS[test.operator]} ${new Date(test.valueMs).toISOString()}`;
    case 'cidr':
      return `an address in ${listText(test.networks)}`;
  }
}

function listText(texts: readonly string[]): string {
  const rest = texts.length - LISTED_MAX;
  const shown = texts.slice(0, LISTED_MAX).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

function cut(text: string): string {
  return text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}…` : text;
}
