/**
 * The guarded flags of a snapshot: each with the versions that it is counted in, the services that have them, and how long the
 * untreated take.
 */
import type { Config } from '../config/schema.ts';
import { sameDraw } from '../flags/arm.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { readFlagSeries } from '../stats/flag-series.ts';
import { BUCKETS } from '../stats/histogram.ts';
import type { GuardedFlag } from './flag-guard-run.ts';

/** By name; a flag that no route to a service names is counted nowhere. */
export function guardedFlags(
  { flags, flagGuards, services }: Snapshot,
  config: Pick<Config, 'services'>,
): ReadonlyMap<string, GuardedFlag> {
  const guarded = new Map<string, GuardedFlag>();
  for (const [index, spec] of flags.entries()) {
    const { guard, off } = spec;
    const shared = flagGuards[index] ?? null;
    if (guard === undefined || shared === null) continue;
    const pools = services.flatMap(({ name: service, pools: all }) => all.map((pool) => ({ service, pool })));
    const strata = pools.flatMap(({ service, pool: { name: pool, version, guards } }) => {
      const blocks = guards[index] ?? null;
      return blocks === null ? [] : [{ service, pool, version, blocks }];
    });
    const series = pools.flatMap(({ pool }) => pool.flags[index]?.[off] ?? []);
    guarded.set(spec.name, {
      spec: { ...spec, guard },
      sameDraw: sameDraw(spec, flags),
      shared,
      strata,
      services: [...new Set(strata.map(({ service }) => service))].flatMap((name) => config.services.get(name) ?? []),
      untreated: () => sumOf(series.map((memory) => readFlagSeries(memory).durations)),
    });
  }
  return guarded;
}

function sumOf(histograms: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(BUCKETS);
  for (const histogram of histograms)
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) sum[bucket]! += histogram[bucket]!;
  return sum;
}
