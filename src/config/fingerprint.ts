/**
 * The fingerprint of what a file says about a service's traffic, or about a flag.
 *
 * It decides who wins between the file and a position that was set at run time: the same fingerprint means that the
 * file gives no new instruction. That of traffic is taken from the weights as they were read, in the order of the names: an edit
 * of a comment, of the order or of the spelling (`blue` for `{ blue: 100, green: 0 }`) is not an instruction. A pool
 * of weight zero counts as if it were not named, so that adding an empty pool does not end a rollout.
 */

import { createHash } from 'node:crypto';
import type { FlagDefinition } from './flag-schema.ts';
import type { Service } from './schema.ts';

/** A stable text of 16 hexadecimal digits; equal for equal weights, whatever service they belong to. */
export function fingerprint(traffic: Service['traffic']): string {
  const weights = Object.entries(traffic)
    .filter(([, weight]) => weight > 0)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(weights)).digest('hex').slice(0, 16);
}

/** Those that are known, because a flag may list thousands of users, and is never changed. */
const fingerprints = new WeakMap<FlagDefinition, string>();

/**
 * The fingerprint of what is said of a flag, of the same kind: equal for definitions that mean the same, whatever the order of
 * their keys. The order of the variants counts, because it decides who gets which; the description does not.
 */
export function flagFingerprint(flag: FlagDefinition): string {
  const known = fingerprints.get(flag);
  if (known !== undefined) return known;
  const { description: _, ...definition } = flag;
  const orders = [definition, ...Object.values(definition.environments ?? {})].map(({ variants }) =>
    Object.keys(variants ?? {}),
  );
  const text = JSON.stringify([orders, definition], (_key, value: unknown) => sorted(value));
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 16);
  fingerprints.set(flag, fingerprint);
  return fingerprint;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}
