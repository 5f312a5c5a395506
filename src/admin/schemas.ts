/**
 * What goes into the admin API and what comes out, once: the same zod schemas check requests, give the handlers their
 * types, and become the OpenAPI document.
 *
 * Requests are strict: a key that is not known is refused, because a misspelt `verfy: false` that is ignored is worse than
 * an error. Answers are not checked at run time (they come from our own code, and a check could only turn an answer into an
 * error); the compiler holds each schema to the type in `control/operations.ts`, and tests hold real answers to the schema.
 */
import { z } from 'zod';
import type { Problem } from '../config/problem.ts';
import type {
  ConfigView,
  FlagRolloutGlance,
  MoveReason,
  Receipt,
  ReloadAnswer,
  RolloutGlance,
  ServiceView,
  StateView,
  TidegateEvent,
  Weights,
} from '../control/operations.ts';
import { PHASES } from '../rollout/rollout.ts';
import { REASON_CHARACTERS_MAX } from './instruction.ts';

const reason = z
  .string()
  .optional()
  .describe(`Why, for the receipt and the event log; cut to ${REASON_CHARACTERS_MAX} printable characters.`);

const count = z.number().int().min(0);
const instant = z.string().describe('ISO 8601');

/** `{service}` of a path. */
export const serviceParams = z.strictObject({ service: z.string().describe('The name of a service.') });

/** The body of PUT traffic: pool → weight. */
export const trafficBody = z
  .record(z.string(), z.number().min(0))
  .refine((weights) => Object.keys(weights).length > 0, { error: 'names no pool' })
  .describe('Weight by pool. Any non-negative numbers; a share is weight/sum; pools not named get 0.');

/** The body of POST flip. */
export const flipBody = z.strictObject({
  to: z.string().nullish().describe('The pool to move all traffic to; may be left out when there is only one other.'),
  verify: z.boolean().default(true).describe('Whether to refuse when the pool has no healthy endpoint.'),
  reason,
});

/** The body of POST rollback and POST reload. */
export const reasonBody = z.strictObject({ reason });

/** The body of POST validate. */
export const validateBody = z.strictObject({ text: z.string().describe('A config file, as YAML.') });

const epochText = z.string().regex(/^[0-9]{1,15}$/, { error: 'must be a whole number' });

/** `{epoch}` of a receipt's path. */
export const receiptParams = z.strictObject({ epoch: epochText.transform(Number) });

/** The query of a receipt. */
export const receiptQuery = z.strictObject({ service: z.string() });

/** The query of the event stream. */
export const eventsQuery = z.strictObject({
  since: epochText
    .transform(Number)
    .optional()
    .describe('Replays the events after this id first. The header Last-Event-ID goes before it.'),
});

/** Every answer that is an error. */
export const errorAnswer = z
  .object({ error: z.object({ code: z.string(), message: z.string(), details: z.unknown() }) })
  .describe('Why it was not done; `code` is stable for scripts.');

const weights = z.record(z.string(), z.number()) satisfies z.ZodType<Weights>;

const moveReason = z.enum(['start', 'file', 'traffic', 'flip', 'rollback', 'rollout']) satisfies z.ZodType<MoveReason>;

/** The account of a traffic change. */
export const receiptAnswer = z
  .object({
    service: z.string(),
    epoch: count,
    from: weights,
    to: weights,
    at: instant,
    appliedMs: z.number().describe('Until no thread routed by the earlier position any more.'),
    reason: moveReason,
    note: z.string(),
    by: z.string(),
    inFlight: count.describe('Exchanges that the earlier position had routed and that had not ended.'),
    drained: instant.nullable().describe('When the last of them ended; null while some are still going on.'),
    lost: count.describe('How many of them were cut short.'),
    ended: count.describe('How many of those the drain has ended after its deadline.'),
    stored: z.boolean().describe('Whether the state file has it; if not, traffic has moved and a restart forgets it.'),
  })
  .describe('The receipt.') satisfies z.ZodType<Receipt>;

const milliseconds = z.number().nullable();

const liveFigures = z.object({
  windowS: z.number(),
  requestsPerSecond: z.number(),
  errorShare: z.number(),
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  p99Ms: milliseconds,
});

const ejectionView = z.object({
  state: z.enum(['shut', 'probing']),
  until: instant.nullable(),
  reason: z.enum(['consecutive-failures', 'success-ratio', 'probe']),
  row: count,
});

const endpointView = z.object({
  address: z.string(),
  weight: z.number(),
  effectiveWeight: z.number(),
  health: z.enum(['admitted', 'up', 'down']),
  admitting: z.boolean(),
  ejection: ejectionView.nullable(),
  lastCheck: z.object({ at: instant, ok: z.boolean(), detail: z.string() }).nullable(),
  inFlight: count,
  connections: count,
  idle: count,
  queued: count,
});

