/**
 * How many series of statistics flags may have: one for each variant, service and pool that a route brings together.
 *
 * Each takes 4 KB for every data thread and about 30 lines of a scrape, so a thousand flags on every route of ten pools would be
 * gigabytes. They are exact and made beforehand, which is why there is a limit to say and not a series to leave out later.
 */
import { variantNames } from './flag-checks.ts';
import { inEnvironment } from './flag-merge.ts';
import type { FlagDefinition } from './flag-schema.ts';
import type { Config } from './schema.ts';

/** At most so many series, over all flags. */
export const FLAG_SERIES_MAX = 10_000;

/** The series that these flags have on these routes, in the environment of the config. */
export function flagSeriesCount(
  flags: ReadonlyMap<string, FlagDefinition>,
  { routes, services, environment }: Pick<Config, 'routes' | 'services' | 'environment'>,
): number {
  const named = new Map<string, Set<string>>();
  for (const { service, flags: names } of routes) {
    if (service === undefined) continue;
    const known = named.get(service) ?? new Set();
    named.set(service, known);
    for (const name of names) known.add(name);
  }
  let count = 0;
  for (const [service, names] of named) {
    const pools = services.get(service)?.pools.size ?? 0;
    for (const name of names) {
      const definition = flags.get(name);
      if (definition !== undefined) count += pools * variantNames(inEnvironment(definition, environment)).length;
    }
  }
  return count;
}
