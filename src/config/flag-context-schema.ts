/**
 * What a route's flags may know of a request: where the key and the attributes are found, whose tokens are believed, how an
 * anonymous visitor gets a key, and who may choose variants for a test.
 *
 * Everything here is a place and not a value: nothing is read of a request that no condition asks for. A secret and a public
 * key are two keys of the language, because what one of them may sign the other may not: with one `key` for both, a token
 * that is signed with the public key as its secret would be a question of the library's care alone.
 */

import { z } from 'zod';
import { isForwardable } from './rule-checks.ts';
import { cookieName, duration, fieldName, secret, size, text } from './scalars.ts';

/** Attributes that every request has, and beginnings of names that say themselves where to look. */
const BUILT_IN: ReadonlySet<string> = new Set(['method', 'host', 'path', 'ip', 'targetingKey']);
const DIRECT = /^(?:query|header|cookie)\./;

/** Fields that hold more than a choice, and that endpoints need. */
const CARRIED: ReadonlySet<string> = new Set(['authorization', 'cookie', 'feature-flags', 'baggage']);

const SECRET_CHARACTERS = 16;
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;
const KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** A secret that nobody guesses; empty means none. */
const longSecret = secret.refine((value) => value === undefined || value.length >= SECRET_CHARACTERS, {
  message: 'is short enough to be guessed',
  params: { allowed: `at least ${SECRET_CHARACTERS} characters` },
});

const places = {
  header: fieldName.optional().describe('The value of this header field.'),
  cookie: cookieName.optional().describe('The value of this cookie, as sent.'),
  query: text('the name of a query parameter', 256)
    .optional()
    .describe('The first query parameter of this name, decoded.'),
  jwt: text('the name of a claim', 256).optional().describe('This claim of the token that `jwt` describes.'),
};

const KINDS = ['header', 'cookie', 'query', 'jwt'] as const;
type Places = { readonly [Kind in (typeof KINDS)[number]]?: string | undefined };

function onePlace(value: Places, context: z.RefinementCtx): { kind: (typeof KINDS)[number]; name: string } {
  const given = KINDS.filter((kind) => value[kind] !== undefined);
  if (given.length === 1) return { kind: given[0]!, name: value[given[0]!]! };
  const message = given.length === 0 ? 'names no place' : 'names more than one place';
  context.issues.push({
    code: 'custom',
    message,
    input: value,
    params: { allowed: `exactly one of ${KINDS.join(', ')}` },
  });
  return z.NEVER;
}

const keySource = z.strictObject(places).transform(onePlace);

const attributeSource = z
  .strictObject({
    ...places,
    as: z
      .enum(['text', 'number', 'boolean'])
      .default('text')
      .describe(
        'What a text is read as; one that cannot be read so is not there. Claims keep the type that they have.',
      ),
  })
  .transform(({ as, ...rest }, context) => ({ ...onePlace(rest, context), as }));

const attributeName = text(
  'the name of an attribute, such as plan; method, host, path, ip, targetingKey, query.…, header.… and cookie.… are taken',
  128,
).refine((name) => !BUILT_IN.has(name) && !DIRECT.test(name));