const poolView = z.object({
  name: z.string(),
  version: z.string(),
  weight: z.number(),
  share: z.number().min(0).max(1),
  state: z.enum(['serving', 'draining', 'idle']),
  inFlight: count,
  tunnels: count,
  panic: z.boolean(),
  drainDeadline: instant.nullable(),
  drainEnded: count,
  requests: count,
  errors: count,
  live: liveFigures,
  endpoints: z.array(endpointView),
});

/** A rollout that runs. */
export const rolloutGlance = z
  .object({
    id: count,
    candidate: z.string(),
    version: z.string(),
    phase: z.enum(PHASES),
    step: count.describe('From 1.'),
    steps: count,
    share: z.number().min(0).max(1),
    elapsedMs: z.number().nullable().describe('Time that counts in the present hold or bake.'),
    untilMs: z.number().nullable().describe('How long that lasts at least.'),
    reason: z.string(),
  })
  .describe('A running rollout in a few words.') satisfies z.ZodType<RolloutGlance>;

/** One service as it stands now. */
export const serviceAnswer = z
  .object({
    name: z.string(),
    epoch: count,
    traffic: weights,
    previous: weights.nullable().describe('What rollback would return to.'),
    active: z.string().nullable().describe('The pool that may save what the others fail; null when none has weight.'),
    since: z.object({ at: instant, by: z.string(), reason: moveReason, note: z.string() }),
    stored: z.boolean().describe('Whether the state file has this position.'),
    rollout: rolloutGlance.nullable().describe('The rollout that runs.'),
    pools: z.array(poolView),
  })
  .describe('The service as it stands now.') satisfies z.ZodType<ServiceView>;

const stateView = z
  .object({
    file: z.string(),
    writable: z.boolean().describe('Whether the last write succeeded.'),
    problem: z.string().nullable().describe('Why not, as a sentence.'),
    since: instant.nullable(),
    unkept: count.describe('Positions, receipts and events that are in memory only.'),
    setAside: z.array(z.string()).readonly().describe('Where damaged files were moved to since the start.'),
  })
  .describe('The state file.') satisfies z.ZodType<StateView>;

const flagRolloutGlance = rolloutGlance.extend({ flag: z.string() }) satisfies z.ZodType<FlagRolloutGlance>;

/** All services, sorted by name, the state file that keeps where they stand, and which flags are rolled out. */
export const servicesAnswer = z
  .object({
    services: z.array(serviceAnswer),
    state: stateView,
    flagRollouts: z.array(flagRolloutGlance).readonly().describe('The rollouts of flags that run.'),
  })
  .describe('All services.');

const problem = z.object({
  file: z.string(),
  line: count,
  column: count,
  path: z.string(),
  message: z.string(),
  value: z.string().exactOptional(),
  allowed: z.string().exactOptional(),
  suggestion: z.string().exactOptional(),
  severity: z.enum(['error', 'warning']),
}) satisfies z.ZodType<Problem>;

/** The config in force and how the last reload went. */
export const configAnswer = z
  .object({
    file: z.string(),
    generation: count,
    loadedAt: instant,
    text: z.string().describe('The text in force, with secrets replaced.'),
    lastReload: z.object({
      at: instant,
      result: z.enum(['applied', 'unchanged', 'rejected']),
      changes: z.array(z.string()),
      problems: z.array(problem),
    }),
  })
  .describe('The config in force.') satisfies z.ZodType<ConfigView>;

/** What a text would be worth as a config file. */
export const validateAnswer = z
  .object({ valid: z.boolean(), problems: z.array(problem) })
  .describe('Whether the text could be put in force; warnings alone do not make it invalid.');

/** What a reload did. */
export const reloadAnswer = z
  .object({
    result: z.enum(['applied', 'unchanged']),
    generation: count,
    changes: z.array(z.string()),
    problems: z.array(problem),
  })
  .describe('What the reload did.') satisfies z.ZodType<ReloadAnswer>;

/** The `data:` of one server-sent event. */
export const eventAnswer = z.object({
  id: count,
  at: instant,
  kind: z.string(),
  service: z.string().nullable(),
  text: z.string(),
  data: z.unknown(),
}) satisfies z.ZodType<TidegateEvent>;

/** The answer of /healthz. */
export const healthAnswer = z.object({ status: z.literal('ok') }).describe('The process is alive.');

/** The answer of /readyz. */
export const readyAnswer = z
  .object({ ready: z.boolean(), reasons: z.array(z.string()), warnings: z.array(z.string()) })
  .describe(
    'Whether Tidegate takes traffic, and if not, why; warnings are worth a look and take nothing out of service.',
  );
