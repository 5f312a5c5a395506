/**
 * Asks for the explanation of a rollout, which a user names by its id, by its service or by its flag.
 *
 * Whatever is a number is an id. A service whose name is a number is rare enough to be asked for by the id of its rollout.
 */

import type { Explanation } from '../control/operations.ts';
import { type Admin, type Answer, ask } from './admin-client.ts';
import { isExplanation, isRolloutView } from './rollout-shapes.ts';

/** What a rollout is named by: an id or a service as one word, or a flag. */
export type Named = { readonly word: string } | { readonly flag: string };

/** Of a service or a flag, its last rollout; `query` has the settings that are to be others. */
export async function askExplanation(
  admin: Admin,
  named: Named,
  query: Readonly<Record<string, string>>,
): Promise<Answer<Explanation>> {
  const path = (id: string): readonly string[] => ['api', 'rollouts', id, 'explanation'];
  if ('word' in named && /^[0-9]{1,15}$/.test(named.word)) {
    return ask(admin, { method: 'GET', path: path(named.word), query }, isExplanation);
  }
  const subject = 'flag' in named ? ['flags', named.flag] : ['services', named.word];
  const last = await ask(admin, { method: 'GET', path: ['api', ...subject, 'rollout'] }, isRolloutView);
  if (last.kind !== 'ok') return last;
  return ask(admin, { method: 'GET', path: path(String(last.value.id)), query }, isExplanation);
}
