/**
 * What can be asked about the rollouts of flags: the verbs of services, as far as a flag has them.
 *
 * What a bad treatment would cost is foretold by the guard of the flag, as that of a candidate is by the judge of its service: at each
 * step the two arms are compared, and who is in neither says nothing (`flags/arm.ts`). Without a guard nothing is found out.
 */
import { armsAt, partAt } from '../flags/arm.ts';
import { SHARE_ALL } from '../flags/dial.ts';
import type { Command } from '../rollout/commands.ts';
import { type FlagStartOrder, SIDES } from './flag-aim.ts';
import { unjudgedBy } from './flag-judgement.ts';
import type { FlagRollouts } from './flag-rollouts.ts';
import { foretell, type RolloutForecast } from './forecast.ts';
import { type FlagRolloutGlance, type Instruction, isRefusal, type Refusal, type RolloutView } from './operations.ts';
import type { FlagRolloutOperations } from './rollout-operations.ts';
import { type RolloutRecord, subjectOfFlag } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.ts';

const STOPPING: Refusal = { refused: true, code: 'stopping', message: 'Tidegate is stopping' };

export class FlagReleases implements FlagRolloutOperations {
  readonly #rollouts: FlagRollouts;
  readonly #store: RolloutStore;
  readonly #viewOf: (record: RolloutRecord) => RolloutView;
  readonly #isStopping: () => boolean;

  constructor(
    rollouts: FlagRollouts,
    store: RolloutStore,
    viewOf: (record: RolloutRecord) => RolloutView,
    isStopping: () => boolean,
  ) {
    this.#rollouts = rollouts;
    this.#store = store;
    this.#viewOf = viewOf;
    this.#isStopping = isStopping;
  }

  running(): readonly FlagRolloutGlance[] {
    return this.#rollouts.glances();
  }

  forecast(flag: string, order: FlagStartOrder): RolloutForecast | Refusal {
    const outlook = this.#rollouts.outlook(flag, order);
    if ('refused' in outlook) return outlook;
    const { spec, guard, traffic, aim, answer } = outlook;
    return foretell({
      service: subjectOfFlag(flag),
      ...SIDES,
      version: aim.version,
      plan: aim.plan,
      budget: null,
      answer,
      judged: guard === null || guard.dryRun ? unjudgedBy(guard)! : { settings: guard.settings, traffic },
      sidesAt: (share) => {
        const thousandths = Math.round(share * SHARE_ALL);
        return { share: partAt(spec, thousandths), part: armsAt(spec, thousandths) };
      },
    });
  }

  start(flag: string, order: FlagStartOrder, instruction: Instruction): RolloutView | Refusal {
    if (this.#isStopping()) return STOPPING;
    return this.#shown(this.#rollouts.start(flag, order, instruction));
  }

  command(flag: string, command: Command, { by, reason }: Instruction): RolloutView | Refusal {
    if (this.#isStopping()) return STOPPING;
    return this.#shown(this.#rollouts.command(flag, command, reason === '' ? by : `${by} (${reason})`));
  }

  view(flag: string): RolloutView | Refusal {
    const record = this.#rollouts.last(flag);
    return record === undefined ? this.#rollouts.noRollout(flag) : this.#viewOf(record);
  }

  history(flag: string, limit: number): readonly RolloutView[] | Refusal {
    const kept = this.#store.of(subjectOfFlag(flag), limit);
    if (!kept.ok) return { refused: true, code: 'state-store', message: kept.error };
    const none = this.#rollouts.noRollout(flag);
    return none.code === 'unknown-flag' ? none : kept.value.map((record) => this.#viewOf(record));
  }

  #shown(answer: RolloutRecord | Refusal): RolloutView | Refusal {
    return isRefusal(answer) ? answer : this.#viewOf(answer);
  }
}
