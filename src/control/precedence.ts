/**
 * Decides where a service's traffic stands when the configuration is loaded, at start and at every reload: as the file
 * says, or as the store remembers.
 *
 * The last explicit instruction wins. The `traffic:` block of the file is an instruction when it changes, and only then:
 * a restart, or an edit of something else, must not undo what an operator or a rollout has done since. So the store
 * keeps with each position the fingerprint of the block that it came from or superseded. The same fingerprint means
 * that the file has said nothing new. Rejected: comparing weights (a file that is edited to the very weights of an
 * earlier position would be taken for silent), comparing times (a checkout gives every file a new one).
 */
import type { Weights } from './operations.ts';

/** What is known at load. */
export interface LoadFacts {
  /** The position in the store, or null when the service has none. */
  readonly stored: { readonly weights: Weights; readonly fingerprint: string } | null;
  readonly fileWeights: Weights;
  readonly fileFingerprint: string;
  /** The pools that the service has now. */
  readonly pools: readonly string[];
}

/** Where the traffic stands, whose word that is, and a sentence about why. */
export interface LoadDecision {
  readonly weights: Weights;
  readonly source: 'store' | 'file';
  readonly why: string;
}

/**
 * The position of a service at load. Where the store's position stands but names a pool with weight that is gone, that
 * weight is dropped and the others keep their ratio; when nothing is left, the file's position is taken.
 */
export function decideAtLoad(facts: LoadFacts): LoadDecision {
  const { stored, fileWeights, fileFingerprint, pools } = facts;
  if (stored === null) return { weights: fileWeights, source: 'file', why: 'no earlier position is known' };
  if (stored.fingerprint !== fileFingerprint) {
    return { weights: fileWeights, source: 'file', why: 'the traffic in the file has changed' };
  }
  const present = new Set(pools);
  const entries = Object.entries(stored.weights);
  const gone = entries.filter(([pool, weight]) => weight > 0 && !present.has(pool)).map(([pool]) => pool);
  const weights = Object.fromEntries(entries.filter(([pool]) => present.has(pool)));
  if (gone.length === 0) {
    return { weights, source: 'store', why: 'the traffic in the file has not changed since this position was taken' };
  }
  if (Object.values(weights).some((weight) => weight > 0)) {
    return { weights, source: 'store', why: `the earlier position stands without ${named(gone)}` };
  }
  return { weights: fileWeights, source: 'file', why: `the earlier position held only ${named(gone)}` };
}

/** `blue, which is gone` or `blue and green, which are gone`. */
function named(pools: readonly string[]): string {
  const last = pools.at(-1)!;
  return pools.length === 1 ? `${last}, which is gone` : `${pools.slice(0, -1).join(', ')} and ${last}, which are gone`;
}
