/**
 * What goes into the rollout calls of the admin API and what comes out; see `schemas.ts` for how schemas are used.
 *
 * Requests are strict. Answers are loose on purpose: a verdict carries a tree of numbers whose shape is the judge's, is
 * documented with the judge, and would only be repeated here.
 */
import { z } from 'zod';
import { PLAN_KINDS } from '../rollout/plan.ts';
import { PHASES } from '../rollout/rollout.ts';
import { REASON_CHARACTERS_MAX } from './instruction.ts';

const reason = z
  .string()
  .optional()
  .describe(`Why, for the event log; cut to ${REASON_CHARACTERS_MAX} printable characters.`);
const milliseconds = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const share = z.number().min(0).max(1);

/** The body of POST rollout. */
export const startBody = z.strictObject({
  to: z.string().nullish().describe('The candidate; may be left out when only one pool is not active.'),
  version: z.string().optional().describe('Refused unless the candidate has this version in the file.'),
  plan: z.enum(PLAN_KINDS).optional().describe('Another plan than the file says, with its own steps.'),
  steps: z.array(share).min(1).max(100).optional().describe('Other steps, as shares from 0 to 1; the last one is 1.'),
  holdMs: milliseconds.optional(),
  bakeMs: milliseconds.optional(),
  verify: z.boolean().optional().describe('False leaves out every verification.'),
  maxFailedRequests: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('How many failed requests a bad candidate may cost; picks the first weight.'),
  again: z.boolean().default(false).describe('Also when this version was rolled back the last time.'),
  alone: z.boolean().optional().describe('Also when the service belongs to a group, without the others of it.'),
  reason,
});

/** The body of the commands; only `promote` looks at `full`. */
export const commandBody = z.strictObject({
  full: z.boolean().default(false).describe('With promote: to 100% at once.'),
  reason,
});

/** `{command}` of a path. */
export const commandParams = z.strictObject({
  service: z.string(),
  command: z.enum(['promote', 'pause', 'resume', 'approve', 'abort']),
});

/** `{group}` of a path. */
export const groupParams = z.strictObject({ group: z.string() });

/** `{group}` and `{command}` of a path. */
export const groupCommandParams = z.strictObject({ group: z.string(), command: commandParams.shape.command });

/** The query of the history. */
export const historyQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,2}$/, { error: 'must be a whole number from 1 to 999' })
    .default('20')
    .transform(Number),
});

/** `{id}` of a rollout. */
export const rolloutParams = z.strictObject({
  id: z
    .string()
    .regex(/^[0-9]{1,15}$/, { error: 'must be a whole number' })
    .transform(Number),
});

/** Other settings for judging a past rollout again. */
export const retrialQuery = z.strictObject({
  margin: z.coerce.number().min(1).max(100).optional(),
  falseAlarm: z.coerce.number().gt(0).lt(1).optional(),
});

/** Which part of the decision log is given, beside the settings. */
export const judgementQuery = retrialQuery.extend({
  after: z
    .string()
    .regex(/^[0-9]{1,15}$/, { error: 'must be a whole number' })
    .default('0')
    .transform(Number)
    .describe('The sequence number that the part begins after: `next` of the part before.'),
  limit: z
    .string()
    .regex(/^(?:1000|[1-9][0-9]{0,2})$/, { error: 'must be a whole number from 1 to 1000' })
    .default('1000')
    .transform(Number)
    .describe('How many decisions are given at most.'),
});

/** A rollout. Verdicts carry many numbers; their shape is documented with the judge. */
export const rolloutAnswer = z
  .looseObject({
    id: z.number(),
    service: z.string(),
    active: z.string(),
    candidate: z.string(),
    version: z.string(),
    plan: z.string(),
    phase: z.enum(PHASES),
    step: z.number().describe('From 1.'),
    share,
    reason: z.string(),
    startedAt: z.string(),
    endedAt: z.string().nullable(),
  })
  .describe('The rollout as it stands now.');

/** Past rollouts, newest first. */
export const historyAnswer = z.object({ rollouts: z.array(rolloutAnswer) }).describe('Newest first.');

/** A past rollout judged again. */
export const retrialAnswer = z
  .looseObject({ rollout: rolloutAnswer, turnedBackAtMs: z.number().nullable(), next: z.number().nullable() })
  .describe(
    'A part of the decisions with the verdict after each look among them; `next` leads to the part that follows.',
  );

/** What a start would do. */
export const forecastAnswer = z
  .looseObject({
    service: z.string(),
    active: z.string(),
    candidate: z.string(),
    version: z.string(),
    plan: z.string(),
    obstacle: z.looseObject({ kind: z.enum(['refuse', 'queue', 'restart']), message: z.string() }).nullable(),
    traffic: z.object({ requests: z.number(), bad: z.number(), seconds: z.number() }),
    leastMs: z.number(),
  })
  .describe('What the plan can detect at the traffic of the last minutes, and what it may cost.');

/** What was started together. */
export const groupAnswer = z
  .looseObject({
    group: z.string(),
    services: z.array(z.string()),
    rollouts: z.array(rolloutAnswer),
    hasEnded: z.boolean(),
    isPromoted: z.boolean(),
    reason: z.string(),
  })
  .describe('The rollouts of a group as they stand now.');

/** What a start of a group would do. */
export const groupForecastAnswer = z
  .object({ group: z.string(), forecasts: z.array(forecastAnswer) })
  .describe('The forecast of each service of the group.');

/** What happened in a past rollout. */
export const explanationAnswer = z
  .looseObject({ rollout: rolloutAnswer, looks: z.number(), turnedBackAtMs: z.number().nullable() })
  .describe('Each change of the verdict and each decision, with all numbers, and whether the log agrees with itself.');
