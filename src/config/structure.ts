/**
 * From data to `Config`: the schema is applied, and what it objects to becomes problems.
 *
 * All problems of a file shall come in one list, also those that concern several keys (an unknown pool, a route to no
 * service), and these can only be looked for in a config that has its shape. So what is malformed is taken out, and
 * the rest is read again, until a config is left: it is never used, only looked at. `touched` tells a check that
 * something was taken out below a path, so that it does not report what only the repair has caused.
 */

import type { z } from 'zod';
import { allowedAt, keysAt, namesAt, nodesAt, wordsAt } from './language.ts';
import { formatValue, HIDDEN, type Path } from './problem.ts';
import { type Config, configSchema } from './schema.ts';
import type { Source } from './source.ts';
import { nearest } from './suggest.ts';

type Issue = z.core.$ZodIssue;
type Branch = readonly Issue[];

const ROUNDS_MAX = 12;

/** A config that was read, perhaps in part. */
export type Structure = {
  /** What is left of the config; `undefined` when nothing is. It may be used only if there are no errors. */
  readonly config: Config | undefined;
  /** The path in the file of a path in `config`: lists may have lost items. */
  readonly original: (path: Path) => Path;
  /** Whether something at, below or above this path of the file was taken out. */
  readonly touched: (path: Path) => boolean;
};

/** Applies the schema to the data of a source, and reports to the source. */
export function readStructure(source: Source): Structure {
  const data = toPlain(source.data);
  const indexes = new Map<unknown, number[]>();
  const removed: Path[] = [];
  const original = (path: Path): Path => toOriginal(data, indexes, path);
  const touched = (path: Path): boolean => removed.some((one) => startsWith(one, path) || startsWith(path, one));

  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const result = configSchema.safeParse(data);
    if (result.success) return { config: result.data, original, touched };
    const issues = result.error.issues.flatMap((issue) => narrow(issue, []));
    const unfit: Path[] = [];
    for (const issue of issues) {
      const place = original(issue.path as Path);
      // A later round finds the gaps that the repair has torn; only rules that could not be asked before are news.
      if (round === 0 || (issue.code === 'custom' && !touched(asked(issue, place)))) reportIssue(source, issue, place);
      unfit.push(...unfitPaths(issue, data));
    }
    removed.push(...unfit.map(original));
    remove(data, indexes, unfit);
    standIn(data, removed);
  }
  return { config: undefined, original, touched };
}

/** The part of the file that a rule was asked about: where it objects, or so many levels above that as it says. */
function asked(issue: Issue, place: Path): Path {
  const { levels = 0 } = (issue.code === 'custom' ? (issue.params as { readonly levels?: number }) : undefined) ?? {};
  return place.slice(0, place.length - levels);
}

/** Replaces a union that failed by the branch that was meant: the one whose kind of value fits. */
function narrow(issue: Issue, prefix: Path): readonly Issue[] {
  const path = [...prefix, ...(issue.path as Path)];
  if (issue.code !== 'invalid_union') return [{ ...issue, path: [...path] }];
  const meant = issue.errors.filter((branch) => !branch.some(isWrongKind));
  const [only] = meant;
  if (only === undefined || meant.length > 1) return [{ ...issue, path: [...path] }];
  const deeper = only.flatMap((one) => narrow(one, path));
  // An objection to the value as a whole is best answered with all that is allowed there.
  return deeper.every((one) => one.path.length === path.length && !hasOwnWords(one))
    ? [{ ...issue, path: [...path] }]
    : deeper;
}

function isWrongKind(issue: Branch[number]): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function hasOwnWords(issue: Issue): boolean {
  return (
    issue.code === 'unrecognized_keys' ||
    (issue.code === 'custom' && issue.message !== '' && issue.message !== 'Invalid input')
  );
}

