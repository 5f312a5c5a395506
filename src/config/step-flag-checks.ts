/**
 * What must hold of flags that the steps of a rollout set: they are flags of this file, and have a share that can be set.
 *
 * A flag of run time is not enough, for a file must be right by itself; and one whose share moves by a ramp would be taken from it.
 */
import { inEnvironment } from './flag-merge.ts';
import { type Check, shown } from './name-checks.ts';
import { formatValue, HIDDEN } from './problem.ts';
import type { Config, Service } from './schema.ts';
import { nearest } from './suggest.ts';

/** Names that a sentence lists. */
const ALLOWED_MAX = 20;
/** The shares of a flag are whole numbers of this part. */
const SHARE_ALL = 100_000;

function isExact(share: number): boolean {
  return Math.abs(share * SHARE_ALL - Math.round(share * SHARE_ALL)) < 1e-6;
}

/** Reports the flags of a service's steps that cannot be set. */
export function checkStepFlags(
  { name: service, rollout }: Service,
  config: Config,
  { source, structure }: Check,
): void {
  for (const [index, { flags }] of (rollout.steps ?? []).entries()) {
    for (const [flag, share] of Object.entries(flags ?? {})) {
      const path = ['services', service, 'rollout', 'steps', index, 'flags', flag];
      if (structure.touched(path) || structure.touched(['flags'])) continue;
      const definition = config.flags.get(flag);
      const value = shown(source, path, formatValue(flag));
      if (definition === undefined) {
        const known = [...config.flags.keys()];
        const suggestion = value === HIDDEN ? undefined : nearest(flag, known);
        const allowed = known.slice(0, ALLOWED_MAX).join(', ') || 'a flag';
        source.report({ path, message: `${value} is no flag of this file`, value, allowed, suggestion });
        continue;
      }
      const { strategy, ramp } = inEnvironment(definition, config.environment);
      const hasShare = (strategy === 'percentage' || strategy === 'variants') && ramp === undefined;
      if (!isExact(share)) source.report({ path, message: 'is finer than a flag can be', allowed: 'steps of 0.001%' });
      if (hasShare) continue;
      const why = ramp === undefined ? `its strategy is ${strategy}` : 'it has a ramp';
      const message = `${value} has no share that a step could set: ${why}`;
      source.report({ path, message, allowed: 'a flag with the strategy percentage or variants, without a ramp' });
    }
  }
}
