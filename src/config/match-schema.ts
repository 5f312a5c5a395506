/**
 * What a request is recognised by, as it is configured: the parts of a match that routes and signals have in common.
 *
 * A match is kept in the shape that the router compares, hosts in lower case and every condition with its kind, so that two
 * matches that mean the same are equal as data. Whether a regular expression is safe to run on a client's text is asked in
 * `regex.ts`.
 */

import { z } from 'zod';
import { regexProblem } from './regex.ts';
import { TOKEN, text } from './scalars.ts';

const regex = text('a regular expression of JavaScript (with the u flag) without nested repetition', 1024).check(
  (context) => {
    const message = regexProblem(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  },
);

const pathText = z
  .string()
  .regex(/^\/[^\s?#\u0000-\u001f\u007f]*$/)
  .max(2048)
  .meta({ allowed: 'a path that starts with /, without ?, # or spaces' });

/** A prefix ends with a segment: `/api/` and `/api` are the same. */
function withoutSlash(prefix: string): string {
  return prefix.replace(/\/+$/, '') || '/';
}

/** A path: a text is a prefix. */
export const path = z.union([
  pathText.transform((value) => ({ kind: 'prefix' as const, value: withoutSlash(value) })),
  z
    .strictObject({
      exact: pathText.optional().describe('The whole path.'),
      prefix: pathText
        .transform(withoutSlash)
        .optional()
        .describe('The first segments of the path: /api fits /api/x and not /apix.'),
      regex: regex.optional().describe('A regular expression that the path must fit somewhere; anchor it with ^.'),
    })
    .transform((value, context) => onlyOne(value, context)),
]);

const condition = z.union([
  text('a text', 4096).transform((value) => ({ kind: 'exact' as const, value })),
  z
    .strictObject({
      exact: text('a text', 4096).optional().describe('The whole value.'),
      regex: regex.optional().describe('A regular expression that the value must fit somewhere.'),
      present: z.boolean().optional().describe('Whether it must be there (true) or must not (false).'),
    })
    .transform((value, context) => onlyOne(value, context)),
]);

type Given = {
  readonly exact?: unknown;
  readonly prefix?: unknown;
  readonly regex?: unknown;
  readonly present?: unknown;
};
type Kinded<T> = {
  readonly [K in keyof T & string]-?: { readonly kind: K; readonly value: NonNullable<T[K]> };
}[keyof T & string];

function onlyOne<T extends Given>(value: T, context: z.RefinementCtx): Kinded<T> {
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  const [first] = given;
  if (first === undefined || given.length > 1) {
    const message = first === undefined ? 'has no kind of match' : 'has more than one kind of match';
    context.issues.push({ code: 'custom', message, input: value, params: { allowed: 'exactly one kind of match' } });
    return z.NEVER;
  }
  return { kind: first[0], value: first[1] } as Kinded<T>;
}

/** A host, in lower case. */
export const host = z
  .string()
  .regex(/^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/)
  .meta({ allowed: 'a host without port, such as shop.example.com or *.example.com' })
  .transform((value) => value.toLowerCase());

/** A method, in upper case. */
export const method = z
  .string()
  .regex(TOKEN)
  .meta({ allowed: 'an HTTP method such as GET' })
  .transform((value) => value.toUpperCase());

/** Conditions by the name of what they are about; they become a list. */
export function conditions(key: z.ZodString) {
  return z
    .record(key, condition)
    .transform((value) => Object.entries(value).map(([one, match]) => ({ name: one, match })))
    .prefault({});
}

/** The name of a header field, as written. */
export const headerKey = z.string().regex(TOKEN).meta({ allowed: 'a header name such as x-user-id' });

/** A condition on a field, a parameter or a cookie of this name. */
export type Condition = { readonly name: string; readonly match: z.output<typeof condition> };
/** What all of a request must be. */
export type Match = {
  readonly hosts: readonly string[];
  readonly path: z.output<typeof path>;
  readonly methods: readonly string[];
  readonly headers: readonly Condition[];
  readonly query: readonly Condition[];
  readonly cookies: readonly Condition[];
};

/** Conditions in the order of their names. */
export function byName(list: readonly Condition[]): Condition[] {
  return [...list].sort((left, right) => (left.name < right.name ? -1 : 1));
}
