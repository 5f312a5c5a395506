/**
 * What is published of flags at the proxy: the blocks of the snapshot in force, with the names that they are published under.
 */
import type { Snapshot } from '../routing/snapshot.ts';
import type { Exposures } from './exposures.ts';
import type { MetricsSource } from './operations.ts';

/** The counters of flags, or null where the config has none. */
export function flagTraffic(snapshot: Snapshot | null, { waiting, results }: Exposures): MetricsSource['flagTraffic'] {
  if (snapshot === null || snapshot.flagContext === null) return null;
  const { flags, flagContext, services } = snapshot;
  const series = services.flatMap((service) =>
    service.pools.flatMap((pool) =>
      pool.flags.flatMap((variants, index) =>
        variants.map((board, at) => {
          const { name, variants: named } = flags[index]!;
          return { flag: name, variant: named[at]!.name, service: service.name, pool: pool.name, board };
        }),
      ),
    ),
  );
  return { series, tally: flagContext.tally, exposures: { waiting, results } };
}
