/** Flags that were brought over, accepted by the schema of the config, compiled as the control plane does it, and asked. */

import type { FlagDefinition } from '../../../src/config/flag-schema.ts';
import { flag as flagSchema } from '../../../src/config/flag-schema.ts';
import { compileFlag } from '../../../src/control/flag-compile.ts';
import type { FlagDefinition as CoreDefinition } from '../../../src/flags/definition.ts';
import { createDialMemory, Dial } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { Evaluation } from '../../../src/flags/flag.ts';
import type { Import, ImportNote } from '../../../src/flags/import-report.ts';
import { contextOf, NOW_MS } from './flag-of.ts';

/** What importers give out has the shape that the schema reads: a compiler that is content with this says so. */
export const asWritten = (definition: CoreDefinition): FlagDefinition => definition;

export class Imported {
  readonly notes: readonly ImportNote[];
  /** What the schema says of each definition that it does not accept. */
  readonly unfit: readonly string[];
  readonly #definitions = new Map<string, FlagDefinition>();
  readonly #evaluator: FlagEvaluator;

  constructor({ flags, notes }: Import) {
    this.notes = notes;
    const unfit: string[] = [];
    for (const { name, definition } of flags) {
      const read = flagSchema.safeParse(structuredClone(definition));
      if (read.success) this.#definitions.set(name, read.data);
      else unfit.push(`${name}: ${JSON.stringify(read.error.issues)} ${JSON.stringify(definition)}`);
    }
    this.unfit = unfit;
    this.#evaluator = new FlagEvaluator(
      [...this.#definitions.keys()].map((name) => {
        const { spec, share } = compileFlag(name, this.#definitions, 'production');
        const dial = createDialMemory();
        new Dial(dial).set({ share, slot: 0, killed: false });
        return { ...spec, dial };
      }),
    );
  }

  definition(name: string): FlagDefinition | undefined {
    return this.#definitions.get(name);
  }

  evaluate(flag: string, key: string | undefined, attributes: Readonly<Record<string, unknown>> = {}, nowMs = NOW_MS) {
    return this.#evaluator.evaluate(flag, contextOf(key, attributes), nowMs);
  }

  value(...question: Parameters<Imported['evaluate']>): Evaluation['value'] {
    return this.evaluate(...question).value;
  }

  /** The notes on a flag as `kind at: message`. */
  notesOn(flag: string | null): readonly string[] {
    return this.notes.filter((note) => note.flag === flag).map(({ kind, at, message }) => `${kind} ${at}: ${message}`);
  }
}
