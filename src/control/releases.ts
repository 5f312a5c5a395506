/**
 * What can be asked about rollouts: views of them, past ones from the store, and judging a past one again.
 *
 * A view is plain data without secrets. Judging again goes over the looks of the decision log, so with the settings of
 * the time it gives each verdict again to the last digit, and with others it says what they would have done.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Command } from '../rollout/commands.ts';
import { type Explanation, explain } from './explanation.ts';
import type { SeenFlag } from './flag-guard-view.ts';
import { unjudgedBy } from './flag-judgement.ts';
import { FlagReleases } from './flag-releases.ts';
import type { FlagRollouts } from './flag-rollouts.ts';
import { forecastOf, type RolloutForecast } from './forecast.ts';
import { GroupReleases } from './group-releases.ts';
import type {
  Instruction,
  LogPart,
  Refusal,
  Retrial,
  RolloutBond,
  RolloutOperations,
  RolloutView,
  StartOrder,
} from './operations.ts';
import { type PastLog, retrial } from './retrial.ts';
import type { Decision, RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { Rollouts } from './rollouts.ts';

/** Decisions that are judged before others get their turn. */
const JUDGED_AT_ONCE = 100;

type OtherSettings = { readonly margin: number | null; readonly falseAlarm: number | null };

const STOPPING: Refusal = { refused: true, code: 'stopping', message: 'Tidegate is stopping' };

export class Releases implements RolloutOperations {
  readonly #rollouts: Rollouts;
  readonly #flagRollouts: FlagRollouts;
  readonly #store: RolloutStore;
  readonly #isStopping: () => boolean;
  readonly #seenBy: (service: string) => readonly SeenFlag[];
  readonly groups: GroupReleases;
  readonly flags: FlagReleases;

  /** `seenBy` gives the guarded flags that users of a service have, as its release sees them. */
  constructor(
    rollouts: Rollouts,
    flagRollouts: FlagRollouts,
    store: RolloutStore,
    isStopping: () => boolean,
    seenBy: (service: string) => readonly SeenFlag[] = () => [],
  ) {
    this.#rollouts = rollouts;
    this.#flagRollouts = flagRollouts;
    this.#store = store;
    this.#isStopping = isStopping;
    this.#seenBy = seenBy;
    const viewOf = (record: RolloutRecord): RolloutView => this.#viewOf(record);
    this.groups = new GroupReleases(rollouts, viewOf, isStopping);
    this.flags = new FlagReleases(flagRollouts, store, viewOf, isStopping);
  }