const jwt = z
  .strictObject({
    header: fieldName
      .optional()
      .describe('The field that carries the token, with or without `Bearer`; authorization unless given.'),
    cookie: cookieName.optional().describe('The cookie that carries it instead.'),
    secret: longSecret
      .optional()
      .describe('The secret that tokens are signed with. Empty means that none is believed.'),
    publicKey: z
      .string()
      .max(16_384)
      .regex(/^\s*-----BEGIN [A-Z ]+-----[\s\S]+-----END [A-Z ]+-----\s*$/)
      .meta({ allowed: 'a public key or a certificate as PEM' })
      .optional()
      .describe('The public key of whoever signs tokens, as PEM.'),
    algorithms: z
      .array(z.enum([...SECRET_ALGORITHMS, ...KEY_ALGORITHMS]))
      .min(1)
      .optional()
      .describe(
        'The algorithms that a token may be signed with; HS256 with a secret, RS256 and ES256 with a public key unless given.',
      ),
    issuer: text('the value of the claim iss').optional().describe('What the claim `iss` must be.'),
    audience: text('the value of the claim aud')
      .optional()
      .describe('What the claim `aud` must be, or have among others.'),
    unverified: z
      .literal(true)
      .optional()
      .describe(
        'Believes what a token says, signed or not, expired or not: only where somebody on the way has checked it.',
      ),
  })
  .check((context) => {
    const { header, cookie, publicKey, algorithms, unverified, issuer, audience } = context.value;
    const refuse = (message: string, allowed: string, path: (string | number)[] = []): void => {
      context.issues.push({ code: 'custom', message, input: context.value, path, params: { allowed } });
    };
    if (header !== undefined && cookie !== undefined) refuse('is in two places', 'header or cookie');
    // An empty secret is one that nobody signs with, as when a variable of the environment is not set.
    const hasSecret = Object.hasOwn(context.value, 'secret');
    const ways = [hasSecret, publicKey !== undefined, unverified === true].filter(Boolean).length;
    if (ways !== 1) {
      refuse(
        ways === 0 ? 'does not say who may sign tokens' : 'says two things about who signs',
        'exactly one of secret, publicKey or unverified: true',
      );
    }
    if (unverified && (algorithms ?? issuer ?? audience) !== undefined)
      refuse('checks nothing, so it has nothing to check by', 'unverified alone');
    const fitting: readonly string[] = hasSecret ? SECRET_ALGORITHMS : KEY_ALGORITHMS;
    const odd = (unverified ? [] : (algorithms ?? [])).findIndex((algorithm) => !fitting.includes(algorithm));
    if (odd >= 0) refuse('does not go with this key', fitting.join(', '), ['algorithms', odd]);
  })
  .transform(({ header, cookie, unverified, secret: own, publicKey, algorithms, issuer, audience }) => ({
    from:
      cookie === undefined
        ? { kind: 'header' as const, name: header ?? 'authorization' }
        : { kind: 'cookie' as const, name: cookie },
    verify:
      unverified === true
        ? undefined
        : {
            secret: own,
            publicKey,
            algorithms: algorithms ?? (publicKey === undefined ? (['HS256'] as const) : (['RS256', 'ES256'] as const)),
            issuer,
            audience,
          },
  }))
  .describe('The token whose claims conditions may look at.');

const anonymous = z
  .strictObject({
    cookie: cookieName.describe('The name of the cookie.'),
    maxAge: duration(60_000, 400 * 24 * 3_600_000)
      .prefault('4320h')
      .describe('How long a browser keeps it.'),
  })
  .transform(({ cookie, maxAge }) => ({ cookie, maxAgeMs: maxAge }))
  .describe('A visitor without a key gets one in a cookie, when a flag of the route draws a bucket.');

const overrides = z
  .strictObject({
    header: fieldName
      .refine((name) => isForwardable(name) && !CARRIED.has(name), { params: { allowed: 'a field of its own' } })
      .prefault('x-tidegate-flags')
      .describe('The field that carries the signed choice; it goes no further.'),
    cookie: cookieName.optional().describe('A cookie that carries it too, for browsers.'),
    secret: longSecret.describe('The secret that choices are signed with. Empty means none are believed.'),
  })
  .transform(({ secret: key, ...rest }) => (key === undefined ? undefined : { ...rest, secret: key }))
  .describe('Testers choose variants for their own requests, by a signed choice that expires.');

/** What stands under `flagContext:`. */
export const flagContext = z
  .strictObject({
    key: z
      .array(keySource)
      .max(8)
      .default([])
      .describe('Where the targeting key is found: the first of these that is there.'),
    attributes: z
      .record(attributeName, attributeSource)
      .default({})
      .describe(
        'Attributes by name. method, host, path, ip, query.NAME, header.NAME and cookie.NAME are there without being named.',
      ),
    jwt: jwt.optional(),
    anonymous: anonymous.optional(),
    overrides: overrides.optional(),
    headerLimit: size(256, 64 * 1024)
      .prefault('4KiB')
      .describe('The longest value of the field Feature-Flags; flags that do not fit are left out and counted.'),
    baggage: z
      .boolean()
      .default(false)
      .describe('Whether endpoints are told of variants as members of `baggage` too, as feature_flag.NAME.'),
  })
  .transform(({ attributes, headerLimit, ...rest }) => ({
    ...rest,
    attributes: new Map(Object.entries(attributes)),
    headerLimitBytes: headerLimit,
  }))
  .prefault({})
  .describe("What a route's flags know of a request, and what endpoints are told.");
