/**
 * What can be asked about rollouts: views of them, past ones from the store, and judging a past one again.
 *
 * A view is plain data without secrets. Judging again is `replay` over the looks of the decision log, so with the settings of
 * the time it gives each verdict again to the last digit, and with others it says what they would have done.
 */
import { replay } from '../judge/replay.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Command } from '../rollout/commands.ts';
import type { Instruction, Refusal, Retrial, RolloutOperations, RolloutView, StartOrder } from './operations.ts';
import type { Decision, RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { Rollouts } from './rollouts.ts';

/** Decisions that are read at a time. */
const PAGE = 1_000;

const STOPPING: Refusal = { refused: true, code: 'stopping', message: 'Tidegate is stopping' };

export class Releases implements RolloutOperations {
  readonly #rollouts: Rollouts;
  readonly #store: RolloutStore;
  readonly #isStopping: () => boolean;

  constructor(rollouts: Rollouts, store: RolloutStore, isStopping: () => boolean) {
    this.#rollouts = rollouts;
    this.#store = store;
    this.#isStopping = isStopping;
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
    if (!kept.ok) return { refused: true, code: 'state-store', message: kept.error };
    return kept.value.map((record) => this.#viewOf(record));
  }

  judgeAgain(
    id: number,
    { margin, falseAlarm }: { readonly margin: number | null; readonly falseAlarm: number | null },
  ): Retrial | Refusal {
    const kept = this.#store.find(id);
    if (!kept.ok) return { refused: true, code: 'state-store', message: kept.error };
    if (kept.value === null) return { refused: true, code: 'no-rollout', message: `there is no rollout ${id}` };
    const decisions = this.#decisionsOf(id);
    if ('refused' in decisions) return decisions;
    const looks = decisions.flatMap(({ entry }) => (entry.kind === 'look' ? [entry.look] : []));
    const { settings } = kept.value;
    const others: JudgeSettings = {
      ...settings,
      falseAlarm: falseAlarm ?? settings.falseAlarm,
      signals: settings.signals.map((signal) =>
        signal.kind === 'compared' && margin !== null ? { ...signal, margin } : signal,
      ),
    };
    const { verdicts, turnedBack } = replay(looks, others);
    return { rollout: this.#viewOf(kept.value), verdicts, turnedBackAtMs: turnedBack?.atMs ?? null, decisions };
  }

  #decisionsOf(id: number): readonly Decision[] | Refusal {
    const all: Decision[] = [];
    for (;;) {
      const page = this.#store.decisions(id, all.at(-1)?.sequence ?? 0, PAGE);
      if (!page.ok) return { refused: true, code: 'state-store', message: page.error };
      all.push(...page.value);
      if (page.value.length < PAGE) return all;
    }
  }

  #shown(answer: RolloutRecord | Refusal): RolloutView | Refusal {
    return 'refused' in answer ? answer : this.#viewOf(answer);
  }

  #viewOf(record: RolloutRecord): RolloutView {
    const { rollout } = record;
    const { plan, pause } = rollout;
    return {
      id: record.id,
      service: record.service,
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
      verdict: record.verdict,
      verification: record.verification,
      warmUntil: this.#rollouts.warmUntil(record),
      isQueued: record.endedAt === null && this.#rollouts.isQueued(record.service),
    };
  }
}