  async start(service: string, order: StartOrder, instruction: Instruction): Promise<RolloutView | Refusal> {
    if (this.#isStopping()) return STOPPING;
    return this.#shown(await this.#rollouts.start(service, order, instruction));
  }

  command(service: string, command: Command, { by, reason }: Instruction): RolloutView | Refusal {
    if (this.#isStopping()) return STOPPING;
    return this.#shown(this.#rollouts.command(service, command, reason === '' ? by : `${by} (${reason})`));
  }

  view(service: string): RolloutView | Refusal {
    const record = this.#rollouts.last(service);
    return record === undefined ? this.#rollouts.noRollout(service) : this.#viewOf(record);
  }

  history(service: string, limit: number): readonly RolloutView[] | Refusal {
    const kept = this.#store.of(service, limit);
    if (!kept.ok) return storeRefusal(kept.error);
    return kept.value.map((record) => this.#viewOf(record));
  }

  find(id: number): RolloutView | Refusal {
    const record = this.#kept(id);
    if ('refused' in record) return record;
    const { flag, service } = record;
    const last = flag === null ? this.#rollouts.last(service) : this.#flagRollouts.last(flag);
    return this.#viewOf(last?.id === id ? last : record);
  }

  forecast(service: string, order: StartOrder): RolloutForecast | Refusal {
    const outlook = this.#rollouts.outlook(service, order);
    return 'refused' in outlook ? outlook : forecastOf(service, outlook);
  }

  async explain(id: number, other: OtherSettings): Promise<Explanation | Refusal> {
    const isOwn = other.margin === null && other.falseAlarm === null;
    return this.#judged(id, other, (rollout, log) => explain({ rollout, isOwn, ...log }));
  }

  judgeAgain(id: number, other: OtherSettings, part: LogPart): Promise<Retrial | Refusal> {
    return this.#judged(id, other, async (rollout, log) => ({ rollout, ...(await retrial(log, part)) }));
  }

  /** Does something with the decision log as it is at this moment, and refuses when the log cannot be read. */
  async #judged<T extends object>(
    id: number,
    other: OtherSettings,
    work: (rollout: RolloutView, log: PastLog) => Promise<T>,
  ): Promise<T | Refusal> {
    const record = this.#kept(id);
    if ('refused' in record) return record;
    const last = this.#store.lastSequence(id);
    if (!last.ok) return storeRefusal(last.error);
    let problem: string | null = null;
    const page = (after: number): readonly Decision[] => {
      const decisions = this.#store.decisions(id, after, JUDGED_AT_ONCE);
      if (decisions.ok) return decisions.value.filter(({ sequence }) => sequence <= last.value);
      problem = decisions.error;
      return [];
    };
    const settings = settingsWith(record.settings, other);
    // What a guard says now is not of the log.
    const rollout = { ...this.#viewOf(record), verdict: record.verdict };
    const answer = await work(rollout, { settings, page, pause: () => immediate() });
    return problem === null ? answer : storeRefusal(problem);
  }

  #kept(id: number): RolloutRecord | Refusal {
    const kept = this.#store.find(id);
    if (!kept.ok) return storeRefusal(kept.error);
    return kept.value ?? { refused: true, code: 'no-rollout', message: `no rollout ${id} is kept` };
  }

  #shown(answer: RolloutRecord | Refusal): RolloutView | Refusal {
    return 'refused' in answer ? answer : this.#viewOf(answer);
  }

  #viewOf(record: RolloutRecord): RolloutView {
    const { rollout } = record;
    const { plan, pause } = rollout;
    const guard = this.#guardOf(record);
    return {
      id: record.id,
      service: record.service,
      flag: record.flag,
      active: rollout.active,
      candidate: rollout.candidate,
      version: record.version,
      plan: plan.kind,
      phase: rollout.phase,
      step: rollout.step + 1,
      steps: plan.steps.map(({ verify: _, ...step }) => step),
      bakeMs: plan.bakeMs,
      share: rollout.share,
      elapsedMs: rollout.elapsedMs,
      pausedBy: pause?.by ?? null,
      isHalted: rollout.isHalted,
      reason: rollout.reason,
      startedAt: record.startedAt,
      startedBy: record.startedBy,
      endedAt: record.endedAt,
      ranMs: record.ranMs,
      verdict: guard?.verdict ?? record.verdict,
      unjudged: guard?.unjudged ?? null,
      verification: record.verification,
      warmUntil: this.#rollouts.warmUntil(record),
      ...(record.endedAt === null ? seen(this.#seenBy(record.service)) : {}),
      isQueued: record.endedAt === null && this.#rollouts.isQueued(record.service),
      group: this.#bondOf(record),
      takenBackWith: (record.undone ?? rollout).along,
      undone: record.undone?.why ?? null,
      confirmation: this.#rollouts.questionOf(record),
    };
  }

  /** What the guard says of the running rollout of a flag; null for any other. */
  #guardOf({ flag, endedAt }: RolloutRecord): Pick<RolloutView, 'verdict' | 'unjudged'> | null {
    if (flag === null || endedAt !== null) return null;
    const guard = this.#flagRollouts.guardOf(flag);
    return { verdict: guard?.verdict ?? null, unjudged: unjudgedBy(guard) };
  }

  #bondOf(record: RolloutRecord): RolloutBond | null {
    if (record.bond === null) return null;
    const { group: name, members } = record.bond;
    const waitsFor = this.#rollouts.bonds.waitsFor(record);
    return {
      name,
      members,
      waitsFor: waitsFor.map(({ service, rollout: { phase, reason } }) => ({ service, phase, reason })),
    };
  }
}

function storeRefusal(message: string): Refusal {
  return { refused: true, code: 'state-store', message };
}

/** The settings of the time with other margins or another budget of false alarms. */
function settingsWith(settings: JudgeSettings, { margin, falseAlarm }: OtherSettings): JudgeSettings {
  return {
    ...settings,
    falseAlarm: falseAlarm ?? settings.falseAlarm,
    signals: settings.signals.map((signal) =>
      signal.kind === 'compared' && margin !== null ? { ...signal, margin } : signal,
    ),
  };
}

function seen(flags: readonly SeenFlag[]): Pick<RolloutView, 'flags'> {
  return flags.length === 0 ? {} : { flags };
}
