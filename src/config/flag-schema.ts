/**
 * What may be said of a flag, once for every way of saying it: under `flags:` in the file, over the API, in the state file,
 * and by whoever brings flags from another product.
 *
 * Unlike the rest of the language, a flag keeps its written form (`value: 5`, `over: 3h`) and is only made sure of here. For a flag is
 * changed key by key at run time and over environments (`flag-merge.ts`), is shown to people as they wrote it, and what is
 * kept must be readable by a later Tidegate; its compiled form is a `FlagSpec`, which `control/flag-compile.ts` makes.
 *
 * What must hold between the keys of one flag is in `flag-checks.ts`, and is asked for the flag as it is in every environment
 * that it names: a mistake in `environments.staging` is found before staging starts with it.
 */
import { z } from 'zod';
import { checkFlag } from './flag-checks.ts';
import { flagCondition, instant } from './flag-condition-schema.ts';
import { flagGuard } from './flag-guard.ts';
import { flagRollout } from './flag-rollout-schema.ts';
import type { Immutable } from './immutable.ts';
import { name, text, whole } from './scalars.ts';
import { DURATION, parseDuration } from './units.ts';

/** How many flags there may be, from the file and from run time together. */
export const FLAGS_MAX = 1000;
/** How many characters a flag may have as JSON. */
export const FLAG_CHARACTERS_MAX = 1024 ** 2;
const VARIANTS_MAX = 50;
const RULES_MAX = 100;
const CONDITIONS_MAX = 20;
const USERS_MAX = 10_000;
const REQUIRED_MAX = 10;
const ENVIRONMENTS_MAX = 20;
/** How many flags a route may name. */
const ROUTE_FLAGS_MAX = 50;
/** The longest that a ramp may take, in milliseconds: ten years. */
const RAMP_MAX_MS = 10 * 365 * 24 * 3_600_000;

const FLAG_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;
/** What the API has at the place of a name. */
const RESERVED = 'import';
const VARIANT_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** The name of a flag. */
export const flagName = z
  .string()
  .regex(FLAG_NAME)
  .refine((written) => written !== RESERVED)
  .meta({
    allowed:
      'a name of 1 to 100 letters, digits and inner hyphens, dots and underscores, such as new-checkout, and not import',
  });

const variantName = z.string().regex(VARIANT_NAME).meta({
  allowed: 'a name of 1 to 64 letters, digits and inner hyphens, dots and underscores, such as treatment',
});

const percent = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6)
  .meta({ allowed: 'a percentage from 0 to 100, in steps of 0.001' });

const user = z.string().min(1).max(256).meta({ allowed: 'a key of 1 to 256 characters' });

/** A value as JSON has it; what is too large or too deep for one is refused in `flag-checks.ts`. */
const json = z.unknown().meta({ allowed: 'any value of JSON but null, of at most 16 KiB' });

const strategy = z.enum(['all', 'none', 'users', 'percentage', 'variants']);

const value = z
  .union([percent, z.array(user).max(USERS_MAX)])
  .optional()
  .describe(
    'With `percentage` the share of the keys, with `users` the list of keys, with `variants` the share of the keys that get one of them (100 unless given).',
  );

const path = z
  .string()
  .regex(/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/)
  .max(2048)
  .meta({ allowed: 'a path that starts with /, without ?, # or spaces' });

const place = z
  .string()
  .regex(
    /^(?:https?:\/\/[\x21\x22\x24-\x2e\x30-\x7e][\x21\x22\x24-\x7e]*|\/[\x21\x22\x24-\x2e\x30-\x7e][\x21\x22\x24-\x7e]*|\/)$/,
  )
  .max(2048)
  .meta({ allowed: 'a URL such as https://example.com/new, or a path such as /new' });

const variant = z.strictObject({
  value: json.optional().describe('What its users get; its name unless given.'),
  weight: whole(0, 100_000)
    .optional()
    .describe('Its part of those that are enrolled, beside the others; 1 unless given.'),
  pool: name.optional().describe('The pool that its users reach while that admits anybody.'),
  rewrite: path.optional().describe('What the path becomes for its users.'),
  redirect: place.optional().describe('Where its users are sent instead.'),
});

const rule = z.strictObject({
  name: text('a name for people', 100)
    .optional()
    .describe('What the rule is called in explanations; its number unless given.'),
  when: z
    .array(flagCondition)
    .max(CONDITIONS_MAX)
    .optional()
    .describe('What must hold, all of it; everybody fits without it.'),
  strategy: strategy.describe('Whom of those that fit it is on for; the others of them get the off value.'),
  value,
  variant: variantName
    .optional()
    .describe("What they get where no variant is drawn; the flag's own `variant` unless given."),
});

const prerequisite = z.strictObject({
  flag: flagName.describe('The flag that is needed; it needs no other itself.'),
  variant: variantName.optional().describe('The variant that it must have for the same key; `on` unless given.'),
});

