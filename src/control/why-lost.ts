/**
 * Why a rollout that runs has lost what it was about, when its service has been written anew.
 */
import type { Service } from '../config/schema.ts';
import { groupText } from '../routing/group.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { missingGroup } from './rollout-settings.ts';

/** Why, in words; null when all of it is still there. */
export function whyLost({ rollout, version, activeVersion }: RolloutRecord, service: Service): string | null {
  const { active, candidate } = rollout;
  for (const [name, before] of Object.entries({ [active]: activeVersion, [candidate]: version })) {
    const pool = service.pools.get(name);
    if (pool === undefined) return `the pool ${name} has left the file`;
    // What it has answered until now is of another version: there is nothing left to compare with.
    if (pool.version !== before) return `${name} runs ${pool.version} now and not ${before}`;
  }
  const lacking = missingGroup(rollout, service);
  return lacking === null ? null : `its step for ${groupText(lacking)} has left the file`;
}