function reportIssue(source: Source, issue: Issue, path: Path): void {
  const value = valueAt(source.data, path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    for (const key of issue.keys) {
      const below = [...path, key];
      source.unknownAt(below);
      const shown = formatValue(key);
      source.report({
        path: below,
        atKey: true,
        message: `${shown} is not a known key`,
        allowed: known.join(', '),
        suggestion: nearest(key, known),
      });
    }
    return;
  }
  if (issue.code === 'invalid_key') {
    const name = path.at(-1);
    const allowed = namesAt(path.slice(0, -1));
    source.report({
      path,
      atKey: true,
      message: `${formatValue(name)} is not allowed as a name`,
      value: formatValue(name),
      allowed,
    });
    return;
  }
  const own = issue.code === 'custom' && hasOwnWords(issue);
  const params = issue.code === 'custom' ? (issue.params as { readonly allowed?: string } | undefined) : undefined;
  if (value === undefined) {
    // What is written and has no value was reported where it was read.
    if (source.has(path)) return;
    source.report({ path, message: own ? issue.message : 'is missing', allowed: params?.allowed ?? allowedAt(path) });
    return;
  }
  const shown = source.hidden(path) ? HIDDEN : formatValue(value);
  const word = typeof value === 'string' && shown !== HIDDEN ? nearest(value, wordsAt(path)) : undefined;
  source.report({
    path,
    message: own ? issue.message : objection(issue, value, shown, path),
    value: shown,
    allowed: params?.allowed ?? allowedAt(path),
    suggestion: word,
  });
}

function objection(issue: Issue, value: unknown, shown: string, path: Path): string {
  if (value === null) return 'has no value';
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  if (!wantsText || (typeof value !== 'number' && typeof value !== 'boolean')) return `${shown} is not allowed`;
  const remedy = fitsInQuotes(String(value), path) ? ' (put it in quotes)' : '';
  return `${shown} is ${typeof value === 'number' ? 'a number' : 'true or false'} and not a text${remedy}`;
}

function fitsInQuotes(text: string, path: Path): boolean {
  return nodesAt(path).some((node) => node.type === 'string' && new RegExp(node.pattern ?? '', 'u').test(text));
}

/** What must go so that this issue does: the value, or what holds it when it is missing there. */
function unfitPaths(issue: Issue, data: unknown): readonly Path[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
  let present = path;
  if (valueAt(data, path) === undefined) present = path.slice(0, -1);
  return [present];
}

function remove(data: unknown, indexes: Map<unknown, number[]>, paths: readonly Path[]): void {
  // From the back, so that an index stays true until its turn.
  const ordered = [...paths].sort(byPathDescending);
  const done = new Set<string>();
  for (const path of ordered) {
    const key = JSON.stringify(path);
    if (path.length === 0 || done.has(key)) continue;
    done.add(key);
    const holder = valueAt(data, path.slice(0, -1));
    const last = path.at(-1)!;
    if (Array.isArray(holder) && typeof last === 'number') {
      const kept = indexes.get(holder) ?? holder.map((_, index) => index);
      kept.splice(last, 1);
      holder.splice(last, 1);
      indexes.set(holder, kept);
    } else if (typeof holder === 'object' && holder !== null) delete (holder as Record<string, unknown>)[last];
  }
}

/** What takes the place of a required part that is missing or was taken out, so that the others can be looked at. */
const STAND_INS: Readonly<Record<string, () => unknown>> = {
  listeners: () => [{ address: '127.0.0.1:0' }],
  services: () => ({}),
  routes: () => [],
};

function standIn(data: unknown, removed: Path[]): void {
  for (const [key, make] of Object.entries(STAND_INS)) {
    if (child(data, key) !== undefined) continue;
    (data as Record<string, unknown>)[key] = make();
    removed.push([key]);
  }
}

function byPathDescending(left: Path, right: Path): number {
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [a, b] = [left[index]!, right[index]!];
    if (a !== b) return typeof a === 'number' && typeof b === 'number' ? b - a : String(a) < String(b) ? 1 : -1;
  }
  return right.length - left.length;
}

function toOriginal(data: unknown, indexes: ReadonlyMap<unknown, readonly number[]>, path: Path): Path {
  let node = data;
  return path.map((part) => {
    const kept = indexes.get(node);
    node = child(node, part);
    return typeof part === 'number' ? (kept?.[part] ?? part) : part;
  });
}

function valueAt(data: unknown, path: Path): unknown {
  let node = data;
  for (const part of path) node = child(node, part);
  return node;
}

function child(node: unknown, part: string | number): unknown {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, part)) return undefined;
  return (node as Record<string | number, unknown>)[part];
}

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((part, index) => path[index] === part);
}

/** Copies mappings without prototype into ordinary ones; `__proto__` was refused before, so nothing can be injected. */
function toPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toPlain(one)]));
}
