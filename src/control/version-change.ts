/**
 * What an edit of a pool's `version` sets off: with `trigger: version-change` the rollout to that pool.
 *
 * Only an edit that Tidegate has seen counts. A file that was changed while it was not running says where things stand, as
 * everything else in it does at a start, and a rollout that nobody asks for at a restart would be a surprise.
 *
 * Pools of one group whose versions change in one edit roll together, and those alone: a member of the group that the edit does
 * not speak of has nothing new to bring.
 *
 * A reload is never refused because a rollout is: the config is in force, and what became of the start is part of what the
 * reload says.
 */
import type { Config } from '../config/schema.ts';
import { startTogether } from './group-releases.ts';
import { isRefusal, type Refusal } from './operations.ts';
import type { Returns } from './returns.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { Rollouts } from './rollouts.ts';

/** A pool whose version an edit has changed. */
export interface VersionChange {
  readonly service: string;
  /** The group of services that it belongs to; null for none. */
  readonly group: string | null;
  readonly pool: string;
  readonly version: string;
}

/**
 * The version changes of services whose rollouts are to begin by them, in the order of the file. One that traffic is to return
 * for (`returns.ts`) is no new release.
 */
export function versionChanges(before: Config, after: Config, returns: Pick<Returns, 'awaits'>): VersionChange[] {
  const found: VersionChange[] = [];
  for (const [name, service] of after.services) {
    if (service.rollout.trigger !== 'version-change') continue;
    for (const [pool, { version }] of service.pools) {
      const earlier = before.services.get(name)?.pools.get(pool);
      if (earlier === undefined || earlier.version === version || returns.awaits(service, pool, version)) continue;
      found.push({ service: name, group: service.rollout.group ?? null, pool, version });
    }
  }
  return found;
}

/** Begins a rollout for each change; says for each in a sentence what came of it. */
export async function startForVersions(
  rollouts: Pick<Rollouts, 'start' | 'isQueued' | 'outlook' | 'startBonded'>,
  changes: readonly VersionChange[],
  by: string,
): Promise<string[]> {
  const said: string[] = [];
  const together = new Map<string, VersionChange[]>();
  for (const change of changes) {
    const { group, service } = change;
    const isShared = changes.some((other) => other.group === group && other.service !== service);
    if (group !== null && isShared) together.set(group, [...(together.get(group) ?? []), change]);
  }
  for (const [group, members] of together) said.push(startGroup(rollouts, group, members, by));
  for (const { service, group, pool, version } of changes) {
    if (group !== null && together.has(group)) continue;
    const order = { to: pool, version, again: false, alone: true };
    const answer = await rollouts.start(service, order, { by, reason: `${pool} has ${version}`, ifEpoch: null });
    said.push(`${service}: ${outcome(answer, pool, version, rollouts.isQueued(service))}`);
  }
  return said;
}

function startGroup(
  rollouts: Pick<Rollouts, 'outlook' | 'startBonded'>,
  group: string,
  members: readonly VersionChange[],
  by: string,
): string {
  const orders = members.map(({ service, pool, version }) => ({ service, order: { to: pool, version, again: false } }));
  const answer = startTogether(rollouts, group, orders, by);
  if (isRefusal(answer)) return `no rollout of the group: ${answer.message}`;
  const what = members.map(({ service, pool, version }) => `${service} of ${version} to ${pool}`).join(', ');
  return `the rollout of the group ${group} has begun: ${what}`;
}

function outcome(answer: RolloutRecord | Refusal, pool: string, version: string, isQueued: boolean): string {
  if (isRefusal(answer)) {
    if (answer.code !== 'already-active') return `no rollout of ${version} to ${pool}: ${answer.message}`;
    return `no rollout of ${version}: ${pool} is the active pool, and its users have it already`;
  }
  if (isQueued) return `the rollout of ${version} to ${pool} begins when the present one has ended`;
  return `the rollout of ${version} to ${pool} has begun`;
}
