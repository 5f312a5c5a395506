/**
 * Conditions made ready: what can be read, parsed and compiled of them is done once, and a question only compares.
 *
 * There are three answers to a test: it holds, it does not, or the value says nothing about it, because it is not there or of another type.
 * In the third case the condition does not hold, negated or not.
 */
import type { Condition } from './condition.ts';
import type { EvaluationContext } from './flag.ts';

/** Whether a condition holds for a context. */
export type ConditionTester = (context: EvaluationContext) => boolean;

/** A condition made ready. Throws on one that cannot be tested, such as an expression that is none. */
export function testerOf({ attribute, negate, test }: Condition): ConditionTester {
  return (context) => {
    const value = attribute === 'targetingKey' ? context.key : context.attribute(attribute);
    if (test.kind === 'exists') return (value !== undefined && value !== null) !== negate;
    if (value === undefined || value === null) return false;
    return (test.kind === 'equals' && test.value === value) !== negate;
  };
}
