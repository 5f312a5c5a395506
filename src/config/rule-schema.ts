/**
 * The rules of a route and of a pool, as they are configured: who may come in, which fields change on the way, where a
 * path leads, and what Tidegate answers by itself.
 *
 * What a rule may not touch is refused here and never looked at again: fields that frame a message, that concern one
 * connection only, or that say where a request came from. A rule that could set `Transfer-Encoding` would be a hole in
 * the engine, and one that could set `X-Forwarded-For` would be a lie that somebody else's access control believes.
 */

import { z } from 'zod';
import { forwardAuth } from './forward-auth-schema.ts';
import { regexProblem } from './regex.ts';
import { isForwardable, replacementProblem } from './rule-checks.ts';
import { cookieName, duration, fieldName, name, network, oneOrMore, TOKEN, text, whole } from './scalars.ts';

const ownFieldName = z
  .string()
  .regex(TOKEN)
  .refine(isForwardable)
  .meta({ allowed: 'a header name that is not of framing, of one connection, or of forwarding, such as x-version' });

const fieldValue = z
  .string()
  .max(4096)
  .regex(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/)
  .meta({ allowed: 'a value of printable ASCII characters without spaces at its ends' });

const headers = z
  .strictObject({
    set: z.record(ownFieldName, fieldValue).prefault({}).describe('Fields that replace what there is of their name.'),
    add: z
      .record(ownFieldName, oneOrMore(fieldValue))
      .prefault({})
      .describe('Fields that come beside what there is of their name.'),
    remove: z.array(ownFieldName).default([]).describe('Names of fields that go.'),
  })
  .transform(({ set, add, remove }) => ({
    set: Object.entries(set).map(([key, value]) => ({ name: key, value })),
    add: Object.entries(add).flatMap(([key, values]) => values.map((value) => ({ name: key, value }))),
    remove,
  }));

const plainPath = z
  .string()
  .regex(/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/)
  .max(2048)
  .meta({ allowed: 'a path that starts with /, without ?, # or spaces' });

const pattern = text('a regular expression of JavaScript (with the u flag) without nested repetition', 1024).check(
  (context) => {
    const message = regexProblem(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  },
);

const replacement = z
  .string()
  .max(2048)
  .regex(/^[\x21\x22\x24-\x3e\x40-\x7e]*$/)
  .meta({ allowed: 'a part of a path, with $1 to $9 or $<name> for groups and $$ for a dollar sign' });

type WrittenRewrite = {
  readonly prefix?: string | undefined;
  readonly regex?: string | undefined;
  readonly to?: string | undefined;
};

function rewriteOf(value: WrittenRewrite, context: z.RefinementCtx) {
  const { prefix, regex, to } = value;
  if (prefix !== undefined && regex === undefined && to === undefined) return { kind: 'prefix' as const, to: prefix };
  if (prefix === undefined && regex !== undefined && to !== undefined) {
    const message = replacementProblem(regex, to);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: to, path: ['to'] });
    return { kind: 'regex' as const, regex, to };
  }
  const params = { allowed: 'either prefix, or regex and to' };
  context.issues.push({ code: 'custom', message: 'does not say what becomes of the path', input: value, params });
  return z.NEVER;
}

const rewrite = z
  .strictObject({
    prefix: plainPath.optional().describe('What takes the place of the prefix that the route matches.'),
    regex: pattern.optional().describe('A regular expression; the first part of the path that fits it is replaced.'),
    to: replacement.optional().describe('What takes the place of that part: `$1` to `$9` and `$<name>` are groups.'),
  })
  .transform(rewriteOf);

const poolRewrite = z
  .strictObject({
    regex: pattern.describe('A regular expression; the first part of the path that fits it is replaced.'),
    to: replacement.describe('What takes the place of that part: `$1` to `$9` and `$<name>` are groups.'),
  })
  .transform(rewriteOf);

const REDIRECTS = [301, 302, 303, 307, 308] as const;

const redirect = z.strictObject({
  status: z
    .literal([...REDIRECTS])
    .default(302)
    .meta({ allowed: REDIRECTS.join(', ') })
    .describe('The status of the redirect.'),
  scheme: z.enum(['http', 'https']).optional().describe("The new scheme; without it, the request's."),
  host: z
    .string()
    .regex(/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/)
    .meta({ allowed: 'a host without port, such as shop.example.com' })
    .optional()
    .describe("The new host; without it, the request's."),
  port: whole(1, 65_535)
    .optional()
    .describe("The new port; without it, the scheme's own if scheme or host is new, else the request's."),
  path: plainPath.optional().describe("The new path; without it, the request's, as `rewrite` has it."),
  query: z.boolean().default(true).describe("Whether the request's query is kept."),
});

const respond = z
  .strictObject({
    status: z
      .int()
      .min(200)
      .max(599)
      .default(200)
      .meta({ allowed: 'a status from 200 to 599' })
      .describe('The status.'),
    body: z.string().max(65_536).default('').meta({ allowed: 'a text' }).describe('The body, sent as UTF-8.'),
    contentType: fieldValue.default('text/plain; charset=utf-8').describe('What the body is.'),
  })
  .check((context) => {
    const { status, body } = context.value;
    if (body === '' || ![204, 205, 304].includes(status)) return;
    const message = `cannot stand beside status ${status}, which has no body`;
    context.issues.push({ code: 'custom', message, input: body, path: ['body'], params: { allowed: 'no body' } });
  });

