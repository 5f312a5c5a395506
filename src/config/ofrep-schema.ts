/**
 * Flags for applications: the OpenFeature remote evaluation protocol (OFREP), at the admin address and on a listener of its own.
 *
 * The tokens here are for applications, also for those in browsers, where everybody can read them: they are good for asking
 * about flags and for nothing else. A token of the admin API with the role `read` is good for that too; one that may operate
 * is not taken by the listener, because it has no business in an application.
 */
import { z } from 'zod';
import { adminToken } from './rule-schema.ts';
import { listenAddress, size, text, webUrl, whole } from './scalars.ts';

const token = adminToken
  .omit({ role: true })
  .extend({ name: adminToken.shape.name.describe('Who has it: the log of wrong calls carries this name.') })
  .transform((value) => ({ ...value, role: 'read' as const }));

const origin = z.union([
  z.literal('*'),
  z
    .string()
    .max(300)
    .regex(/^https?:\/\/[A-Za-z0-9.[\]:-]+$/)
    .meta({ allowed: 'an origin such as https://shop.example.com, with a port where it is not the usual one, or *' })
    .transform((value, context) => {
      if (URL.canParse(value)) return new URL(value).origin;
      context.issues.push({ code: 'custom', message: '', input: value });
      return z.NEVER;
    }),
]);

const limits = z
  .strictObject({
    body: size(256, 1024 ** 2)
      .prefault('64KiB')
      .describe('The longest body of a question.'),
    attributes: whole(1, 10_000)
      .default(256)
      .describe('The most values in a context, those inside of objects and lists counted.'),
    depth: whole(1, 32).default(8).describe('How deep objects and lists of a context may stand in each other.'),
    streams: whole(1, 10_000).default(1_000).describe('The most change streams at once, at both addresses together.'),
  })
  .transform(({ body, ...rest }) => ({ ...rest, bodyBytes: body }))
  .prefault({})
  .describe('What applications may send.');

/** What stands under `ofrep:`. */
export const ofrep = z
  .strictObject({
    address: listenAddress
      .optional()
      .describe(
        'Where flags are answered beside the admin address, which always does. Another address than loopback needs a token, or `public`.',
      ),
    public: z
      .boolean()
      .default(false)
      .describe('Whether everybody who reaches this address may ask about flags without a token.'),
    tokens: z
      .array(token)
      .max(64)
      .default([])
      .refine((tokens) => new Set(tokens.map(({ name }) => name)).size === tokens.length, {
        message: 'has a name twice',
        params: { allowed: 'each name once' },
      })
      .describe(
        'Secrets of applications, good for flags only. Where one is set, or a token of the admin API with the role `read`, the address above needs one.',
      ),
    origins: z
      .array(origin)
      .max(256)
      .default([])
      .describe('The origins whose pages may ask from a browser, at both addresses; `*` for all.'),
    allowedHosts: z
      .array(text('a host name such as flags.example.com'))
      .default([])
      .describe('Further values of the Host field that the address answers to while it needs no token.'),
    baseUrl: webUrl
      .refine((url) => !url.includes('?'), { params: { allowed: 'a URL without a query' } })
      .transform((url) => url.replace(/\/+$/, ''))
      .optional()
      .describe(
        'Under which URL browsers reach `/ofrep`, where a proxy in front adds a path; without it, the one that they asked.',
      ),
    limits,
  })
  .prefault({})
  .describe('Flags for applications, by the OpenFeature remote evaluation protocol.');
