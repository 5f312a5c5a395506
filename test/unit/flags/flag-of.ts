/** Flags and contexts for tests: what a test does not name is plain. */
import { createDialMemory, Dial, SHARE_ALL } from '../../../src/flags/dial.ts';
import type { EvaluationContext, FlagRule, FlagSpec, JsonValue, Variant } from '../../../src/flags/flag.ts';

/** A moment in 2026; flags of tests are asked at it. */
export const NOW_MS = Date.UTC(2026, 11, 1);

export function variantOf(name: string, value: JsonValue = name, weight = 1): Variant {
  return { name, value, weight, pool: null, rewrite: null, redirect: null };
}

/** A flag with `off` and `on`, whose dial stands at its own share; all are in unless something else is said. */
export function flagOf({ name = 'new-checkout', ...rest }: Partial<FlagSpec> = {}): FlagSpec {
  const spec: FlagSpec = {
    name,
    revision: 'r1',
    variants: [variantOf('off', false), variantOf('on', true)],
    off: 0,
    on: 1,
    strategy: { kind: 'all' },
    rules: [],
    requires: [],
    schedule: null,
    ramp: null,
    bucketBy: null,
    salt: name,
    bucketing: 'tidegate',
    dial: createDialMemory(),
    ...rest,
  };
  turn(spec, 'share' in spec.strategy ? spec.strategy.share : SHARE_ALL);
  return spec;
}

export function turn(spec: FlagSpec, share: number, { slot = 0, killed = false } = {}): void {
  new Dial(spec.dial).set({ share, slot, killed });
}

export function ruleOf(rule: Partial<FlagRule>): FlagRule {
  return { name: 'rule', when: [], strategy: { kind: 'all' }, variant: null, ...rule };
}

/** Whoever has this key and these attributes. */
export function contextOf(
  key: string | undefined,
  attributes: Readonly<Record<string, unknown>> = {},
): EvaluationContext {
  return { key, attribute: (name) => (Object.hasOwn(attributes, name) ? attributes[name] : undefined) };
}
