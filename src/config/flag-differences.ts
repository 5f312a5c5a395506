/**
 * Which flags came, went and changed in the file, key by key.
 *
 * A key is shown with both its values where these are short enough for a line of a log; a list of a thousand users has changed,
 * and is read where it is written.
 */
import type { Difference } from './differences.ts';
import type { FlagDefinition } from './flag-schema.ts';
import { compareTexts } from './text-differences.ts';

type Flags = ReadonlyMap<string, FlagDefinition>;

/** Characters of a value in a sentence. */
const VALUE_CHARACTERS_MAX = 60;

/** The changes from one set of flags to another. */
export function compareFlags(before: Flags, after: Flags): Difference[] {
  const found: Difference[] = [];
  for (const [name, flag] of before) {
    const other = after.get(name);
    if (other === undefined) found.push(changed(name, `flag ${name} removed`));
    else for (const text of flagChanges(flag, other)) found.push(changed(name, `flag ${name}: ${text}`));
  }
  for (const [name, { strategy }] of after) {
    if (!before.has(name)) found.push(changed(name, `flag ${name} added (${strategy})`));
  }
  return found;
}

/** What is otherwise in the second flag, a sentence for each key; empty when both say the same. */
export function flagChanges(before: FlagDefinition, after: FlagDefinition): string[] {
  const [left, right] = [textsOf(before), textsOf(after)];
  return compareTexts(left, right).map(({ key, text }) => {
    const isLong = [left, right].some((texts) => (texts.get(key)?.length ?? 0) > VALUE_CHARACTERS_MAX);
    return `${key} ${isLong ? 'changed' : text}`;
  });
}

function textsOf(flag: FlagDefinition): Map<string, string> {
  const given = Object.entries(flag).filter(([, value]) => value !== undefined);
  return new Map(given.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]));
}

function changed(subject: string, text: string): Difference {
  return { kind: 'flag', subject, text, needsRestart: false };
}
