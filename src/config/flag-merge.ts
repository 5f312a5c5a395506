/**
 * One flag over another, key by key: what an environment says over what the flag says, and what a change says over what there is.
 *
 * A key that is given takes the place of the earlier one as a whole (a list of rules is not mixed with another), `null` takes
 * a key away, and what is not given stays. So `{"strategy":"percentage","value":5}` leaves variants and rules alone. When the
 * strategy becomes one of another kind, a `value` that nobody has given goes with the earlier one: a list of users is no percentage.
 */
import type { FlagDefinition } from './flag-schema.ts';

type Keys = Readonly<Record<string, unknown>>;

/** Both at once; neither is changed. Whether the outcome is a flag has to be asked. */
export function mergeFlag(base: Keys, over: Keys): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  const { strategy } = over;
  if (!('value' in over) && strategy !== undefined && strategy !== base.strategy) delete merged.value;
  // A ramp stands in place of a value, so that whoever gives one of them means that one.
  if ('value' in over && !('ramp' in over)) delete merged.ramp;
  if (strategy !== undefined && strategy !== 'percentage' && strategy !== 'variants' && !('ramp' in over))
    delete merged.ramp;
  return merged;
}

/** What is said for an environment; `undefined` when nothing is. */
export function overlayOf<T>(
  environments: Readonly<Record<string, T>> | undefined,
  environment: string,
): T | undefined {
  // The name of an environment may be that of something that every object has.
  return environments !== undefined && Object.hasOwn(environments, environment) ? environments[environment] : undefined;
}

/** A flag as it is in one environment, without what it says of environments. */
export function inEnvironment(definition: FlagDefinition, environment: string): Omit<FlagDefinition, 'environments'> {
  const { environments, ...base } = definition;
  const over = overlayOf(environments, environment);
  return over === undefined ? base : (mergeFlag(base, over) as Omit<FlagDefinition, 'environments'>);
}

/**
 * A flag after somebody has said `change` of it in this environment. What the environment says otherwise is where a change goes,
 * or else it would not be seen where it was made; what is taken away is taken away from both.
 */
export function changeFlag(definition: Keys, change: Keys, environment: string): Record<string, unknown> {
  const { environments, ...base } = definition as { environments?: Readonly<Record<string, Keys>> } & Keys;
  const over = overlayOf(environments, environment);
  if (over === undefined || 'environments' in change) return mergeFlag(definition, change);
  const removals = Object.fromEntries(Object.entries(change).filter(([, value]) => value === null));
  const here = mergeFlag({ strategy: base.strategy, ...over }, change);
  return { ...mergeFlag(base, removals), environments: { ...environments, [environment]: here } };
}
