/**
 * A definition of a flag in a file of its own, in YAML, of which JSON is a part.
 */
import { parse } from 'yaml';
import type { Definition } from './flag-edit.ts';
import { readInput } from './input-text.ts';
import { plain } from './terminal-text.ts';

/** The definition in a file, `-` for standard input; a text says what is wrong. Whether it makes sense is not asked here. */
export async function readDefinition(file: string): Promise<Definition | string> {
  const input = await readInput(file);
  if (!input.ok) return input.why;
  const name = file === '-' ? 'standard input' : plain(file);
  let value: unknown;
  try {
    value = parse(input.text);
  } catch (error) {
    return `${name} is no YAML: ${plain(error instanceof Error ? error.message.split('\n')[0]! : '')}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${name} holds no definition, which is a mapping of the keys that stand below a flag's name in the config`;
  }
  return value as Definition;
}
