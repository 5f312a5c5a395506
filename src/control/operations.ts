/**
 * What can be asked of the control plane: the one surface that the admin API, the tests and the process itself call.
 *
 * Operations that change something answer with a value, never with an exception: a `Receipt` or a `Refusal` that says
 * why nothing was changed. Views are plain data, ready for JSON, and hold no secret.
 */
import type { Problem } from '../config/problem.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { Pause, Phase } from '../rollout/rollout.ts';
import type { StartRefusal } from '../rollout/starting.ts';
import type { RefusalCode } from '../rollout/transition.ts';
import type { Group } from '../routing/group.ts';
import type { SeenFlag } from './flag-guard-view.ts';
import type { FlagOperations } from './flag-operations.ts';
import type { LinkOperations } from './notify-operations.ts';
import type { MetricsSource } from './published.ts';
import type { OpenQuestion, RolloutBond, RolloutGlance, RolloutOperations } from './rollout-operations.ts';
import type { PlanOverrides } from './rollout-settings.ts';
import type { Verification } from './verification.ts';

export type { Explanation, Moment } from './explanation.ts';
export type { FlagStartOrder } from './flag-aim.ts';
export type {
  FlagInstruction,
  FlagOperations,
  FlagReceipt,
  FlagStand,
  FlagToImport,
  FlagView,
} from './flag-operations.ts';
export type { FlagPreview } from './flag-preview.ts';
export type { Forecast, RolloutForecast } from './forecast.ts';
export type { ConfirmationFigures, LinkOperations, LinkView, WebhookFigures } from './notify-operations.ts';
export type { MetricsSource, SeriesEntry } from './published.ts';
export type {
  FlagRolloutGlance,
  FlagRolloutOperations,
  GroupForecast,
  GroupView,
  LogPart,
  OpenQuestion,
  Retrial,
  RolloutBond,
  RolloutGlance,
  RolloutOperations,
} from './rollout-operations.ts';

/** Weights by pool; pools that are not named have weight 0. */
export type Weights = Readonly<Record<string, number>>;

/** Who wants a change, and on what condition. */
export interface Instruction {
  /** A name for people: `cli`, `api`, `file`, a token's name. */
  readonly by: string;
  /** Why, in the instructor's words; empty if not said. */
  readonly reason: string;
  /** The epoch that the gate must stand at, or the revision of the flag; null for any. */
  readonly ifEpoch: number | null;
}

/** Why a gate moved, as the metric label `reason`. */
export type MoveReason = 'start' | 'file' | 'traffic' | 'flip' | 'rollback' | 'rollout';

/** The account of one traffic change. Counts of the earlier position are final once `drained` is not null. */
export interface Receipt {
  readonly service: string;
  readonly epoch: number;
  readonly from: Weights;
  readonly to: Weights;
  /** When the gate moved, ISO 8601. */
  readonly at: string;
  /** From the call to the moment after which no thread routes by the earlier position, in milliseconds. */
  readonly appliedMs: number;
  readonly reason: MoveReason;
  readonly note: string;
  readonly by: string;
  /** Exchanges that the earlier position had routed and that had not ended when the gate moved. */
  readonly inFlight: number;
  /** When the last of them ended, ISO 8601; null while some are still going on. */
  readonly drained: string | null;
  /** How many of them were cut short, so far. */
  readonly lost: number;
  /** How many of those the drain has ended after its deadline. */
  readonly ended: number;
  /** Whether the state file has it. False: traffic has moved, and a restart before the file can be written forgets it. */
  readonly stored: boolean;
}

/** What may be asked about the state file. */
export interface StateView {
  readonly file: string;
  /** Whether the last write succeeded. */
  readonly writable: boolean;
  /** Why not, as a sentence; null while it is writable. */
  readonly problem: string | null;
  /** Since when, ISO 8601; null while it is writable. */
  readonly since: string | null;
  /** Positions, receipts and events that are in memory only, and are written as soon as that is possible. */
  readonly unkept: number;
  /** Where damaged files were moved to since the start, oldest first. */
  readonly setAside: readonly string[];
}

/** A change that was not made. `code` is stable for scripts. */
export interface Refusal {
  readonly refused: true;
  readonly code:
    | 'unknown-service'
    | 'unknown-pool'
    | 'bad-weights'
    | 'epoch-mismatch'
    | 'no-healthy-endpoint'
    | 'ambiguous-target'
    | 'nothing-to-roll-back'
    | 'no-active-pool'
    | 'already-active'
    | 'bad-plan'
    | 'over-budget'
    | 'version-mismatch'
    | 'no-rollout'
    | 'unknown-group'
    | 'group-refused'
    | 'bad-link'
    | 'link-expired'
    | 'link-used'
    | 'link-stale'
    | 'bad-freeze'
    | 'bad-flag'
    | 'unknown-flag'
    | 'too-many-flags'
    | 'flag-in-file'
    | 'flag-required'
    | 'resalt'
    | 'revision-mismatch'
    | 'not-killed'
    | 'flag-killed'
    | 'no-share'
    | 'not-applied'
    | 'not-frozen'
    | StartRefusal
    | RefusalCode
    | 'unknown-receipt'
    | 'config-rejected'
    | 'stopping'
    | 'state-store';
  readonly message: string;
  readonly details?: unknown;
}

