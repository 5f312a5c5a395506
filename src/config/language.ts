/**
 * The language as JSON Schema, and what may stand at a place of it.
 *
 * The JSON Schema is made from the zod definition, and the words for "allowed" and the known keys of a mapping are
 * read from it, so that errors, editor and documentation cannot contradict each other. Asking zod's own objects was
 * rejected: their inner shape is not a promise, the JSON Schema is.
 */

import { z } from 'zod';
import type { Path } from './problem.ts';
import { configSchema } from './schema.ts';

/** The part of JSON Schema that the language uses; `allowed` is our own word, taken out before it is published. */
export type LanguageNode = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly allowed?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, LanguageNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: LanguageNode | false;
  readonly propertyNames?: LanguageNode;
  readonly items?: LanguageNode;
  readonly anyOf?: readonly LanguageNode[];
};

/** The whole language. */
export const language = z.toJSONSchema(configSchema, { io: 'input' }) as LanguageNode;

/** What may stand at a path, one node for each form; empty when the path is none of the language. */
export function nodesAt(path: Path): readonly LanguageNode[] {
  let nodes = forms(language);
  for (const part of path) nodes = nodes.flatMap((node) => below(node, part)).flatMap(forms);
  return nodes;
}

/** The known keys of the mapping at a path. */
export function keysAt(path: Path): readonly string[] {
  return [...new Set(nodesAt(path).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** What the names in the mapping at a path must be like; `undefined` when it has known keys. */
export function namesAt(path: Path): string | undefined {
  return nodesAt(path).find((node) => node.propertyNames !== undefined)?.propertyNames?.allowed;
}

/** The fixed words that may stand at a path. */
export function wordsAt(path: Path): readonly string[] {
  return nodesAt(path).flatMap((node) => [...(node.enum ?? []), ...('const' in node ? [node.const] : [])].map(String));
}

/** Says in words what may stand at a path. */
export function allowedAt(path: Path): string | undefined {
  const nodes = nodesAt(path);
  return nodes.length === 0 ? undefined : inWords({ anyOf: nodes });
}

/** Says in words what fits a node. */
export function inWords(node: LanguageNode): string {
  if (node.allowed !== undefined) return node.allowed;
  if (node.anyOf !== undefined) return [...new Set(forms(node).map(inWords))].join(' or ');
  if (node.enum !== undefined) return node.enum.map(String).join(', ');
  if ('const' in node) return String(node.const);
  switch (node.type) {
    case 'array':
      return `a list of: ${inWords(node.items ?? {})}`;
    case 'object':
      return node.properties === undefined
        ? 'a mapping by name'
        : `a mapping with the keys ${Object.keys(node.properties).join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'number':
      return 'a number of zero or more';
    default:
      return 'a text';
  }
}

function forms(node: LanguageNode): readonly LanguageNode[] {
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(forms);
}

function below(node: LanguageNode, part: string | number): readonly LanguageNode[] {
  if (typeof part === 'number') return node.items === undefined ? [] : [node.items];
  const properties = node.properties ?? {};
  if (Object.hasOwn(properties, part)) return [properties[part]!];
  return node.additionalProperties ? [node.additionalProperties] : [];
}
