/** The rollouts of flags over `FlagStage`: the test lets time pass, is the guard, and freezes. */
import { type Logger, pino } from 'pino';
import type { EventLog } from '../../../src/control/event-log.ts';
import type { FlagStartOrder } from '../../../src/control/flag-aim.ts';
import { guardSettings, readGuard } from '../../../src/control/flag-guard-settings.ts';
import type { GuardWord } from '../../../src/control/flag-judgement.ts';
import type { FlagReleases } from '../../../src/control/flag-releases.ts';
import { FlagRollouts } from '../../../src/control/flag-rollouts.ts';
import type { RolloutView } from '../../../src/control/operations.ts';
import { Releases } from '../../../src/control/releases.ts';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import { RolloutStore } from '../../../src/control/rollout-store.ts';
import type { Rollouts } from '../../../src/control/rollouts.ts';
import { StepFlags } from '../../../src/control/step-flags.ts';
import type { PresentTraffic } from '../../../src/judge/detectability.ts';
import type { Verdict } from '../../../src/judge/verdict.ts';
import { done, FlagStage, flagConfig } from './flag-stage.ts';
import { settled } from './run-stage.ts';

export const PLANNED =
  'checkout: { strategy: percentage, value: 1, rollout: { steps: [5%, 50%, 100%], hold: 10m, bake: 15m } }';
export const MINUTE = 60_000;

const NO_TRAFFIC: PresentTraffic = { requests: 0, bad: 0, seconds: 0 };

const NO_FLAGS = {
  entry: () => undefined,
  onReceipt: () => {},
  moveShare: () => Promise.reject(new Error('no flags')),
};

/** What sets the flags of steps where there are none. */
export function withoutStepFlags(): StepFlags {
  return new StepFlags({ flags: NO_FLAGS, isRolling: () => false, running: () => [], inTurn: (work) => work() });
}

/** The rollouts of no flags, for tests of services. */
export function withoutFlags(
  store: RolloutStore,
  { events, log }: { readonly events: EventLog; readonly log: Logger },
): FlagRollouts {
  return new FlagRollouts({
    flags: NO_FLAGS,
    guardOf: () => null,
    trafficOf: () => NO_TRAFFIC,
    config: () => flagConfig(),
    store,
    events,
    log,
    inTurn: (work) => work(),
    frozen: () => null,
    now: () => 0,
  });
}

export class FlagRolloutStage {
  readonly stage: FlagStage;
  readonly rollouts: FlagRollouts;
  readonly releases: FlagReleases;
  guard: GuardWord | null = null;
  /** What its flags have had lately. */
  traffic: PresentTraffic = NO_TRAFFIC;
  frozen: string | null = null;

  /** `before` is a stage whose state file it goes on with. */
  constructor(flags: readonly string[] = [PLANNED], path = ':memory:') {
    this.stage = new FlagStage(path);
    const { stage } = this;
    const store = new RolloutStore(stage.store);
    this.rollouts = new FlagRollouts({
      flags: stage.flags,
      guardOf: () => this.guard,
      trafficOf: () => this.traffic,
      config: () => stage.config,
      store,
      events: stage.events,
      log: pino({ level: 'silent' }),
      inTurn: (work) => work(),
      frozen: () => this.frozen,
      now: () => stage.nowMs,
    });
    const none = { warmUntil: () => null, isQueued: () => false, questionOf: () => null };
    const all = new Releases(none as unknown as Rollouts, this.rollouts, store, () => false);
    this.releases = all.flags;
    stage.rolloutOf = (flag) => this.rollouts.glance(flag);
    stage.apply(flagConfig(...flags));
    this.rollouts.restore();
  }

  async start(order: Partial<FlagStartOrder> = {}, flag = 'checkout'): Promise<RolloutView> {
    const view = done(this.releases.start(flag, { again: false, ...order }, { by: 'ana', reason: '', ifEpoch: null }));
    await settled();
    return view;
  }

  /** Lets time pass, in ticks of a minute. */
  async pass(minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes; minute += 1) {
      this.rollouts.tick(MINUTE);
      await settled();
    }
  }

  async command(command: Parameters<FlagReleases['command']>[1], flag = 'checkout'): Promise<unknown> {
    const answer = this.releases.command(flag, command, { by: 'bob', reason: '', ifEpoch: null });
    await settled();
    return answer;
  }

  record(flag = 'checkout'): RolloutRecord {
    return this.rollouts.last(flag)!;
  }

  /** Where the rollout is, and the share of the flag in percent. */
  where(flag = 'checkout'): readonly [phase: string, share: number | null] {
    return [this.record(flag).rollout.phase, done(this.stage.flags.get(flag)).share];
  }
}

/** What a guard says. */
export function guardWord(kind: Verdict['kind'], rest: Partial<GuardWord> = {}): GuardWord {
  return {
    rests: null,
    dryRun: false,
    settings: guardSettings(readGuard({}), [], null),
    requestsAt: () => 0,
    verdict: { kind, decidedBy: null, sentence: `${kind}, it says`, signals: [] },
    ...rest,
  };
}
