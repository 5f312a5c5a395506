/**
 * Flags as people and scripts see them: the view of one, and the sentence that tells of a change.
 */

import { flagFingerprint } from '../config/fingerprint.ts';
import { variantNames } from '../config/flag-checks.ts';
import { flagChanges } from '../config/flag-differences.ts';
import { inEnvironment } from '../config/flag-merge.ts';
import type { Config } from '../config/schema.ts';
import { type FlagEntry, standOf } from './flag-book.ts';
import type { GuardView } from './flag-guard-view.ts';
import type { FlagHow, FlagReceipt, FlagView } from './flag-operations.ts';
import type { RolloutGlance } from './operations.ts';

/** What watches and moves a flag; null for what there is not. */
export interface BesideFlag {
  readonly guard: GuardView | null;
  /** The one that runs. */
  readonly rollout: RolloutGlance | null;
}

/** What a view needs beside the flag. */
export interface FlagSurroundings extends BesideFlag {
  readonly config: Pick<Config, 'routes' | 'flags'>;
  readonly environment: string;
  readonly requiredBy: readonly string[];
  readonly stored: boolean;
}

export function flagView(
  entry: FlagEntry,
  { config, environment, requiredBy, stored, guard, rollout }: FlagSurroundings,
): FlagView {
  const { name, revision, definition, fingerprint, since, problem } = entry;
  const here = inEnvironment(definition, environment);
  return {
    name,
    revision,
    ...standOf(entry)!,
    strategy: here.strategy,
    variants: variantNames(here),
    problem,
    inFile: config.flags.has(name),
    asInFile: fingerprint !== null && flagFingerprint(definition) === fingerprint,
    routes: config.routes.filter(({ flags }) => flags.includes(name)).map(({ id }) => id),
    requiredBy,
    since,
    stored,
    ...(guard === null ? {} : { guard }),
    ...(rollout === null ? {} : { rollout }),
  };
}

const VERBS: Readonly<Record<FlagHow, string>> = {
  file: 'changed in the file',
  set: 'set',
  kill: 'killed',
  restore: 'restored',
  remove: 'removed',
  import: 'imported',
  guard: 'killed by its guard',
  rollout: 'moved by a rollout',
};

/** A change in a sentence: `flag new-checkout: value 5→10, set by cli (why)`. */
export function flagSentence({ flag, how, from, to, by, reason }: FlagReceipt): string {
  const why = reason === '' ? '' : ` (${reason})`;
  const verb = how === 'file' || how === 'guard' || how === 'rollout' ? VERBS[how] : `${VERBS[how]} by ${by}`;
  if (from === null) {
    const isStill = to?.killed === true ? '; it is killed, as it was when it left the file' : '';
    return `flag ${flag}: new, ${verb}${why}${isStill}`;
  }
  if (to === null) return `flag ${flag}: gone, ${how === 'file' ? 'removed from the file' : verb}${why}`;
  const changes = flagChanges(from.definition, to.definition);
  const stays = to.killed && how !== 'kill' && how !== 'guard' ? '; it stays killed' : '';
  return `flag ${flag}: ${[...changes, verb].join(', ')}${why}${stays}`;
}
