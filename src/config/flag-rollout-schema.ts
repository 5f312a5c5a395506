/**
 * How a flag is rolled out, as it is written: the words of `rollout` of a service, as far as they mean something for a flag.
 *
 * What moves is the share of a flag's own strategy and no traffic, so there is no pool to verify, no endpoint to choose and no
 * pool to keep warm: those words are unknown keys here. `guard` stands beside the rollout, since a guard watches a flag that
 * nobody rolls out too. `confirm` has no place either: it has a secret, and what is said of a flag is shown to people and kept.
 *
 * Like everything of a flag it keeps its written form (see `flag-schema.ts`); `control/flag-aim.ts` makes a plan of it.
 */
import { z } from 'zod';
import type { FlagFinding } from './flag-checks.ts';
import type { FlagDefinition } from './flag-schema.ts';
import type { Immutable } from './immutable.ts';
import { whole } from './scalars.ts';
import { DURATION, LONGEST_MS, parseDuration, parsePercent, SHARE } from './units.ts';

const STEPS_MAX = 100;

/** Shares of a flag, as the dial has them: in thousandths of a percent. */
function isShare(written: string): boolean {
  const percent = parsePercent(written);
  return percent !== undefined && Math.abs(percent * 1000 - Math.round(percent * 1000)) < 1e-6;
}

const share = z.string().regex(SHARE).refine(isShare).meta({ allowed: 'a share from 0% to 100%, in steps of 0.001%' });

const time = z
  .string()
  .regex(DURATION)
  .refine((written) => (parseDuration(written) ?? Number.POSITIVE_INFINITY) <= LONGEST_MS)
  .meta({ allowed: 'a duration such as 30s, 10m or 1h, at most 596h' });

const step = z.union([
  share,
  z.strictObject({
    weight: share.describe('The share of the keys that the flag is on for.'),
    hold: time.optional().describe('How long the step lasts at least; without it, `hold` of the rollout.'),
    minRequests: whole(0, 1_000_000_000)
      .optional()
      .describe('How many requests the treatment must have had in it; without it, `minRequests` of the rollout.'),
    approve: z.boolean().optional().describe('Whether a person has to approve before the next step.'),
  }),
]);

type WrittenStep = Immutable<z.output<typeof step>>;

/** What stands under `rollout:` of a flag. */
export const flagRollout = z
  .strictObject({
    steps: z
      .array(step)
      .min(1)
      .max(STEPS_MAX)
      .optional()
      .describe('The steps, as shares or with more to say of each; 1%, 5%, 25%, 50%, 100% unless given.'),
    hold: time.optional().describe('How long a step lasts at least; 10m unless given.'),
    minRequests: whole(0, 1_000_000_000)
      .optional()
      .describe(
        'How many requests the treatment must have in a step, as the guard of the flag counts them; 0 unless given.',
      ),
    bake: time.optional().describe('How long it is watched after the last step; 15m unless given.'),
    holdBack: share
      .optional()
      .describe('For how many keys it stays off while it is watched, so that there is still somebody to compare with.'),
    inconclusive: z
      .enum(['pause', 'promote', 'rollback'])
      .optional()
      .describe('What is done when the time of a step is over and its guard cannot tell; `pause` unless given.'),
    onFreeze: z
      .enum(['pause', 'continue'])
      .optional()
      .describe('What a running rollout does in a freeze; `pause` unless given.'),
  })
  .check((context) => {
    const { steps = [], holdBack } = context.value;
    for (const index of steps.keys()) {
      const message = stepProblem(steps, index);
      if (message === undefined) continue;
      const params = { allowed: 'shares that grow, the last one 100%', levels: 2 };
      context.issues.push({ code: 'custom', message, input: steps[index], path: ['steps', index], params });
    }
    if (holdBack === undefined || parsePercent(holdBack) !== 100) return;
    const params = { allowed: 'a share below 100%', levels: 1 };
    context.issues.push({ code: 'custom', message: 'leaves nobody', input: holdBack, path: ['holdBack'], params });
  })
  .describe('How `tidegate rollout start --flag` raises its share; also without it, with the defaults of all keys.');

/** As it is written. */
export type WrittenFlagRollout = Immutable<z.output<typeof flagRollout>>;

/** What is wrong with a rollout beside the other keys of its flag: it is the guard that counts. */
export function* checkRollout({ rollout, guard }: Omit<FlagDefinition, 'environments'>): Generator<FlagFinding> {
  if (rollout === undefined || guard !== undefined) return;
  const { minRequests = 0, steps = [] } = rollout;
  const found: FlagFinding['path'][] = minRequests > 0 ? [['rollout', 'minRequests']] : [];
  for (const [index, step] of steps.entries()) {
    const counts = typeof step !== 'string' && (step.minRequests ?? 0) > 0;
    if (counts) found.push(['rollout', 'steps', index, 'minRequests']);
  }
  for (const path of found) {
    yield { path, message: 'waits for requests that nobody counts', allowed: 'minRequests beside a guard' };
  }
}

function stepProblem(steps: readonly WrittenStep[], index: number): string | undefined {
  const one = steps[index]!;
  const isLast = index === steps.length - 1;
  const asksNobody = typeof one === 'string' || one.approve !== true;
  if (index > 0 && weightOf(one) < weightOf(steps[index - 1]!)) return 'is smaller than the step before it';
  if (isLast && weightOf(one) !== 100) return 'is the last step and not 100%';
  if (isLast && !asksNobody) return 'waits for approval, and nothing follows it';
  return weightOf(one) === 0 && asksNobody ? 'is on for nobody and waits for nobody' : undefined;
}

/** In percent. */
function weightOf(written: WrittenStep): number {
  return parsePercent(typeof written === 'string' ? written : written.weight)!;
}
