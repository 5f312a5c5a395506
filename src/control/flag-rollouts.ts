/**
 * The rollouts of flags: at most one of each runs.
 *
 * A flag is rolled out by the run and the machine of services (`rollout-run.ts`), in a world of its own: what moves is the share
 * of the flag and no gate, who judges is the flag's guard, and nothing is verified, asked or joined. So its record, its decisions, its
 * events and its end are those of every rollout. It moves the flag by the way on which a person does, so that history,
 * receipts and state of a flag have its steps in their place.
 */
import type { Logger } from 'pino';
import { inEnvironment } from '../config/flag-merge.ts';
import type { WrittenFlagRollout } from '../config/flag-rollout-schema.ts';
import type { Config } from '../config/schema.ts';
import { SHARE_ALL } from '../flags/dial.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { PresentTraffic } from '../judge/detectability.ts';
import { openJudgement } from '../judge/judgement.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Command } from '../rollout/commands.ts';
import { begin } from '../rollout/machine.ts';
import { answerStart, type StartAnswer } from '../rollout/starting.ts';
import type { Told } from '../rollout/transition.ts';
import type { EventLog } from './event-log.ts';
import { aimOfFlag, type FlagAim, type FlagStartOrder, SIDES, shareOfWeights } from './flag-aim.ts';
import type { FlagEntry } from './flag-book.ts';
import { type FlagTurn, turnBy } from './flag-instruction.ts';
import { type GuardWord, judgementOfFlag } from './flag-judgement.ts';
import type { FlagReceipt } from './flag-operations.ts';
import type { Flags } from './flags.ts';
import {
  type FlagRolloutGlance,
  type Instruction,
  isRefusal,
  type MetricsSource,
  type Refusal,
  type RolloutGlance,
} from './operations.ts';
import { refuse } from './rollout-aim.ts';
import { flagRolloutFigures, RolloutOutcomes } from './rollout-figures.ts';
import { glanceOf } from './rollout-glance.ts';
import { newsOf } from './rollout-news.ts';
import { type RolloutRecord, subjectOfFlag } from './rollout-record.ts';
import { RolloutRun } from './rollout-run.ts';
import type { RolloutStore } from './rollout-store.ts';
import { servicesNaming } from './routed-flags.ts';
import type { RunEvidence, RunWorld } from './run-world.ts';

export interface FlagRolloutsOptions {
  readonly flags: Pick<Flags, 'entry' | 'moveShare' | 'onReceipt'>;
  /** What the guard of a flag says; null for a flag without one. */
  readonly guardOf: (flag: string) => GuardWord | null;
  /** What a guarded flag has had lately. */
  readonly trafficOf: (flag: string) => PresentTraffic;
  readonly config: () => Pick<Config, 'flags' | 'environment' | 'routes'>;
  readonly store: RolloutStore;
  readonly events: EventLog;
  readonly log: Logger;
  /** Runs a change in its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Why nothing new is begun now, or null. */
  readonly frozen: () => string | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What is known before a rollout of a flag begins. */
export interface FlagOutlook {
  readonly spec: FlagSpec;
  readonly guard: GuardWord | null;
  readonly traffic: PresentTraffic;
  readonly aim: FlagAim;
  readonly answer: StartAnswer;
}

/** The guard judges, and no signal of a rollout: its record has none. */
const NO_SIGNALS: JudgeSettings = { ...SIDES, falseAlarm: 0.01, falseHealth: 0.05, floor: 0, signals: [] };

const NO_EVIDENCE: RunEvidence = {
  watch: () => {},
  takeNews: () => false,
  sample: () => {},
  stand: () => {},
  errors: () => [],
  latency: () => [],
  signals: [],
  signal: () => [],
  forget: () => {},
};

const NO_FLAGS: RunWorld['flags'] = { before: () => ({}), set: async () => '', back: async () => '' };

const NO_SOURCES: RunWorld['sources'] = { start: () => {}, hasNews: false, take: () => [], stop: () => {} };

export class FlagRollouts {
  readonly #options: FlagRolloutsOptions;
  readonly #running = new Map<string, RolloutRun<FlagReceipt>>();
  /** The last one of each flag that there is, running or ended. */
  readonly #last = new Map<string, RolloutRecord>();
  /** What was said of flags before the rollouts were read back; null from then on. */
  #overruled: Map<string, FlagTurn> | null = new Map();
  readonly #outcomes = new RolloutOutcomes();