const ramp = z.strictObject({
  from: percent.describe('The share at the start.'),
  to: percent.describe('The share at the end, and from then on.'),
  start: instant.describe('When it begins.'),
  over: z
    .string()
    .regex(DURATION)
    .refine((written) => isWithin(parseDuration(written)))
    .meta({ allowed: 'a duration such as 30m or 72h, at most ten years' })
    .describe('How long it takes.'),
});

function isWithin(ms: number | undefined): boolean {
  return ms !== undefined && ms > 0 && ms <= RAMP_MAX_MS;
}

/** The keys that an environment may say otherwise. */
const keys = {
  description: z
    .string()
    .max(1000)
    .optional()
    .meta({ allowed: 'a text of at most 1000 characters' })
    .describe('What it is for.'),
  value,
  on: json.optional().describe('What those get whom it is on for; true unless given. Not with `variants`.'),
  off: json.optional().describe('What the others get; false unless given.'),
  variants: z
    .record(variantName, variant)
    .refine((all) => Object.keys(all).length > 0 && Object.keys(all).length <= VARIANTS_MAX, {
      message: 'has no variant, or too many',
      params: { allowed: `1 to ${VARIANTS_MAX} variants` },
    })
    .optional()
    .describe('Its values, where there are others than on and off.'),
  variant: variantName
    .optional()
    .describe('The variant of those whom it is on for, where none is drawn by weight; `on` unless given.'),
  offVariant: variantName.optional().describe('The variant of the others, in place of `off`.'),
  rules: z.array(rule).max(RULES_MAX).optional().describe('Who is treated otherwise; the first that fits decides.'),
  requires: z
    .array(prerequisite)
    .max(REQUIRED_MAX)
    .optional()
    .describe('Flags that must have a certain variant for the same key, or else this one is off.'),
  schedule: z
    .strictObject({
      from: instant.optional().describe('When it begins.'),
      until: instant.optional().describe('When it is over.'),
    })
    .optional()
    .describe('When it does what it says; before and after it is off.'),
  ramp: ramp.optional().describe('A share that grows by itself, in place of `value`.'),
  guard: flagGuard.optional(),
  rollout: flagRollout.optional(),
  bucketBy: text('the name of an attribute, such as company', 128)
    .optional()
    .describe('The attribute that decides who is in a share; the targeting key unless given.'),
  salt: z
    .string()
    .max(200)
    .regex(/^[^\u0000-\u001f\u007f]*$/)
    .optional()
    .meta({ allowed: 'a text of at most 200 characters' })
    .describe('What makes its shares independent of those of others; its name unless given.'),
  bucketing: z
    .enum(['tidegate', 'unleash', 'growthbook-v1', 'growthbook-v2', 'flagd', 'launchdarkly'])
    .optional()
    .describe(
      'How a key becomes a place in the share; another product’s way keeps everybody where that product had them.',
    ),
};

/** A flag, as it is written. */
export const flag = z
  .strictObject({
    strategy: strategy.describe('Whom it is on for, where no rule decides; with `none` no rule is asked.'),
    ...keys,
    environments: z
      .record(name, z.strictObject({ strategy: strategy.optional().describe('Whom it is on for there.'), ...keys }))
      .refine((all) => Object.keys(all).length <= ENVIRONMENTS_MAX, {
        message: 'has too many environments',
        params: { allowed: `at most ${ENVIRONMENTS_MAX}` },
      })
      .optional()
      .describe('What is otherwise in an environment (see `environment`), key by key.'),
  })
  .check((context) => {
    // What a part is like by itself is told first, and the rest cannot be asked before.
    if (context.issues.length > 0) return;
    for (const { path: at, message, allowed } of checkFlag(context.value)) {
      const params = { allowed, levels: at.length };
      context.issues.push({ code: 'custom', message, input: context.value, path: [...at], params });
    }
  });

/** What stands under `flags:`. */
export const flags = z
  .record(flagName, flag)
  .refine((all) => Object.keys(all).length <= FLAGS_MAX, {
    message: 'has too many flags',
    params: { allowed: `at most ${FLAGS_MAX}` },
  })
  .prefault({})
  .transform((all) => new Map(Object.entries(all)))
  .describe('Feature flags, by name.');

/** What stands under `flags:` of a route. */
export const routeFlags = z
  .array(flagName)
  .max(ROUTE_FLAGS_MAX)
  .refine((names) => new Set(names).size === names.length, {
    message: 'has a flag twice',
    params: { allowed: 'each flag once' },
  })
  .default([])
  .describe('The flags that are evaluated for its requests, and that its endpoints are told of.');

/** What stands under `environment:`. */
export const environment = name
  .default('production')
  .describe('Where this Tidegate runs: picks the `environments` of each flag.');

/** A flag, as it is written: what `flags.NAME` of the file, the API and the state file have. */
export type FlagDefinition = Immutable<z.output<typeof flag>>;
/** What an environment, or a change, says of a flag. */
export type FlagOverlay = NonNullable<FlagDefinition['environments']>[string];
/** Whom a flag or a rule of it is on for, as a word. */
export type StrategyWord = z.output<typeof strategy>;
