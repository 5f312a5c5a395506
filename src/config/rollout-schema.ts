/**
 * How a service is released, as it is configured: the plan, who judges, what is verified, and which events are bad.
 *
 * Everything has a default, so that `rollout: {}` or nothing at all gives a canary that a careful team would have chosen.
 * Steps are written as shares (`5%`) or as mappings; the words are those of the plan in `src/rollout/`, and what a plan
 * may not be (shares that shrink, a last step below 100%) is refused here with its line.
 */

import { z } from 'zod';
import { flagName } from './flag-schema.ts';
import { confirm } from './notify-schema.ts';
import { duration, fieldName, multiple, name, oneOrMore, share, TOKEN, text, whole } from './scalars.ts';
import { signals } from './signal-schema.ts';

/** How many flags a step may set. */
const STEP_FLAGS_MAX = 20;

const group = z
  .strictObject({
    header: fieldName.optional().describe('The header field that members of the group send.'),
    cookie: z
      .string()
      .regex(TOKEN)
      .meta({ allowed: 'a cookie name such as beta' })
      .optional()
      .describe('The cookie that members of the group have.'),
    value: text('the exact value', 256).optional().describe('Its exact value; without it, any.'),
  })
  .transform((value, context) => {
    const { header, cookie } = value;
    if ((header === undefined) === (cookie === undefined)) {
      const params = { allowed: 'exactly one of header or cookie' };
      context.issues.push({ code: 'custom', message: 'says not by what a member is known', input: value, params });
      return z.NEVER;
    }
    const source = header === undefined ? ('cookie' as const) : ('header' as const);
    return { source, name: header ?? cookie ?? '', value: value.value ?? null };
  });

const step = z.union([
  share.transform((weight) => ({ weight })),
  z.strictObject({
    weight: share.describe("The candidate's share of the traffic."),
    hold: duration(0).optional().describe('How long the step lasts at least; without it, `hold` of the rollout.'),
    minRequests: whole(0, 1_000_000_000)
      .optional()
      .describe('How many requests the candidate must have had in it; without it, `minRequests` of the rollout.'),
    approve: z.boolean().default(false).describe('Whether a person has to approve before the next step.'),
    verify: z.boolean().default(false).describe('Whether the candidate is verified before the step takes effect.'),
    match: group.optional().describe('Users who reach the candidate in this step whatever the share.'),
    flags: z
      .record(flagName, share)
      .refine((all) => Object.keys(all).length > 0 && Object.keys(all).length <= STEP_FLAGS_MAX, {
        message: 'has no flag, or too many',
        params: { allowed: `1 to ${STEP_FLAGS_MAX} flags` },
      })
      .optional()
      .describe('Flags whose share is set once the step is taken, and put back when the rollout goes back.'),
    endpoints: whole(1, 100_000)
      .optional()
      .describe('How many endpoints of the candidate are used in this step, the first ones; all if it is not given.'),
  }),
]);

/** What a value of an answer must be. */
const expectation = z
  .strictObject({
    status: oneOrMore(z.int().min(100).max(599).meta({ allowed: 'a status from 100 to 599' }))
      .prefault([200])
      .describe('The statuses that are right.'),
    headers: z.record(fieldName, text('a text', 4096)).prefault({}).describe('Fields that the answer must have.'),
    body: text('a text', 4096).optional().describe('What the body must contain.'),
    json: z
      .record(
        z
          .string()
          .regex(/^\/[^\s]*$/)
          .meta({ allowed: 'a JSON pointer such as /status' }),
        z.json(),
      )
      .prefault({})
      .describe('What the JSON pointers of the body must lead to (RFC 6901).'),
    within: duration().optional().describe('How long the answer may take at most; without it, the timeout.'),
  })
  .prefault({});

const smoke = z
  .strictObject({
    name: text('a short name', 64).optional().describe('How it is called in results; without it, method and path.'),
    method: z
      .string()
      .regex(TOKEN)
      .default('GET')
      .meta({ allowed: 'an HTTP method such as GET' })
      .describe('The method of the request.'),
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/)
      .max(2048)
      .meta({ allowed: 'a path that starts with /' })
      .describe('The path of the request.'),
    headers: z.record(fieldName, text('a text', 4096)).prefault({}).describe('Fields of the request.'),
    body: z.string().max(65_536).optional().meta({ allowed: 'a text' }).describe('The body of the request.'),
    timeout: duration(1, 300_000).prefault('5s').describe('How long the answer may take.'),
    expect: expectation.describe('What the answer must be.'),
  })
  .transform((value) => ({ ...value, name: value.name ?? `${value.method} ${value.path}` }));

