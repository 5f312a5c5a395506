/**
 * What one look at a source came to.
 *
 * Nothing to measure is not the same as a source that is broken: the first waits, the second is unknown and acts by its
 * policy, and neither is ever taken for health.
 */

/**
 * A number; nothing, because there was nothing to measure (no request came, or it is the first look at a counter), which says
 * nothing about the source; or a failure of the source, with the reason.
 */
export type Measured =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly why: string };

/** Nothing to measure. */
export const NOTHING: Measured = { kind: 'nothing' };

/** A source that cannot be believed, and why. */
export function failed(why: string): Measured {
  return { kind: 'failed', why };
}

/** A number, or a failure where it is none. */
export function measured(value: number): Measured {
  return Number.isFinite(value) ? { kind: 'number', value } : failed(`the number is ${value}`);
}
