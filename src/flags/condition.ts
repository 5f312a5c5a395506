/**
 * What a rule asks of an attribute of the context.
 *
 * A value of the wrong type is no match and never an error: whoever asks is not to be answered with an outage because of what a
 * field holds. `negate` turns the answer round, but not for an attribute that is not there or of the wrong type, except with
 * `exists`: a rule that says "not from Germany" says nothing about somebody of whom it is not known.
 */

/** A condition on one attribute; `targetingKey` names the key. A list fits when one of its elements does. */
export interface Condition {
  readonly attribute: string;
  readonly negate: boolean;
  readonly test: ConditionTest;
}

/** What is asked of the attribute. */
export type ConditionTest =
  | { readonly kind: 'exists' }
  | { readonly kind: 'equals'; readonly value: string | number | boolean }
  | { readonly kind: 'in'; readonly values: readonly (string | number | boolean)[] }
  | { readonly kind: 'prefix' | 'suffix' | 'contains'; readonly value: string }
  /** In linear time (RE2's syntax), anywhere in the text. */
  | { readonly kind: 'matches'; readonly source: string }
  | { readonly kind: 'number'; readonly operator: Order; readonly value: number }
  /** By the precedence of Semantic Versioning 2.0.0, chapter 11. */
  | { readonly kind: 'semver'; readonly operator: Order; readonly value: string }
  /** Milliseconds since 1970. The attribute is such a number, or a date in ISO 8601. */
  | { readonly kind: 'date'; readonly operator: Order; readonly valueMs: number }
  /** The attribute is an IP address in one of these networks. */
  | { readonly kind: 'cidr'; readonly networks: readonly string[] };

/** How a value stands to the one of the condition. */
export type Order = '<' | '<=' | '=' | '>=' | '>';