export function isRefusal(answer: object): answer is Refusal {
  return 'refused' in answer;
}

/** The last `windowS` seconds of one version. Shares are from 0 to 1; times are null when nothing was served. */
export interface LiveFigures {
  readonly windowS: number;
  readonly requestsPerSecond: number;
  readonly errorShare: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** An endpoint that is out of use because it failed requests. */
export interface EjectionView {
  /** `shut`: for a time; `probing`: that time is over, and one request will show whether it is used again. */
  readonly state: 'shut' | 'probing';
  /** When that time is over, ISO 8601; null once it is. */
  readonly until: string | null;
  readonly reason: 'consecutive-failures' | 'success-ratio' | 'probe';
  /** Ejections in a row, at least 1: each lasts twice as long as the one before. */
  readonly row: number;
}

export interface EndpointView {
  readonly address: string;
  readonly weight: number;
  /** What it stands in with now: less than `weight` during a slow start. */
  readonly effectiveWeight: number;
  /** `admitted`: not yet proven; `up` and `down`: by health checks; without checks it stays `admitted`. */
  readonly health: 'admitted' | 'up' | 'down';
  /** Whether requests are sent there: health and ejection allow it, or a panic overrules ejection. */
  readonly admitting: boolean;
  /** Null while it is not ejected. */
  readonly ejection: EjectionView | null;
  /** What the last check said, for people; null before the first. */
  readonly lastCheck: { readonly at: string; readonly ok: boolean; readonly detail: string } | null;
  readonly inFlight: number;
  readonly connections: number;
  readonly idle: number;
  readonly queued: number;
}

export interface PoolView {
  readonly name: string;
  readonly version: string;
  readonly weight: number;
  /** weight / sum of weights, 0 to 1. */
  readonly share: number;
  /** `active` and `candidate` hold traffic; `draining` has none but still works; `idle` has none and does nothing. */
  readonly state: 'serving' | 'draining' | 'idle';
  readonly inFlight: number;
  readonly tunnels: number;
  /** Too little of the pool admits requests, so that its ejected endpoints are used all the same. */
  readonly panic: boolean;
  /** From when on a draining pool's remaining exchanges are ended, ISO 8601; null when not draining. */
  readonly drainDeadline: string | null;
  /** How many that drain has ended so far. */
  readonly drainEnded: number;
  /** Since the process started. */
  readonly requests: number;
  readonly errors: number;
  readonly live: LiveFigures;
  readonly endpoints: readonly EndpointView[];
}

export interface ServiceView {
  readonly name: string;
  readonly epoch: number;
  readonly traffic: Weights;
  /** The position that `rollback` would return to, or null. */
  readonly previous: Weights | null;
  /** The pool that may save what the others fail, as long as it has weight; null when none has. */
  readonly active: string | null;
  /** Who moved the gate to where it stands, when and why. */
  readonly since: { readonly at: string; readonly by: string; readonly reason: MoveReason; readonly note: string };
  /** Whether the state file has this position; false: a restart now would forget it. */
  readonly stored: boolean;
  /** The rollout that runs; null when none does. */
  readonly rollout: RolloutGlance | null;
  readonly pools: readonly PoolView[];
}

export interface ConfigView {
  readonly file: string;
  readonly generation: number;
  readonly loadedAt: string;
  /** The text in force, with secrets replaced. */
  readonly text: string;
  readonly lastReload: {
    readonly at: string;
    readonly result: 'applied' | 'unchanged' | 'rejected';
    readonly changes: readonly string[];
    readonly problems: readonly Problem[];
  };
}

export interface ReloadAnswer {
  readonly result: 'applied' | 'unchanged';
  readonly generation: number;
  readonly changes: readonly string[];
  /** Problems of severity `warning` in the file that is now in force. */
  readonly problems: readonly Problem[];
}

/** One entry of the event log. `id` grows by one, across restarts. */
export interface TidegateEvent {
  readonly id: number;
  readonly at: string;
  /** `traffic`, `reload`, `health`, `ejection`, `names`, `thread`, `drain`, `rollout`, `freeze`, `flag`, `webhook`, `state`, `start`, `stop`. */
  readonly kind: string;
  /** The service it is about, or null. */
  readonly service: string | null;
  /** One sentence for people. */
  readonly text: string;
  readonly data: unknown;
}

/** A rollout as others see it; times in milliseconds, shares from 0 to 1. */
export interface RolloutView {
  readonly id: number;
  /** Of a flag `flag NAME`. */
  readonly service: string;
  /** The flag whose share is moved; null for a service. */
  readonly flag: string | null;
  readonly active: string;
  readonly candidate: string;
  readonly version: string;
  readonly plan: string;
  readonly phase: Phase;
  /** Number of the present step, from 1. */
  readonly step: number;
  readonly steps: readonly {
    readonly share: number;
    readonly holdMs: number;
    readonly minRequests: number;
    readonly approve: boolean;
    /** Who is let in whatever the share; null for nobody. */
    readonly group: Group | null;
    /** How many endpoints of the candidate are used; null for all. */
    readonly endpoints: number | null;
    /** Flags that it sets, as shares from 0 to 1 by name. */
    readonly flags?: Readonly<Record<string, number>>;
  }[];
  readonly bakeMs: number;
  /** The candidate's share of what it and the active pool have together. */
  readonly share: number;
  /** Time that counts in the present hold or bake. */
  readonly elapsedMs: number;
  /** Why it is paused: who or what did it; null when it is not. */
  readonly pausedBy: Pause['by'] | null;
  readonly isHalted: boolean;
  /** The last thing that was decided and why. */
  readonly reason: string;
  readonly startedAt: string;
  readonly startedBy: string;
  readonly endedAt: string | null;
  readonly ranMs: number;
  /** What the judge says, with all its numbers; null before its first look. */
  readonly verdict: Verdict | null;
  /** Why time alone decides; null where somebody judges, and when it has ended. */
  readonly unjudged: string | null;
  readonly verification: Verification | null;
  /** Until when the pool that was active before counts as warm, after a success: one move goes back. ISO 8601, or null. */
  readonly warmUntil: string | null;
  /** Whether another rollout waits for the end of this one. */
  readonly isQueued: boolean;
  /** Guarded flags that users of the service have while it runs: both arms in each version, and who would be to blame. */
  readonly flags?: readonly SeenFlag[];
  /** Those that it was started together with; null for one that rolls alone. */
  readonly group: RolloutBond | null;
  /** The service of the group that it was taken back with; null when it was not. */
  readonly takenBackWith: string | null;
  /** Why its success was taken back while the earlier pool was warm; null when it was not. */
  readonly undone: string | null;
  /** The confirmation that its step waits for; null when it waits for none. */
  readonly confirmation: OpenQuestion | null;
}

/** What a start of a rollout says; what is left out is as the file has it. */
export interface StartOrder extends PlanOverrides {
  /** The candidate; null for the only pool that is not active. */
  readonly to: string | null;
  /** What the candidate must have as its version in the file; null for anything. */
  readonly version: string | null;
  /** Also when this version was rolled back the last time. */
  readonly again: boolean;
  /** How many failed requests a bad candidate may cost; picks the first weight in place of what the file says. */
  readonly maxFailedRequests?: number;
  /** Also when its service belongs to a group, without the others of it. */
  readonly alone?: boolean;
}

/** A freeze that somebody declares. */
export interface FreezeOrder {
  readonly reason: string;
  /** When it is over by itself, in milliseconds since 1970; null for when somebody ends it. */
  readonly untilMs: number | null;
}

/** Whether rollouts may be begun. */
export interface FreezeView {
  /** Why not, in words; null when they may. */
  readonly frozen: string | null;
  /** What somebody has declared; `stored`: a restart now would remember it. */
  readonly declared: {
    readonly reason: string;
    readonly by: string;
    readonly at: string;
    readonly until: string | null;
    readonly stored: boolean;
  } | null;
  /** The windows of the config. */
  readonly windows: readonly { readonly window: string; readonly reason: string; readonly isOpen: boolean }[];
}

/** Keeping rollouts from being begun. */
export interface FreezeOperations {
  view(): FreezeView;
  declare(order: FreezeOrder, instruction: Instruction): FreezeView | Refusal;
  /** Ends what was declared; windows of the config stay. */
  end(instruction: Instruction): FreezeView | Refusal;
}

/** The control plane as others see it. */
export interface Operations {
  services(): readonly ServiceView[];
  service(name: string): ServiceView | Refusal;
  state(): StateView;
  setTraffic(service: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal>;
  /** Without `to`: to the only other pool; refused when there are several. */
  flip(
    service: string,
    options: { readonly to: string | null; readonly verify: boolean },
    instruction: Instruction,
  ): Promise<Receipt | Refusal>;
  rollback(service: string, instruction: Instruction): Promise<Receipt | Refusal>;
  readonly rollouts: RolloutOperations;
  readonly links: LinkOperations;
  readonly freezes: FreezeOperations;
  readonly flags: FlagOperations;
  receipt(service: string, epoch: number): Receipt | Refusal;
  config(): ConfigView;
  /** Checks a text as if it were the config file, without any effect. */
  validate(text: string): readonly Problem[];
  reload(instruction: Instruction): Promise<ReloadAnswer | Refusal>;
  /** Events after `id`, oldest first, at most `limit`. */
  eventsSince(id: number, limit: number): readonly TidegateEvent[];
  /** Calls back for each new event until the returned function is called. */
  onEvent(listener: (event: TidegateEvent) => void): () => void;
  /** `warnings` keep nobody from sending traffic here: it is served, and something else needs a look. */
  readiness(): { readonly ready: boolean; readonly reasons: readonly string[]; readonly warnings: readonly string[] };
  metrics(): MetricsSource;
}
