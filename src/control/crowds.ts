/**
 * What may be too much, as it is published: how many exchanges are under way in each pool and in the whole process, beside
 * their limits, and what was shed.
 */
import type { Snapshot } from '../routing/snapshot.ts';
import type { Board } from './board.ts';
import type { MetricsSource } from './operations.ts';

/** The places of the snapshot in force that count what is in flight, the process first, and the counters of what was shed. */
export function crowds(snapshot: Snapshot | null, { overload }: Board): Pick<MetricsSource, 'inFlight' | 'overload'> {
  if (snapshot === null) return { inFlight: [], overload };
  const process = { service: '', pool: '', ...snapshot.inFlight };
  const pools = snapshot.services.flatMap((service) =>
    service.pools.map((pool) => ({ service: service.name, pool: pool.name, ...pool.inFlight })),
  );
  return { inFlight: [process, ...pools], overload };
}