const ipAllow = z
  .array(network)
  .optional()
  .describe('Only clients with these addresses, as trusted proxies tell them, are let in; others get a 403.');
const ipDeny = z
  .array(network)
  .default([])
  .describe('Clients with these addresses get a 403, also where `ipAllow` has them.');
const requestHeaders = headers
  .optional()
  .describe('What changes in the fields of the request on its way to the endpoint.');
const responseHeaders = headers
  .optional()
  .describe('What changes in the fields of the response on its way to the client.');

/** A password as it is kept: SHA-256 crypt (`openssl passwd -5`) or scrypt in the PHC format, each of bounded cost. */
const PASSWORD =
  /^(?:\$5\$(?:rounds=[1-9][0-9]{3,4}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}|\$scrypt\$ln=(?:[1-9]|1[0-5]),r=[1-8],p=[1-4]\$[+/0-9A-Za-z]{1,86}\$[+/0-9A-Za-z]{22,86})$/;

const basicAuth = z
  .strictObject({
    realm: z
      .string()
      .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}$/)
      .meta({ allowed: 'a text of printable ASCII characters without " and \\' })
      .default('tidegate')
      .describe('What a browser shows when it asks for the password.'),
    users: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[\x21-\x39\x3b-\x7e]{1,128}$/)
            .meta({ allowed: 'a name of printable ASCII characters without spaces and colons' })
            .describe('The name of the user.'),
          password: z
            .string()
            .regex(PASSWORD)
            .meta({ allowed: 'a hash as of `openssl passwd -5`, or $scrypt$ln=14,r=8,p=1$SALT$HASH' })
            .describe(
              'The hash of the password: SHA-256 crypt (up to 99,999 rounds) or scrypt (up to ln=15, r=8, p=4).',
            ),
        }),
      )
      .min(1)
      .refine((users) => new Set(users.map((user) => user.name)).size === users.length, {
        message: 'has a user twice',
        params: { allowed: 'each user once' },
      })
      .describe('Who is let in.'),
    userHeader: fieldName
      .refine(isForwardable)
      .optional()
      .describe('The request field that tells the endpoint who it is; what a client sends of that name is dropped.'),
  })
  .describe('Lets in only those who know a password. The password goes no further.');

const rateLimit = z
  .strictObject({
    requests: whole(1, 1_000_000).describe('So many requests in each `per` are let in for each key.'),
    per: duration(1).prefault('1s').describe('The time in which so many requests are let in.'),
    burst: whole(1, 1_000_000)
      .optional()
      .describe('So many requests may come at once after a rest; without it, as many as `requests`.'),
    header: fieldName.optional().describe('The header field that is the key; without it in a request, the address is.'),
    cookie: cookieName.optional().describe('The cookie that is the key; without it in a request, the address is.'),
    keys: whole(64, 4_194_304)
      .default(65_536)
      .describe('So many keys are told apart, over all threads; beyond it, the one with the most left is forgotten.'),
    dryRun: z.boolean().default(false).describe('Only count who would be refused.'),
  })
  .transform((value, context) => {
    const { header, cookie, per, ...rest } = value;
    if (header !== undefined && cookie !== undefined) {
      const params = { allowed: 'header or cookie, or neither for the address' };
      context.issues.push({ code: 'custom', message: 'has more than one key', input: value, params });
    }
    const kind = header !== undefined ? 'header' : cookie !== undefined ? 'cookie' : 'address';
    return {
      ...rest,
      perMs: per,
      burst: value.burst ?? value.requests,
      by: { kind, name: header ?? cookie ?? '' } as const,
    };
  })
  .describe('How many requests a client may make, exactly and over all threads; more get a 429 with Retry-After.');

/** The keys of a route that are rules. */
export const routeRules = {
  ipAllow,
  ipDeny,
  basicAuth: basicAuth.optional(),
  forwardAuth: forwardAuth.optional(),
  rateLimit: rateLimit.optional(),
  requestHeaders,
  responseHeaders,
  rewrite: rewrite.optional().describe('What becomes of the path on its way to the endpoint.'),
  redirect: redirect.optional().describe('Sends the client elsewhere; the route has no service then.'),
  respond: respond.optional().describe('Answers by itself; the route has no service then.'),
};

/** The keys of a pool that are rules. They hold after those of the route. */
export const poolRules = {
  ipAllow,
  ipDeny,
  requestHeaders,
  responseHeaders,
  rewrite: poolRewrite.optional().describe("What becomes of the path, after the route's own rewrite."),
  redirect: redirect.optional().describe('Sends the clients of this pool elsewhere; its endpoints get no request.'),
  respond: respond.optional().describe('Answers the clients of this pool; its endpoints get no request.'),
};

/** The roles of an admin token, from the one that may less to the one that may more. */
export const adminToken = z.strictObject({
  name: name.describe('Who has it: logs, receipts and events carry this name.'),
  token: text('a secret of 8 or more printable ASCII characters without spaces', 1024)
    .regex(/^[\x21-\x7e]{8,}$/)
    .meta({ writeOnly: true })
    .describe('The secret.'),
  role: z.enum(['read', 'operate']).describe('What it is good for: `read` shows, `operate` also changes.'),
});
