/**
 * What a rule of a flag asks of an attribute, as it is written: one attribute, and one thing that is asked of it.
 *
 * The written form is kept, as everywhere in a flag (see `flag-schema.ts`); here it is only made sure that it can be compiled.
 * Regular expressions have the syntax of RE2, which takes linear time on every text; what JavaScript has beyond that
 * (back-references, looking around) is refused by the library that will run them, so nothing is accepted that it cannot run.
 */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { parseInstant } from './freeze-schema.ts';
import { network, text } from './scalars.ts';

/** How many values a list of a condition may have. */
export const CONDITION_VALUES_MAX = 10_000;

/** Semantic Versioning 2.0.0, chapter 9 and 10: three numbers, a pre-release, a build. */
const SEMVER =
  /^(?:0|[1-9][0-9]{0,14})(?:\.(?:0|[1-9][0-9]{0,14})){2}(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** A moment with its offset from UTC, as it is written. */
export const instant = z
  .string()
  .max(40)
  .refine((written) => parseInstant(written) !== undefined)
  .meta({ allowed: 'a moment such as 2026-12-20T00:00:00Z' });

const attribute = text('the name of an attribute, such as country or email', 128);
const part = z.string().min(1).max(1024).meta({ allowed: 'a text of 1 to 1024 characters' });
const figure = z.number().meta({ allowed: 'a number' });
const single = z
  .union([z.string().max(1024), figure, z.boolean()])
  .meta({ allowed: 'a text, a number, or true or false' });
const semver = z.string().max(256).regex(SEMVER).meta({ allowed: 'a version such as 1.2.0 or 2.0.0-rc.1' });

const pattern = part.check((context) => {
  const message = patternProblem(context.value);
  if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
});

/** What is wrong with a regular expression of RE2, or `undefined`. */
function patternProblem(source: string): string | undefined {
  try {
    RE2JS.compile(source);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : '';
    return `is no regular expression of RE2: ${reason}`;
  }
}

const ORDERS = ['lt', 'le', 'equals', 'ge', 'gt'] as const;

const versions = z
  .strictObject({
    lt: semver.optional().describe('Its version is below this one.'),
    le: semver.optional().describe('Its version is this one or below.'),
    equals: semver.optional().describe('Its version has the same precedence.'),
    ge: semver.optional().describe('Its version is this one or above.'),
    gt: semver.optional().describe('Its version is above this one.'),
  })
  .check((context) => {
    const given = Object.values(context.value).filter((version) => version !== undefined);
    if (given.length !== 1) context.issues.push(objection(context.value, given.length, ORDERS));
  });

const NETWORK = 'a range such as 10.0.0.0/8 or fd00::/8, or one IP address';

const TESTS = [
  'exists',
  'equals',
  'in',
  'prefix',
  'suffix',
  'contains',
  'matches',
  'lt',
  'le',
  'gt',
  'ge',
  'semver',
  'before',
  'after',
  'cidr',
] as const;

/** One condition, as it is written. */
export const flagCondition = z
  .strictObject({
    attribute: attribute.describe('What is looked at; `targetingKey` is the key.'),
    not: z.boolean().optional().describe('Whether the opposite is asked; an attribute that is not there never fits.'),
    exists: z.literal(true).optional().describe('It is there.'),
    equals: single.optional().describe('It is this, of the same type.'),
    in: z.array(single).min(1).max(CONDITION_VALUES_MAX).optional().describe('It is one of these, of the same type.'),
    prefix: part.optional().describe('It begins with this.'),
    suffix: part.optional().describe('It ends with this.'),
    contains: part.optional().describe('It has this somewhere.'),
    matches: pattern.optional().describe('It fits this regular expression (RE2) somewhere; anchor it with ^ and $.'),
    lt: figure.optional().describe('It is a number below this.'),
    le: figure.optional().describe('It is a number of at most this.'),
    gt: figure.optional().describe('It is a number above this.'),
    ge: figure.optional().describe('It is a number of at least this.'),
    semver: versions.optional().describe('It is a version (Semantic Versioning), and stands so to this one.'),
    before: instant.optional().describe('It is a moment before this one.'),
    after: instant.optional().describe('It is a moment after this one.'),
    cidr: z
      .array(
        z
          .string()
          .refine((written) => network.safeParse(written).success)
          .meta({ allowed: NETWORK }),
      )
      .min(1)
      .max(1000)
      .optional()
      .describe('It is an IP address in one of these networks.'),
  })
  .check((context) => {
    const given = TESTS.filter((test) => context.value[test] !== undefined);
    if (given.length !== 1) context.issues.push(objection(context.value, given.length, TESTS));
  });

function objection(input: unknown, count: number, words: readonly string[]): z.core.$ZodRawIssue {
  const message = count === 0 ? 'asks nothing' : 'asks more than one thing';
  return { code: 'custom', message, input, params: { allowed: `exactly one of ${words.join(', ')}` } };
}

/** A condition, as it is written. */
export type WrittenCondition = z.output<typeof flagCondition>;
