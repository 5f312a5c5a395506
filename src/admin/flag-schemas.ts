/**
 * What goes into the routes of flags and what comes out. A definition is checked by the control plane and not here: it is the one
 * language of the file, and its problems are told with the path that the file would have.
 */
import { z } from 'zod';
import { flag } from '../config/flag-schema.ts';
import type { FlagPreview, FlagReceipt, FlagStand, FlagView } from '../control/operations.ts';
import type { Explanation } from '../flags/explanation.ts';
import { REASON_CHARACTERS_MAX } from './instruction.ts';
import { rolloutGlance } from './schemas.ts';

const instant = z.string().describe('ISO 8601');
const how = z.enum(['file', 'set', 'kill', 'restore', 'remove', 'import', 'guard', 'rollout']);
const reason = z
  .string()
  .optional()
  .describe(`Why, for the history and the event log; cut to ${REASON_CHARACTERS_MAX} printable characters.`);
const resalt = z
  .boolean()
  .optional()
  .describe('Whether users may be put into other buckets: by another salt, bucketing or bucketBy.');

const definition = z.looseObject(flag.shape).partial().describe('As it is written; see `flags` of the configuration.');

const inForce = z.string().describe('The environment whose part of the definition holds.');

const stand = z.object({
  definition,
  environment: inForce,
  share: z
    .number()
    .nullable()
    .describe('In percent, where no ramp stands in its place; null where its own strategy has no share.'),
  killed: z.boolean(),
}) as unknown as z.ZodType<FlagStand>;

/** `{flag}` of a path. */
export const flagParams = z.strictObject({ flag: z.string().describe('The name of a flag.') });

/** The query of POST flag: what may stand beside a definition as well as in it. */
export const flagQuery = z.strictObject({ resalt: z.enum(['true', 'false']).optional() });

/** The body of kill, restore and DELETE. */
export const flagReasonBody = z.strictObject({ reason });

/** The body of POST flag: the keys to change, beside what is to be known of the change. */
export const flagBody = z
  .looseObject({ reason, resalt })
  .describe('Keys of a definition as in the config file; null takes a key away, and what is not given stays.');

/** The body of POST explain. */
export const flagExplainBody = z.strictObject({
  context: z.record(z.string(), z.unknown()).default({}).describe('The targetingKey, and attributes by name.'),
});

/** The body of POST preview: the keys that would change. */
export const flagPreviewBody = z.looseObject({}).describe('Keys of a definition, as for a change.');

/** Why a flag has the value that it has. */
export const flagExplanationAnswer = z
  .looseObject({ flag: z.string(), revision: z.string(), variant: z.string(), because: z.array(z.string()) })
  .describe('The answer, and everything that was looked at for it.') as unknown as z.ZodType<Explanation>;

/** What a change would change. */
export const flagPreviewAnswer = z
  .object({
    flag: z.string(),
    revision: z.number().int(),
    from: stand,
    to: stand,
    withinMs: z.number().describe('How long ago the keys of the sample were seen at most.'),
    sample: z.looseObject({ sampled: z.number(), changed: z.number().nullable(), isCounted: z.boolean() }),
    ofAll: z
      .number()
      .nullable()
      .describe('The share of all keys that would get another value; null where nobody can know.'),
  })
  .describe('What the change would change; it is not made.') as unknown as z.ZodType<FlagPreview>;

/** The body of POST import. */
export const flagImportBody = z.strictObject({
  flags: z
    .array(z.strictObject({ name: z.string(), definition: z.looseObject({}) }))
    .min(1)
    .max(1000)
    .describe('Whole definitions; all of them are taken, or none.'),
  reason,
  resalt,
});

/** A flag as it is now. */
export const flagAnswer = z
  .object({
    name: z.string(),
    revision: z.number().int(),
    definition,
    environment: inForce,
    share: z.number().nullable(),
    killed: z.boolean(),
    strategy: z.enum(['all', 'none', 'users', 'percentage', 'variants']),
    variants: z.array(z.string()),
    problem: z.string().nullable().describe('Why it is off whatever it says.'),
    inFile: z.boolean().describe('Whether the config file has it.'),
    asInFile: z.boolean().describe('Whether it says what the file says.'),
    routes: z.array(z.string()),
    requiredBy: z.array(z.string()),
    since: z.object({ at: instant, by: z.string(), how, reason: z.string() }),
    stored: z.boolean().describe('Whether a restart now would remember it so.'),
    guard: z
      .looseObject({
        rests: z.string().nullable().describe('Why it judges nothing now; null while it does.'),
        since: instant,
        control: z.enum(['equal', 'others']).describe('Whom the treated are compared with: as many, or all others.'),
        part: z.number().describe('The part of both arms that is treated, 0 to 1.'),
        dryRun: z.boolean(),
        unheard: z
          .number()
          .int()
          .describe('Bad events that were not counted, since the memory of who has spoken was full.'),
      })
      .optional()
      .describe('What its guard says, with all the numbers of the judge.'),
    rollout: rolloutGlance.optional().describe('Its rollout that runs.'),
  })
  .describe('The flag as it is now; its revision is the ETag.') as unknown as z.ZodType<FlagView>;

/** All flags, sorted by name. */
export const flagsAnswer = z
  .object({ revision: z.string().describe('Changes with every flag.'), flags: z.array(flagAnswer) })
  .describe('All flags.');

/** The account of one change. */
export const flagReceiptAnswer = z
  .object({
    flag: z.string(),
    revision: z.number().int(),
    how,
    from: stand.nullable(),
    to: stand.nullable(),
    at: instant,
    appliedMs: z.number().describe('Until no request was treated any more by what was so before.'),
    by: z.string(),
    decision: z
      .looseObject({ sentence: z.string(), suspect: z.enum(['flag', 'version']), control: z.enum(['equal', 'others']) })
      .optional()
      .describe('Why its guard killed it, with the evidence and the settings that it was judged by.'),
    reason: z.string(),
    stored: z.boolean().describe('Whether the state file has it; if not, a restart forgets it.'),
  })
  .describe('The receipt.') as unknown as z.ZodType<FlagReceipt>;

/** Several of them. */
export const flagReceiptsAnswer = z.object({ receipts: z.array(flagReceiptAnswer) }).describe('Changes of flags.');
