/**
 * Everything about releases, put together for the control plane: what runs, what waits to go back, what is frozen, and who
 * is told.
 *
 * The parts own their state and none of them knows the control plane. Here is who may ask whom, and the one clock that all of
 * them go by: time in which the process was suspended counts for nothing.
 */
import { performance } from 'node:perf_hooks';
import type { Config } from '../config/schema.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { FlagGuards } from './flag-guards.ts';
import { FlagRecent } from './flag-recent.ts';
import { FlagRollouts, type FlagRolloutsOptions } from './flag-rollouts.ts';
import type { BesideFlag } from './flag-views.ts';
import type { Flags } from './flags.ts';
import { FreezeStore } from './freeze-store.ts';
import { Freezes } from './freezes.ts';
import { Notifications, type NotificationsOptions } from './notifications.ts';
import { Releases } from './releases.ts';
import { Returns } from './returns.ts';
import { releaseOf } from './rollout-glance.ts';
import type { RolloutStore } from './rollout-store.ts';
import { Rollouts, type RolloutsOptions } from './rollouts.ts';
import type { StateStore } from './state-store.ts';
import { StepFlags } from './step-flags.ts';
import { startForVersions, versionChanges } from './version-change.ts';

/** The most that a tick counts for. */
const TICK_MAX_MS = 1_000;

export interface ReleaseControlOptions
  extends Omit<RolloutsOptions, 'confirmations' | 'frozen' | 'store' | 'guards' | 'stepFlags'>,
    Pick<NotificationsOptions, 'epochOf' | 'returnTo' | 'isStopping'> {
  readonly file: StateStore;
  readonly store: RolloutStore;
  /** The config as it is written, which has the webhooks and the windows of freezes. */
  readonly written: () => Config;
  readonly snapshot: () => Snapshot | null;
  readonly flags: FlagRolloutsOptions['flags'] & Pick<Flags, 'killByGuard'>;
}

export class ReleaseControl {
  readonly rollouts: Rollouts;
  readonly flagRollouts: FlagRollouts;
  readonly releases: Releases;
  readonly freezes: Freezes;
  readonly notifications: Notifications;
  readonly guards: FlagGuards;
  readonly #returns: Returns;
  readonly #flagRecent: FlagRecent;
  readonly #store: RolloutStore;
  #tickedAt = performance.now();

  constructor(options: ReleaseControlOptions) {
    const { file, store, events, log, now, written } = options;
    this.#store = store;
    const rollouts = (): Rollouts => this.rollouts;
    this.notifications = new Notifications({ ...options, store: file, rollouts, config: written });
    const windows = () => written().freeze;
    this.freezes = new Freezes({ store: new FreezeStore(file), events, log, windows, now });
    const frozen = () => this.freezes.frozen();
    this.#flagRecent = new FlagRecent(options.snapshot);
    this.guards = new FlagGuards({
      ...options,
      kill: (flag, decision) => options.flags.killByGuard(flag, decision),
      releaseOf: (service) => releaseOf(this.rollouts.running(service)),
      startOver: (service, why) => this.rollouts.running(service)?.startOver(why),
      clock: () => performance.now(),
    });
    const { guards } = this;
    const isRolling = (flag: string) => this.flagRollouts.running(flag) !== undefined;
    const running = () => this.rollouts.lastOfAll().filter(({ endedAt }) => endedAt === null);
    const stepFlags = new StepFlags({ ...options, isRolling, running });
    const { confirmations } = this.notifications;
    this.rollouts = new Rollouts({ ...options, guards, confirmations, stepFlags, frozen });
    const guardOf: FlagRolloutsOptions['guardOf'] = (flag) => guards.word(flag);
    const trafficOf = (flag: string) => this.#flagRecent.of(flag);
    this.flagRollouts = new FlagRollouts({ ...options, config: written, frozen, guardOf, trafficOf });
    this.#returns = new Returns({ ...options, rollouts: this.rollouts, frozen });
    this.releases = new Releases(this.rollouts, this.flagRollouts, store, options.isStopping, (service) =>
      guards.seenBy(service),
    );
  }

  /** What its guard says of a flag, and the rollout of it that runs. */
  besideFlag(flag: string): BesideFlag {
    return { guard: this.guards.view(flag), rollout: this.flagRollouts.glance(flag) };
  }

  /** How often the state file did not take something of these. */
  get storeErrors(): number {
    return this.#store.errors + this.notifications.storeErrors;
  }

  /** Goes on with what an earlier process left. To be called once, when gates and flags stand. */
  restore(): void {
    this.rollouts.restore();
    this.flagRollouts.restore();
  }

  /** Takes over a config that has come into force. */
  follow(config: Config): void {
    this.rollouts.follow(config);
    this.notifications.follow(config);
    this.guards.follow();
  }

  /** Starts what the new versions of a reload start, and says what became of each. */
  reloaded(before: Config, after: Config, by: string): ReturnType<typeof startForVersions> {
    return startForVersions(this.rollouts, versionChanges(before, after, this.#returns), by);
  }

  /** To be called often. */
  tick(): void {
    const nowMs = performance.now();
    const ms = Math.min(nowMs - this.#tickedAt, TICK_MAX_MS);
    this.rollouts.tick(ms);
    this.flagRollouts.tick(ms);
    this.#flagRecent.tick(ms);
    this.#tickedAt = nowMs;
    this.guards.tick();
    this.notifications.tick();
  }

  /** To be called every second or so. */
  tickSlowly(): void {
    this.freezes.tick();
    this.#returns.tick();
  }

  /** Resolves when what is under way has ended. */
  close(): Promise<void> {
    this.rollouts.close();
    this.flagRollouts.close();
    this.guards.close();
    this.#returns.close();
    return this.notifications.close();
  }
}
