/**
 * Conditions made ready: what can be parsed and compiled of them is done once, and a question only compares.
 *
 * A test has three outcomes: it holds, it does not, or the value says nothing about it, because it is not there or of another type.
 * In the third case the condition does not hold, negated or not: "not below 18" says nothing of somebody whose age is "unknown".
 *
 * A text is no number, also where it looks like one: whoever takes an attribute from a field of a request says there what it is to
 * be read as. A list, such as the groups in a token, holds what any of its elements holds.
 *
 * Regular expressions run in RE2's way, in linear time whatever a client sends. Rejected: JavaScript's own with a check for
 * expressions that backtrack (as routes have them): here they also come from other products, over an API, where refusing them
 * would be the rule.
 */
import { RE2JS } from 're2js';
import { parseAddress, parseRange, rangeHas } from '../routing/address.ts';
import type { Condition, ConditionTest, Order } from './condition.ts';
import type { EvaluationContext } from './flag.ts';
import { parseMoment } from './moment.ts';
import { compareVersions, parseVersion } from './semantic-version.ts';

/** What a test says of a single value; undefined where it says nothing. */
type ValueTest = (value: unknown) => boolean | undefined;

/** A condition made ready to be asked. */
export class ConditionTester {
  readonly condition: Condition;
  readonly #test: ValueTest;

  /** Throws on a condition that cannot be asked: an expression, a version or a network that is none. */
  constructor(condition: Condition) {
    this.condition = condition;
    this.#test = testOf(condition.test);
  }

  /** Whether the condition holds for a context. */
  holds(context: EvaluationContext): boolean {
    const value = this.valueIn(context);
    if (this.condition.test.kind === 'exists') return (value !== undefined && value !== null) !== this.condition.negate;
    const outcome = Array.isArray(value) ? any(value, this.#test) : this.#test(value);
    return outcome !== undefined && outcome !== this.condition.negate;
  }

  /** The attribute that is looked at, of this context. */
  valueIn(context: EvaluationContext): unknown {
    const { attribute } = this.condition;
    return attribute === 'targetingKey' ? context.key : context.attribute(attribute);
  }
}

function any(values: readonly unknown[], test: ValueTest): boolean | undefined {
  let outcome: boolean | undefined;
  for (const value of values) {
    const single = test(value);
    if (single === true) return true;
    outcome ??= single;
  }
  return outcome;
}

function testOf(test: ConditionTest): ValueTest {
  switch (test.kind) {
    case 'exists':
      return () => undefined;
    case 'equals':
      return (value) => (typeof value === typeof test.value ? value === test.value : undefined);
    case 'in': {
      const values = new Set<unknown>(test.values);
      const types = new Set(test.values.map((value) => typeof value));
      return (value) => (types.has(typeof value as 'string') ? values.has(value) : undefined);
    }
    case 'prefix':
      return (value) => (typeof value === 'string' ? value.startsWith(test.value) : undefined);
    case 'suffix':
      return (value) => (typeof value === 'string' ? value.endsWith(test.value) : undefined);
    case 'contains':
      return (value) => (typeof value === 'string' ? value.includes(test.value) : undefined);
    case 'matches': {
      const expression = RE2JS.compile(test.source);
      return (value) => (typeof value === 'string' ? expression.test(value) : undefined);
    }
    case 'number':
      return ordered(numberIn, test.operator, (value) => value - test.value);
    case 'date':
      return ordered(momentIn, test.operator, (valueMs) => valueMs - test.valueMs);
    case 'semver': {
      const wanted = parseVersion(test.value);
      if (wanted === undefined) throw new RangeError(`no version: ${test.value}`);
      return ordered(versionIn, test.operator, (version) => compareVersions(version, wanted));
    }
    case 'cidr': {
      const ranges = test.networks.map((network) => {
        const range = parseRange(network);
        if (range === undefined) throw new RangeError(`no network: ${network}`);
        return range;
      });
      return (value) => {
        const address = typeof value === 'string' ? parseAddress(value) : undefined;
        return address === undefined ? undefined : ranges.some((range) => rangeHas(range, address));
      };
    }
  }
}

function ordered<Read>(
  read: (value: unknown) => Read | undefined,
  operator: Order,
  compare: (value: Read) => number,
): ValueTest {
  return (value) => {
    const known = read(value);
    return known === undefined ? undefined : isInOrder(compare(known), operator);
  };
}

function isInOrder(comparison: number, operator: Order): boolean {
  switch (operator) {
    case '<':
      return comparison < 0;
    case '<=':
      return comparison <= 0;
    case '=':
      return comparison === 0;
    case '>=':
      return comparison >= 0;
    case '>':
      return comparison > 0;
  }
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' && !Number.isNaN(value) ? value : undefined;
}

function momentIn(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' ? parseMoment(value) : undefined;
}

function versionIn(value: unknown) {
  return typeof value === 'string' ? parseVersion(value) : undefined;
}

/** Whether a text is a regular expression that can be asked for. */
export function isExpression(source: string): boolean {
  try {
    RE2JS.compile(source);
    return true;
  } catch {
    return false;
  }
}
