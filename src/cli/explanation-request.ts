/**
 * Asks for the explanation of a rollout, which a user names by its id or by its service.
 *
 * Whatever is a number is an id. A service whose name is a number is rare enough to be asked for by the id of its rollout.
 */

import type { Explanation } from '../control/operations.ts';
import { type Admin, type Answer, ask } from './admin-client.ts';
import { isExplanation, isRolloutView } from './rollout-shapes.ts';

/** `named` is an id, or the name of a service for its last rollout; `query` has the settings that are to be others. */
export async function askExplanation(
  admin: Admin,
  named: string,
  query: Readonly<Record<string, string>>,
): Promise<Answer<Explanation>> {
  let id = named;
  if (!/^[0-9]{1,15}$/.test(named)) {
    const last = await ask(admin, { method: 'GET', path: ['api', 'services', named, 'rollout'] }, isRolloutView);
    if (last.kind !== 'ok') return last;
    id = String(last.value.id);
  }
  return ask(admin, { method: 'GET', path: ['api', 'rollouts', id, 'explanation'], query }, isExplanation);
}
