/**
 * Guards over flags as they are, with users that the test sends: arms, ledgers, board and judge are the product's; only the threads,
 * the clock and the release that runs are the test's.
 */
import { pino } from 'pino';
import type { Config } from '../../../src/config/schema.ts';
import { Board } from '../../../src/control/board.ts';
import { EarlyLooks } from '../../../src/control/early-looks.ts';
import type { RunningRelease } from '../../../src/control/flag-blame.ts';
import type { GuardView } from '../../../src/control/flag-guard-view.ts';
import { FlagGuards } from '../../../src/control/flag-guards.ts';
import { buildSnapshot } from '../../../src/control/snapshot-builder.ts';
import { type Arm, armAt } from '../../../src/flags/arm.ts';
import { slotIn } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { PlainContext } from '../../../src/flags/plain-context.ts';
import type { Tally } from '../../../src/judge/recent.ts';
import { FlagGuard, GuardLedgers } from '../../../src/proxy/flag-guard.ts';
import { createGateMemory } from '../../../src/routing/gate.ts';
import type { Snapshot } from '../../../src/routing/snapshot.ts';
import { Bell } from '../../../src/stats/bell.ts';
import { FlagSeriesWriter } from '../../../src/stats/flag-series.ts';
import { FlagStage, flagConfig } from './flag-stage.ts';
import { settled } from './run-stage.ts';

/** How a visit goes, which is well and fast unless it is said. */
export interface Visit {
  readonly pool?: 'blue' | 'green';
  readonly isBad?: boolean;
  readonly durationUs?: number;
}

export class GuardStage extends FlagStage {
  readonly board = new Board(1);
  readonly guards: FlagGuards;
  readonly word = new Int32Array(new SharedArrayBuffer(4));
  readonly bell = new Bell(this.word, 0);
  snapshot!: Snapshot;
  /** Milliseconds that have passed. */
  ms = 0;
  /** The release of the service `shop`, from blue to green; null for none. */
  release: RunningRelease | null = null;
  /** Releases that had to start over, and why. */
  readonly startedOver: string[] = [];
  #evaluator!: FlagEvaluator;
  /** The guards of a data thread, as it has made them ready for the snapshot in force. */
  #threads = new Map<string, FlagGuard>();

  constructor(...flags: readonly string[]) {
    super();
    this.guards = new FlagGuards({
      snapshot: () => this.snapshot,
      config: () => this.config,
      looks: new EarlyLooks({ bell: this.bell, rest: () => () => {} }),
      kill: (flag, decision) => this.flags.killByGuard(flag, decision),
      releaseOf: () => this.release,
      startOver: (service, why) => void this.startedOver.push(`${service}: ${why}`),
      events: this.events,
      log: pino({ level: 'silent' }),
      now: () => this.nowMs + this.ms,
      clock: () => this.ms,
    });
    const problem = this.apply(flagConfig(...flags));
    if (problem !== null) throw new Error(problem);
  }

  override apply(config: Config): string | null {
    const problem = super.apply(config);
    if (problem !== null || this.guards === undefined) return problem;
    const { board } = this;
    const memory = new SharedArrayBuffer(65_536);
    const flags = { specs: this.inForce, countsOf: () => memory, sampleOf: () => memory };
    const gateOf = () => createGateMemory(2);
    this.snapshot = buildSnapshot({ config, generation: 1, board, gateOf, portOf: () => 1, flags });
    this.#evaluator = new FlagEvaluator(this.snapshot.flags);
    this.#threads = new Map();
    this.guards.follow();
    return null;
  }

  /** The arm of a user now, or null. */
  armOf(flag: string, user: string): Arm | null {
    return this.#standing(flag, user)?.arm ?? null;
  }

  /** A user comes; whether whoever watches would be woken for it. */
  visit(flag: string, user: string, { pool = 'blue', isBad = false, durationUs = 1000 }: Visit = {}): boolean {
    const index = this.#evaluator.indexOf(flag);
    const { pools } = this.snapshot.services[0]!;
    const found = pools.find(({ name }) => name === pool)!;
    new FlagSeriesWriter(found.flags[index]![0]!, 0).ended(200, durationUs);
    const standing = this.#standing(flag, user);
    if (standing === null) return false;
    const guard = this.#guardOf(index, pool);
    if (standing.arm === 'treatment') guard.toldOfVersion(0, isBad);
    return guard.record(standing, { isBad, durationUs, signal: () => null });
  }

  /** So many users of an arm come, each another one; gives how many. */
  visits(flag: string, arm: Arm, count: number, visit: Visit = {}, prefix = 'user'): void {
    for (let user = 0, come = 0; come < count; user += 1) {
      if (user > 100_000) throw new Error(`nobody is in ${arm}`);
      if (this.armOf(flag, `${prefix}-${user}`) !== arm) continue;
      this.visit(flag, `${prefix}-${user}`, visit);
      come += 1;
    }
  }

  #standing(flag: string, user: string) {
    const index = this.#evaluator.indexOf(flag);
    const context = new PlainContext({ targetingKey: user });
    const word = this.#evaluator.loadDialAt(index);
    const nowMs = this.nowMs + this.ms;
    const evaluation = this.#evaluator.evaluateAt(index, context, nowMs, word);
    const arm = armAt(this.#evaluator, index, evaluation, context, nowMs, word);
    return arm === null ? null : { arm, slot: slotIn(word), key: user };
  }

  #guardOf(index: number, pool: string): FlagGuard {
    const key = `${index} ${pool}`;
    const { guards } = this.snapshot.services[0]!.pools.find(({ name }) => name === pool)!;
    const made =
      this.#threads.get(key) ??
      new FlagGuard(new GuardLedgers(this.snapshot.flagGuards[index]!), guards[index]!, [], 0);
    this.#threads.set(key, made);
    return made;
  }

  /** Lets `ms` pass and everything be looked at. */
  async tick(ms = 1000): Promise<void> {
    this.ms += ms;
    this.guards.tick();
    await settled();
  }

  view(flag: string): GuardView {
    const view = this.guards.view(flag);
    if (view === null) throw new Error(`${flag} has no guard`);
    return view;
  }

  /** A release from blue to green has counted so much. */
  releases(candidate: Tally, active: Tally, id = '1'): void {
    const sides = { active: 'blue', candidate: 'green', activeVersion: 'v1.0', version: 'v2.0' };
    this.release = { id, ...sides, counted: () => ({ candidate, active }) };
  }
}