const versionProof = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/)
      .max(2048)
      .meta({ allowed: 'a path that starts with /' })
      .describe('What is asked.'),
    header: fieldName.optional().describe('The field of the answer that names the version.'),
    json: z
      .string()
      .regex(/^\/[^\s]*$/)
      .meta({ allowed: 'a JSON pointer such as /version' })
      .optional()
      .describe('The JSON pointer that leads to the version; without it and without header, the body is the version.'),
  })
  .check((context) => {
    const { header, json } = context.value;
    if (header === undefined || json === undefined) return;
    const params = { allowed: 'header or json, not both' };
    context.issues.push({ code: 'custom', message: 'has two places for one version', input: context.value, params });
  });

const verify = z
  .strictObject({
    before: z.boolean().default(true).describe('Whether the candidate is verified before any user reaches it.'),
    after: z.boolean().default(true).describe('Whether it is verified again after the last step.'),
    smoke: z
      .array(smoke)
      .max(64)
      .default([])
      .describe('Requests that every endpoint of the candidate must answer right.'),
    version: versionProof.optional().describe('How an endpoint proves that it runs the version that it should.'),
    timeout: duration(1, 3_600_000)
      .prefault('1m')
      .describe('How long a verification may take in all; what is still wrong is tried again until then.'),
  })
  .transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }))
  .prefault({});

const guard = z
  .strictObject({
    falseAlarm: share
      .prefault('1%')
      .describe('The chance that a harmless release is ever rolled back, for all signals and looks together.'),
    missed: share
      .prefault('5%')
      .describe('The chance that a step is called healthy although the candidate is as bad as the margin of proof.'),
    errors: z
      .strictObject({
        margin: multiple.prefault('1.5x').describe('How many times as often the candidate may fail.'),
        proof: multiple.prefault('3x').describe('What it must be shown to be better than, to be called healthy.'),
        rate: share
          .prefault('1%')
          .describe('Without any failure, it is healthy when its rate is shown to be below this.'),
        ceiling: share
          .prefault('20%')
          .describe('A share of failures that no version may have, whatever the other does.'),
        ceilingRequests: whole(1, 1_000_000).default(50).describe('How many requests the ceiling needs to speak.'),
      })
      .prefault({})
      .describe('Requests that fail.'),
    latency: z
      .union([
        z.literal('off').transform(() => null),
        z.strictObject({
          margin: multiple.prefault('1.2x').describe('How many times as often it may be slower than a boundary.'),
        }),
      ])
      .prefault({})
      .describe(
        'Requests that are slow, at 24 boundaries that come from the active pool; `off` to judge by errors alone.',
      ),
    signals: signals.describe('What else it is judged by, by name.'),
    warmUp: duration(0)
      .prefault('10s')
      .describe(
        'How long at the begin of each step latency is not judged: caches and connections are cold. Errors are.',
      ),
  })
  .prefault({});

