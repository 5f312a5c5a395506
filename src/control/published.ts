/**
 * What is published of Tidegate beside the views: everything that /metrics needs, at the moment of a call.
 *
 * Numbers that threads write stay on the board and travel as blocks of shared memory; what the control plane knows is plain
 * data. It belongs to `operations.ts`, which hands it on, and is apart from it for its length only.
 */
import type { Verdict } from '../judge/verdict.ts';
import type { Ending, Phase } from '../rollout/rollout.ts';
import type { FlagSeriesEntry } from './board.ts';
import type { ExposureResult } from './exposures.ts';
import type { FlagHow } from './flag-operations.ts';
import type { ConfirmationFigures, WebhookFigures } from './notify-operations.ts';
import type { MoveReason, StateView } from './operations.ts';

/** One series of the board with the labels that it is published under. Pool and version are '' where none was chosen. */
export interface SeriesEntry {
  readonly service: string;
  readonly pool: string;
  readonly version: string;
  readonly board: SharedArrayBuffer;
}

/** What is published of flags. */
export interface FlagFigures {
  /** Pairs of variant and reason that were given at least once. */
  readonly evaluations: readonly {
    readonly flag: string;
    readonly variant: string;
    readonly reason: string;
    readonly count: number;
  }[];
  /** Since the process started. */
  readonly changes: readonly { readonly flag: string; readonly how: FlagHow; readonly count: number }[];
  /** `share`: of all keys, how many it is on for, 0 to 1; null where it is on for those whom it lists. */
  readonly flags: readonly { readonly flag: string; readonly killed: boolean; readonly share: number | null }[];
}

/** What is published of the guard of a flag: its verdict, and by signal the evidence against the treatment and what kills it. */
export interface FlagGuardFigures {
  readonly flag: string;
  readonly verdict: Verdict['kind'];
  readonly unheard: number;
  readonly evidence: readonly { readonly signal: string; readonly value: number; readonly needed: number }[];
}

/** What /metrics needs beyond the views, all at the moment of the call. */
export interface MetricsSource {
  /** Series of the configuration in force and those that still drain; services sorted by name. */
  readonly series: readonly SeriesEntry[];
  readonly endpoints: readonly {
    readonly service: string;
    readonly pool: string;
    readonly endpoint: string;
    readonly board: SharedArrayBuffer;
  }[];
  readonly listeners: readonly { readonly name: string; readonly board: SharedArrayBuffer }[];
  /** What is under way in each pool, and in the whole process, whose names are ''; `max` is null where there is no limit. */
  readonly inFlight: readonly {
    readonly service: string;
    readonly pool: string;
    readonly max: number | null;
    readonly board: SharedArrayBuffer;
  }[];
  /** The counters of what was shed. */
  readonly overload: SharedArrayBuffer;
  /** What becomes of requests by the variants of flags, and what flags do beside that; null where the config has none. */
  readonly flagTraffic: {
    readonly series: readonly (FlagSeriesEntry & { readonly board: SharedArrayBuffer })[];
    readonly tally: SharedArrayBuffer;
    readonly exposures: { readonly waiting: number; readonly results: Readonly<Record<ExposureResult, number>> };
  } | null;
  /** Routes that may refuse a request by their rules or those of a pool. */
  readonly routes: readonly {
    readonly name: string;
    readonly board: SharedArrayBuffer;
    /** Of its questions to a forward-auth service, or null where it asks none. */
    readonly forwardAuth: SharedArrayBuffer | null;
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly epoch: number;
    readonly pools: readonly {
      readonly name: string;
      readonly version: string;
      readonly share: number;
      readonly panic: boolean;
    }[];
  }[];
  /** The names of endpoints: how many addresses each has, and what came of looking it up. */
  readonly names: readonly {
    readonly name: string;
    readonly addresses: number;
    readonly looks: Readonly<Record<'changed' | 'same' | 'none' | 'failed', number>>;
  }[];
  readonly flags: FlagFigures;
  readonly flagGuards: readonly FlagGuardFigures[];
  readonly webhooks: readonly WebhookFigures[];
  readonly confirmations: readonly ConfirmationFigures[];
  /** Each service of the config: its last rollout, and how those that ended since the start have ended. */
  readonly rollouts: readonly {
    readonly service: string;
    readonly outcomes: Readonly<Record<Ending, number>>;
    /** How often it was taken back with another service of its group. */
    readonly takenAlong: number;
    readonly last: {
      /** How many services of its group it waits for. */
      readonly waitsFor: number;
      readonly phase: Phase;
      /** From 1. */
      readonly step: number;
      readonly steps: number;
      readonly verdict: Verdict['kind'];
      readonly evidence: readonly { readonly signal: string; readonly value: number; readonly needed: number }[];
    } | null;
  }[];
  /** Each flag that has had a rollout: where its last one is, and how those that ended since the start have ended. */
  readonly flagRollouts: readonly {
    readonly flag: string;
    readonly outcomes: Readonly<Record<Ending, number>>;
    readonly phase: Phase;
    /** From 1. */
    readonly step: number;
    readonly steps: number;
  }[];
  /** Signals of the config that are read from elsewhere: how often, and their last numbers. */
  readonly signals: readonly {
    readonly service: string;
    readonly signal: string;
    readonly reads: Readonly<Record<'ok' | 'nothing' | 'failed', number>>;
    readonly candidate: number | null;
    readonly active: number | null;
  }[];
  /** Gate moves since the process started, by service and reason. */
  readonly gateMoves: readonly { readonly service: string; readonly reason: MoveReason; readonly count: number }[];
  readonly reloads: Readonly<Record<'applied' | 'unchanged' | 'rejected', number>>;
  readonly lastReloadSuccess: boolean;
  readonly generation: number;
  readonly threads: readonly {
    readonly thread: number;
    readonly utilization: number;
    readonly lagMs: number;
    readonly accessLogDropped: number;
    readonly replayBytes: number;
    readonly replayRefused: number;
  }[];
  readonly threadReplacements: number;
  /** Pieces of the log, its own lines and access log lines, that standard output did not take. */
  readonly logDropped: number;
  /** Events, positions and receipts that the state file did not take when it was asked to. */
  readonly stateStoreErrors: number;
  readonly state: StateView;
}
