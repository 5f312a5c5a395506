/**
 * Text in, config or problems out. Pure: the environment comes in as an argument, and nothing is read or thrown.
 *
 * The steps are the files of this folder: the text becomes data with positions (`source.ts`), the schema gives it its
 * shape (`structure.ts`), and what must hold between keys is checked (`checks.ts`). Each step reports what it finds,
 * and the next goes on with what is left, so that one run shows all that there is to repair.
 */

import { checkMeaning } from './checks.ts';
import type { Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';
import { Source } from './source.ts';
import { readStructure } from './structure.ts';

/** What a text turned out to be. */
export type Parsed = {
  /** Present exactly when no problem is an error. */
  readonly config?: Config;
  /** Errors and warnings, by line; at most 100. */
  readonly problems: readonly Problem[];
  /** The text, fit to be shown: secrets and values of the environment are `***`. */
  readonly redacted: string;
};

const PROBLEMS_MAX = 100;

/** Reads a config. `file` is only a name for messages; `env` is where `${NAME}` is looked up. */
export function parseConfig(text: string, { file, env }: { readonly file: string; readonly env: Environment }): Parsed {
  const source = new Source(text, file, env);
  let config: Config | undefined;
  if (source.data !== undefined) {
    const structure = readStructure(source);
    if (structure.config !== undefined) checkMeaning(structure.config, source, structure);
    config = structure.config;
  }
  const problems = source.problems.toSorted((left, right) => left.line - right.line || left.column - right.column);
  const redacted = source.redacted();
  const rejected = problems.some((problem) => problem.severity === 'error');
  const shown = problems.slice(0, PROBLEMS_MAX);
  return rejected || config === undefined ? { problems: shown, redacted } : { config, problems: shown, redacted };
}
