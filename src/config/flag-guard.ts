/**
 * The guard of a flag as it is written: the words of `rollout.guard` of a service, and what they become.
 *
 * Like everything of a flag it keeps its written form (see `flag-schema.ts`), so what a text means is asked when the flag is
 * compiled, and here only made sure of. Signals are named and not defined: what a bad answer is belongs to the service that gives it.
 *
 * A guard beside `all` or `none` rests and is no mistake: whoever has finished with a flag, or is in a hurry to switch it off, must not
 * be stopped by a guard that there is nothing left for. What can never be compared is refused.
 */
import { z } from 'zod';
import type { FlagFinding } from './flag-checks.ts';
import type { FlagDefinition } from './flag-schema.ts';
import type { Immutable } from './immutable.ts';
import { name, whole } from './scalars.ts';
import { DURATION, parseDuration, parsePercent, SHARE } from './units.ts';

/** How many flags may have a guard: each has its own memory of who has spoken. */
export const GUARDS_MAX = 64;
const SIGNALS_MAX = 8;
const RENEW_LEAST_MS = 60_000;
const RENEW_MOST_MS = 365 * 24 * 3_600_000;
/** Above it an equal control is smaller than the treatment, and what a ramp sends to either changes from one request to the next. */
const RAMP_MAX = 50;

const MULTIPLE = /^[0-9]{1,3}(?:\.[0-9]{1,6})?x$/;

const chance = z
  .string()
  .regex(SHARE)
  .refine((text) => isBetween(parsePercent(text), 0, 100))
  .meta({ allowed: 'a share over 0% and below 100%' });

const multiple = z
  .string()
  .regex(MULTIPLE)
  .refine((text) => multipleOf(text) >= 1 && multipleOf(text) <= 100)
  .meta({ allowed: 'a multiple such as 1.5x, from 1x to 100x' });

const moreThanOnce = z
  .string()
  .regex(MULTIPLE)
  .refine((text) => multipleOf(text) > 1 && multipleOf(text) <= 100)
  .meta({ allowed: 'a multiple such as 3x, over 1x, at most 100x' });

const renew = z
  .string()
  .regex(DURATION)
  .refine((text) => {
    const ms = parseDuration(text) ?? 0;
    return ms >= RENEW_LEAST_MS && ms <= RENEW_MOST_MS;
  })
  .meta({ allowed: 'a duration such as 24h or 168h, from 1m to 8760h' });

/** What stands under `guard:` of a flag. */
export const flagGuard = z
  .strictObject({
    falseAlarm: chance
      .optional()
      .describe(
        'The chance that a harmless treatment is killed in one period of evidence, for all signals and looks together; 1% unless given.',
      ),
    missed: chance
      .optional()
      .describe('The chance that a treatment as bad as the margin of proof is called healthy; 5% unless given.'),
    control: z
      .enum(['equal', 'others'])
      .optional()
      .describe(
        'Whom the treated are compared with: `equal`, as many users beside them; `others`, all others that the flag decides on by its draw, by which a treatment of a few is found by fewer of its failures. `equal` unless given.',
      ),
    errors: z
      .strictObject({
        margin: multiple.optional().describe('How many times as often the treatment may fail; 1.5x unless given.'),
        proof: moreThanOnce
          .optional()
          .describe('What it must be shown to be better than, to be called healthy; 3x unless given.'),
        rate: chance
          .optional()
          .describe('Without any failure, it is healthy when its rate is shown to be below this; 1% unless given.'),
        ceiling: chance
          .optional()
          .describe('A share of failures that no treatment may have, whatever the control does; 20% unless given.'),
        ceilingRequests: whole(1, 1_000_000)
          .optional()
          .describe('How many requests the ceiling needs to speak; 50 unless given.'),
      })
      .optional()
      .describe('Requests that fail.'),
    latency: z
      .union([
        z.literal('off'),
        z.strictObject({
          margin: multiple
            .optional()
            .describe('How many times as often it may be slower than a boundary; 1.2x unless given.'),
        }),
      ])
      .optional()
      .describe(
        'Requests that are slow, at 24 boundaries that come from the untreated; `off` to judge by errors alone.',
      ),
    signals: z
      .array(name)
      .max(SIGNALS_MAX)
      .optional()
      .describe(
        'What else it is judged by: names of signals with `requests` under `rollout.guard.signals` of the services of its routes.',
      ),
    renew: renew
      .optional()
      .describe('How long evidence is gathered before it begins anew, with a new `falseAlarm`; 168h unless given.'),
    dryRun: z.boolean().optional().describe('Whether it is judged and told only, and nothing is killed.'),
  })
  .describe('When the flag is killed by itself, because those it treats fare worse than others.');

/** As it is written. */
export type WrittenGuard = Immutable<z.output<typeof flagGuard>>;

/** Whether a flag has a guard in any environment. */
export function hasGuard({ guard, environments }: FlagDefinition): boolean {
  return guard !== undefined || Object.values(environments ?? {}).some((over) => over.guard !== undefined);
}

/** What is wrong with a guard beside the other keys of its flag. */
export function* checkGuard({
  guard,
  strategy,
  bucketing,
  ramp,
}: Omit<FlagDefinition, 'environments'>): Generator<FlagFinding> {
  if (guard === undefined) return;
  const path = ['guard'];
  if (strategy === 'users') {
    const message = 'has nobody to compare a list of users with';
    yield { path, message, allowed: 'a guard beside percentage or variants' };
  }
  if (bucketing !== undefined && bucketing !== 'tidegate') {
    const message = `cannot know how many keys are beside a share in the buckets of ${bucketing}`;
    yield { path, message, allowed: 'a guard beside the bucketing tidegate' };
  }
  if (ramp !== undefined && guard.control === 'others') {
    const message = 'cannot compare with all others beside a ramp: the parts of both sides change all the time';
    yield { path: [...path, 'control'], message, allowed: 'equal, or a value that is set' };
  } else if (ramp !== undefined && Math.max(ramp.from, ramp.to) > RAMP_MAX) {
    const message = `cannot compare while a ramp goes beyond ${RAMP_MAX}%: the parts of both sides change all the time`;
    yield { path, message, allowed: `a ramp up to ${RAMP_MAX}%, or a value that is set` };
  }
}

function isBetween(value: number | undefined, least: number, most: number): boolean {
  return value !== undefined && value > least && value < most;
}

function multipleOf(text: string): number {
  return Number(text.slice(0, -1));
}
