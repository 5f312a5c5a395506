/**
 * A problem of a config: where it is, what is wrong and what is allowed. Bad input is never thrown; it becomes a list
 * of these.
 *
 * Line and column count from one, as editors do. A value that is a secret, or that came from the environment, is
 * shown as `***`: the text of a problem goes to logs, terminals and the admin API, and must be safe in all of them.
 */

/** Where something is in a config: keys and list indexes from the top. */
export type Path = readonly (string | number)[];

/** What stands in the place of every value that must not be shown. */
export const HIDDEN = '***';

/** One problem. An `error` rejects the config, a `warning` is reported and does not. */
export type Problem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As `services.shop.pools.blue.endpoints[0]`; empty when the file as a whole is meant. */
  readonly path: string;
  readonly message: string;
  /** The offending value as text, `***` when it is hidden; absent when there is none. */
  readonly value?: string;
  readonly allowed?: string;
  readonly suggestion?: string;
  readonly severity: 'error' | 'warning';
};

/** What a problem is made of before its place in the file is known. */
export type Finding = {
  readonly path: Path;
  readonly message: string;
  readonly allowed?: string | undefined;
  readonly suggestion?: string | undefined;
  readonly value?: string | undefined;
  readonly severity?: 'error' | 'warning';
  /** Point at the key and not at its value. */
  readonly atKey?: boolean;
};

/** Writes `file:line:column: path: what is wrong, what is allowed` on one line. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}: `;
  const severity = problem.severity === 'warning' ? 'warning: ' : '';
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const allowed = problem.allowed === undefined ? '' : `; allowed: ${problem.allowed}`;
  const suggestion = problem.suggestion === undefined ? '' : `; did you mean "${problem.suggestion}"?`;
  return `${place}${severity}${path}${problem.message}${allowed}${suggestion}`;
}

/** Writes a path with dots and brackets; a key that is no plain word is quoted. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z0-9_-]{1,80}$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(shorten(part))}]`;
  }
  return text;
}

/** Writes a value for a message: texts quoted and cut at 60 characters, mappings and lists by their kind only. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  return String(value);
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
