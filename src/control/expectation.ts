/**
 * Whether an answer is what a smoke request expects, and if not, the first thing that is wrong with it, in words.
 *
 * The words quote the answer, cut short: whoever reads why a release did not start wants to see what the endpoint said.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Reply } from '../health/ask.ts';

const QUOTED_MAX = 120;

/** What an answer must be. */
export interface Expectation {
  readonly status: readonly number[];
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the body must contain; undefined for anything. */
  readonly body?: string | undefined;
  /** By JSON pointer (RFC 6901). */
  readonly json: Readonly<Record<string, unknown>>;
  /** The longest time in milliseconds; undefined for no limit. */
  readonly within?: number | undefined;
}

/** What is wrong with the answer, which took `tookMs`; null when nothing is. */
export function unmet(reply: Reply, expected: Expectation, tookMs: number): string | null {
  if (!reply.ok) return reply.detail;
  if (!expected.status.includes(reply.status)) {
    return `status ${reply.status}, expected ${expected.status.join(' or ')}; it said ${quoted(reply.body.toString())}`;
  }
  for (const [name, value] of Object.entries(expected.headers)) {
    const got = reply.headers[name];
    const all = got === undefined ? [] : typeof got === 'string' ? [got] : got;
    if (!all.includes(value))
      return `${name} is ${all.length === 0 ? 'missing' : quoted(all.join(', '))}, expected ${quoted(value)}`;
  }
  if (expected.within !== undefined && tookMs > expected.within) {
    return `took ${Math.round(tookMs)}ms, expected at most ${expected.within}ms`;
  }
  return wrongBody(reply.body.toString(), expected);
}

function wrongBody(text: string, { body, json }: Expectation): string | null {
  if (body !== undefined && !text.includes(body)) return `the body has no ${quoted(body)}: ${quoted(text)}`;
  const pointers = Object.entries(json);
  if (pointers.length === 0) return null;
  const parsed = parseJson(text);
  if (parsed === undefined) return `the body is not JSON: ${quoted(text)}`;
  for (const [pointer, value] of pointers) {
    const got = valueAt(parsed.value, pointer);
    if (!isDeepStrictEqual(got, value)) {
      return `${pointer} is ${got === undefined ? 'missing' : quoted(JSON.stringify(got))}, expected ${JSON.stringify(value)}`;
    }
  }
  return null;
}

/** The version that an answer names: a field, a JSON value, or the whole body; null when it names none. */
export function versionIn(
  reply: Reply & { readonly ok: true },
  { header, json }: { readonly header?: string | undefined; readonly json?: string | undefined },
): string | null {
  if (header !== undefined) {
    const got = reply.headers[header];
    return typeof got === 'string' ? got : null;
  }
  const text = reply.body.toString();
  if (json === undefined) return text.trim() === '' ? null : text.trim();
  const parsed = parseJson(text);
  const got = parsed === undefined ? undefined : valueAt(parsed.value, json);
  return typeof got === 'string' || typeof got === 'number' ? String(got) : null;
}

/** What a JSON pointer leads to; undefined when it leads nowhere. */
export function valueAt(root: unknown, pointer: string): unknown {
  let node = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A text in quotes, on one line and not too long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}