  constructor(options: FlagRolloutsOptions) {
    this.#options = options;
    options.flags.onReceipt((receipt) => this.#said(receipt));
  }

  /** Goes on with what an earlier process left. To be called once, when the flags stand. */
  restore(): void {
    const overruled = this.#overruled!;
    this.#overruled = null;
    const kept = this.#options.store.last();
    if (!kept.ok) return;
    for (const record of kept.value) {
      const { flag, endedAt } = record;
      const isOver = endedAt !== null && flag !== null && this.#options.flags.entry(flag) === undefined;
      if (flag !== null && !isOver) this.#last.set(flag, record);
    }
    for (const [flag, record] of this.#last) if (record.endedAt === null) this.#goOn(flag, record, overruled.get(flag));
  }

  #goOn(flag: string, record: RolloutRecord, said: FlagTurn | undefined): void {
    const run = this.#runOf(record);
    this.#options.log.info({ flag, rollout: record.id }, 'a rollout goes on after a restart');
    const turn = said ?? this.#missed(flag, record);
    // An order that is newer than what was under way comes before that is asked for again.
    if (turn.kind === 'superseded') this.#turn(flag, run, turn);
    else {
      run.resume();
      this.#turn(flag, run, turn);
    }
    if (this.#options.flags.entry(flag) === undefined) this.#last.delete(flag);
  }

  /** What was said of the flag and cannot have reached its rollout, because the process ended between the two. */
  #missed(flag: string, { rollout }: RolloutRecord): FlagTurn {
    const entry = this.#options.flags.entry(flag);
    if (entry === undefined) return { kind: 'superseded', why: `there is no flag ${flag} any more` };
    const { since, killed, share } = entry;
    if (killed) return turnBy({ flag, ...since });
    const isMoving =
      rollout.errand?.kind === 'move' || rollout.errand?.kind === 'finish' || rollout.phase === 'rolling-back';
    const stands = share === Math.round(rollout.share * SHARE_ALL);
    return isMoving || stands ? { kind: 'none' } : { kind: 'superseded', why: `${flag} has been moved meanwhile` };
  }

  running(flag: string): RolloutRun<FlagReceipt> | undefined {
    return this.#running.get(flag);
  }

  /** The last rollout of a flag, running or ended. */
  last(flag: string): RolloutRecord | undefined {
    return this.#running.get(flag)?.record ?? this.#last.get(flag);
  }

  /** The one that runs, in a few words; null when none does. */
  glance(flag: string): RolloutGlance | null {
    const run = this.#running.get(flag);
    return run === undefined ? null : glanceOf(run.record, null);
  }

  /** All that run, sorted by flag. */
  glances(): readonly FlagRolloutGlance[] {
    return [...this.#running.keys()].sort().map((flag) => ({ flag, ...this.glance(flag)! }));
  }

  /** What the guard says of a flag; null for one without. */
  guardOf(flag: string): GuardWord | null {
    return this.#options.guardOf(flag);
  }

  /** What /metrics says of each flag that has had a rollout. */
  figures(): MetricsSource['flagRollouts'] {
    return [...this.#last.keys()].sort().map((flag) => flagRolloutFigures(flag, this.last(flag)!, this.#outcomes));
  }

  tick(ms: number): void {
    for (const run of [...this.#running.values()]) run.tick(ms);
  }

  close(): void {
    for (const run of this.#running.values()) run.close();
  }

  /** What a start would do now, whether it would be begun, and what it would be judged by; nothing is done. */
  outlook(name: string, order: FlagStartOrder): FlagOutlook | Refusal {
    const entry = this.#options.flags.entry(name);
    if (entry === undefined) return refuse('unknown-flag', `there is no flag ${name.slice(0, 100)}`);
    const last = this.last(name);
    const past = last === undefined ? null : { rollout: last.rollout, version: last.version };
    const aim = aimOfFlag(entry, this.#written(entry), order);
    if (isRefusal(aim)) return aim;
    const request = { version: aim.version, called: `what ${name} says`, again: order.again, apartFrom: null };
    const answer = answerStart(request, past, this.#options.frozen(), 'reject');
    const { guardOf, trafficOf } = this.#options;
    return { spec: entry.spec, guard: guardOf(name), traffic: trafficOf(name), aim, answer };
  }

  start(name: string, order: FlagStartOrder, { by, ifEpoch }: Instruction): RolloutRecord | Refusal {
    const outlook = this.outlook(name, order);
    if ('refused' in outlook) return outlook;
    const entry = this.#options.flags.entry(name)!;
    if (ifEpoch !== null && ifEpoch !== entry.revision) {
      const message = `${name} is at revision ${entry.revision} and not at ${ifEpoch}`;
      return { refused: true, code: 'revision-mismatch', message, details: { revision: entry.revision } };
    }
    const { aim, answer } = outlook;
    if (answer.kind === 'refuse') return refuse(answer.code, answer.message);
    const begun = begin({ plan: aim.plan, ...SIDES, before: aim.before, by, together: null });
    if (!begun.ok) throw new Error(begun.message);
    const run = this.#runOf({
      id: this.#options.store.lastId + 1,
      service: subjectOfFlag(name),
      flag: name,
      version: aim.version,
      activeVersion: aim.version,
      previous: null,
      startedAt: this.#at(),
      startedBy: by,
      endedAt: null,
      bond: null,
      rollout: begun.rollout,
      settings: NO_SIGNALS,
      scale: null,
      judge: openJudgement(NO_SIGNALS),
      verdict: null,
      ranMs: 0,
      stepEpoch: entry.revision,
      asked: null,
      keepMs: 0,
      undone: null,
      verification: null,
      next: null,
    });
    run.begin(begun.effects);
    return this.last(name)!;
  }

  command(flag: string, command: Command, by: string): RolloutRecord | Refusal {
    const run = this.#running.get(flag);
    if (run === undefined) return this.noRollout(flag);
    const answer = run.command(command, by);
    return answer.ok ? this.last(flag)! : refuse(answer.code, answer.message);
  }

  /** Why nothing can be said or done about a rollout of this flag. */
  noRollout(flag: string): Refusal {
    const last = this.#last.get(flag);
    if (last === undefined && this.#options.flags.entry(flag) === undefined) {
      return refuse('unknown-flag', `there is no flag ${flag.slice(0, 100)}`);
    }
    if (last === undefined) return refuse('no-rollout', `${flag} has no rollout`);
    const { phase, reason } = last.rollout;
    return refuse('no-rollout', `no rollout of ${flag} runs; the last one ended as ${phase}: ${reason}`);
  }

  /** How the flag is to be rolled out: what the file says of a flag that it has, or else what was said at run time. */
  #written({ name, definition }: FlagEntry): WrittenFlagRollout {
    const { flags, environment } = this.#options.config();
    return inEnvironment(flags.get(name) ?? definition, environment).rollout ?? {};
  }

  #said(receipt: FlagReceipt): void {
    const turn = turnBy(receipt);
    const { flag } = receipt;
    if (turn.kind !== 'none') this.#overruled?.set(flag, turn);
    const run = this.#running.get(flag);
    if (run !== undefined) this.#turn(flag, run, turn);
    // Flags come and go at run time, and what is known of those that are gone is in the state file.
    if (receipt.to === null) this.#last.delete(flag);
  }

  #turn(flag: string, run: RolloutRun<FlagReceipt>, turn: FlagTurn): void {
    switch (turn.kind) {
      case 'none':
        return;
      case 'superseded':
        run.superseded(turn.why, shareNow(this.#options.flags.entry(flag)));
        return;
      case 'aborted':
        run.command('abort', turn.by);
        return;
      case 'judged':
        run.tick(0);
        return;
      default:
        turn satisfies never;
    }
  }

  #runOf(record: RolloutRecord): RolloutRun<FlagReceipt> {
    const run = new RolloutRun<FlagReceipt>(record, this.#worldOf(record.flag!, record.id));
    this.#running.set(record.flag!, run);
    return run;
  }

  #worldOf(name: string, id: number): RunWorld<FlagReceipt> {
    const { flags, store, log, inTurn, frozen } = this.#options;
    return {
      evidence: NO_EVIDENCE,
      sources: NO_SOURCES,
      isCounted: () => false,
      warmUpMs: 0,
      flags: NO_FLAGS,
      judgement: (isHoldOver) => {
        const entry = flags.entry(name);
        if (entry === undefined) return { judgement: { verdict: 'unjudged', sentence: '' }, requests: 0 };
        const guard = this.#options.guardOf(name);
        const requests = guard?.requestsAt(entry.slot) ?? 0;
        return { judgement: judgementOfFlag(entry, guard, isHoldOver), requests };
      },
      log,
      at: () => this.#at(),
      frozen,
      standing: () => {
        const entry = flags.entry(name);
        return { epoch: entry?.revision ?? 0, slot: entry?.slot ?? 0, share: (entry?.share ?? 0) / SHARE_ALL };
      },
      isThere: () => flags.entry(name) !== undefined,
      move: ({ weights, note }, stillWanted) =>
        inTurn(async () => {
          if (!stillWanted()) return null;
          const instruction = { by: `rollout ${id}`, reason: note, ifEpoch: null };
          const answer = await flags.moveShare(name, shareOfWeights(weights) / 1000, instruction);
          if (!isRefusal(answer)) return answer;
          log.error({ flag: name, rollout: id, why: answer.message }, 'a rollout could not move its flag');
          return null;
        }),
      verify: async () => ({ ok: true, text: 'a flag has nothing to verify', results: [] }),
      confirm: async () => ({ result: 'ok', why: '' }),
      join: async () => {},
      turned: () => {},
      excuse: () => null,
      forgetUnits: () => {},
      keep: (record) => this.#keep(name, record),
      note: (record, entry) => void store.append(record.id, this.#at(), entry),
      tell: (record, what, text) => this.#tell(record, what, text),
      ended: (record) => {
        this.#running.delete(name);
        this.#last.set(name, record);
        this.#outcomes.ended(record);
        store.trim(record.service);
      },
    };
  }

  #tell(record: RolloutRecord, what: Told, text: string): void {
    const { log, events, flags, config } = this.#options;
    const { id, service, flag } = record;
    log.info({ flag, rollout: id, what }, `${service}: ${text}`);
    const services = servicesNaming(config().routes, flag!);
    const news = { ...newsOf(record, what, flags.entry(flag!)?.revision ?? 0), services };
    events.append('rollout', null, `${service}: ${text}`, news);
  }

  #keep(flag: string, record: RolloutRecord): void {
    this.#last.set(flag, record);
    this.#options.store.save(record);
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}

/** The part of the keys that a flag is on for by its own strategy, 0 to 1. */
function shareNow(entry: FlagEntry | undefined): number {
  if (entry === undefined || entry.killed) return 0;
  return entry.spec.strategy.kind === 'all' ? 1 : entry.share / SHARE_ALL;
}