/** What stands under `rollout:` of a service. */
export const rollout = z
  .strictObject({
    plan: z
      .enum(['canary', 'blue-green', 'linear', 'one-box', 'all-at-once'])
      .default('canary')
      .describe('The kind of plan; `steps` replaces its own steps.'),
    steps: z.array(step).min(1).max(100).optional().describe('The steps, as shares or with more to say of each.'),
    increment: share.prefault('10%').describe('By how much a linear plan grows.'),
    hold: duration(0).prefault('10m').describe('How long a step lasts at least.'),
    minRequests: whole(0, 1_000_000_000).default(0).describe('How many requests the candidate must have in a step.'),
    maxFailedRequests: whole(1, 1_000_000_000)
      .optional()
      .describe(
        'How many failed requests a bad candidate may cost; picks the first weight by the traffic of the last minutes.',
      ),
    bake: duration(0).prefault('15m').describe('How long it is watched after 100%.'),
    holdBack: share
      .prefault('0%')
      .describe('What stays on the active pool while it is watched, so that the two can still be compared.'),
    keep: duration(0)
      .prefault('1h')
      .describe('How long the earlier pool counts as warm after a success, so that one move goes back.'),
    guard: guard.describe('When it turns back by itself.'),
    inconclusive: z
      .enum(['pause', 'promote', 'rollback'])
      .default('pause')
      .describe('What is done when the time of a step is over and nobody can tell.'),
    rollback: z
      .strictObject({ over: duration(0).prefault('0s').describe('Over how long traffic goes back; 0s for one move.') })
      .transform(({ over }) => ({ overMs: over }))
      .prefault({})
      .describe('How traffic goes back.'),
    verify: verify.describe('What is looked at before users come, and after the last step.'),
    confirm: confirm
      .optional()
      .describe('Who has a say before each step takes effect: an answer of 2xx lets it, any other makes it wait.'),
    afterPromotion: z
      .enum(['keep', 'return'])
      .default('keep')
      .describe(
        'Whether the candidate is the active pool from then on, or gives the traffic back when the file says that the other pool has its version too and that one is verified.',
      ),
    trigger: z
      .enum(['manual', 'version-change'])
      .default('manual')
      .describe("Whether an edit of a pool's `version` starts a rollout to it."),
    onNewVersion: z
      .enum(['restart', 'queue', 'reject'])
      .default('reject')
      .describe('What a start does while a rollout runs.'),
    group: name
      .optional()
      .describe('The group of services that roll together and back together; started with `--group`.'),
    onFreeze: z.enum(['pause', 'continue']).default('pause').describe('What a running rollout does in a freeze.'),
  })
  .transform((value, context) => {
    const steps = value.steps?.map(({ weight, ...rest }) => ({
      share: weight,
      holdMs: 'hold' in rest ? (rest.hold ?? value.hold) : value.hold,
      minRequests: 'minRequests' in rest ? (rest.minRequests ?? value.minRequests) : value.minRequests,
      approve: 'approve' in rest && rest.approve,
      verify: 'verify' in rest && rest.verify,
      group: 'match' in rest ? (rest.match ?? null) : null,
      endpoints: 'endpoints' in rest ? (rest.endpoints ?? null) : null,
      ...('flags' in rest && rest.flags !== undefined ? { flags: rest.flags } : {}),
    }));
    steps?.forEach((one, index) => {
      const message = stepProblem(steps, index);
      if (message === undefined) return;
      const params = { allowed: 'shares that grow, the last one 100%, and each with something to wait for' };
      context.issues.push({ code: 'custom', message, input: one, path: ['steps', index], params });
    });
    const { hold, bake, keep, increment, rollback: back, ...rest } = value;
    if (increment === 0) {
      const params = { allowed: 'a share over 0%' };
      context.issues.push({ code: 'custom', message: 'never arrives', input: '0%', path: ['increment'], params });
    }
    if (value.maxFailedRequests !== undefined && (value.plan === 'one-box' || value.plan === 'all-at-once')) {
      const params = { allowed: 'a plan whose first weight is open: canary, linear or blue-green' };
      const message = `has no weight to pick in a ${value.plan} plan`;
      context.issues.push({
        code: 'custom',
        message,
        input: value.maxFailedRequests,
        path: ['maxFailedRequests'],
        params,
      });
    }
    return { ...rest, steps, increment, holdMs: hold, bakeMs: bake, keepMs: keep, rollbackOverMs: back.overMs };
  });

type WrittenStep = {
  readonly share: number;
  readonly approve: boolean;
  readonly group: unknown;
  readonly endpoints: number | null;
};

function stepProblem(steps: readonly WrittenStep[], index: number): string | undefined {
  const one = steps[index]!;
  const isLast = index === steps.length - 1;
  if (index > 0 && one.share < steps[index - 1]!.share) return 'is smaller than the step before it';
  if (isLast && one.share !== 1) return 'is the last step and not 100%';
  if (isLast && one.approve) return 'waits for approval, and nothing follows it';
  if (isLast && one.endpoints !== null) return 'is the last step and does not use the whole pool';
  return one.share === 0 && !one.approve && one.group === null
    ? 'sends nobody to the candidate and waits for nobody'
    : undefined;
}

/** What stands under `badEvents:` of a service. */
export const badEvents = z
  .strictObject({
    statuses: z
      .array(
        z.union([
          z.enum(['4xx', '5xx', '3xx', '2xx', '1xx']),
          z.int().min(100).max(599).meta({ allowed: 'a status from 100 to 599' }),
        ]),
      )
      .default(['5xx'])
      .describe('Statuses that count as failed; of `4xx`, 401, 404 and 429 count only if they are named.'),
    failures: z
      .array(z.enum(['timeout', 'connect', 'reset', 'protocol', 'unavailable']))
      .default(['timeout', 'connect', 'reset', 'protocol', 'unavailable'])
      .describe('Failures without a status that count.'),
    slowerThan: duration().optional().describe('Exchanges that take this long count as failed too.'),
  })
  .transform(({ slowerThan, ...rest }) => ({ ...rest, slowerThanMs: slowerThan ?? null }))
  .prefault({});
