/**
 * Verifies a pool as its service says, by the version that the file gives it: what a rollout, and a return after one, ask of it.
 */
import type { Config } from '../config/schema.ts';
import { askedEndpoints } from './asked-endpoints.ts';
import { type Verification, verify } from './verification.ts';

export interface PoolVerificationOptions {
  readonly config: () => Config;
  /** Why health checks say that an endpoint should not be used; null when they do not. */
  readonly unhealthy: (service: string, pool: string, endpoint: string) => string | null;
}

/** Verifies a pool; one that has left the file is not verified. */
export async function verifyPool(
  { config, unhealthy }: PoolVerificationOptions,
  name: string,
  poolName: string,
  stop: AbortSignal,
): Promise<Verification> {
  const service = config().services.get(name);
  const pool = service?.pools.get(poolName);
  if (service === undefined || pool === undefined) {
    return { ok: false, results: [], text: `${poolName} has left the file` };
  }
  const { smoke, version, timeoutMs } = service.rollout.verify;
  const endpoints = askedEndpoints(service, pool).map((endpoint) => ({
    ...endpoint,
    unhealthy: () => unhealthy(name, poolName, endpoint.name),
  }));
  return verify({ endpoints, smoke, version, expectedVersion: pool.version, timeoutMs }, stop);
}
