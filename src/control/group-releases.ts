/**
 * What can be asked of a group of services: to start, steer and show their rollouts as one.
 *
 * Whatever is asked of a group is done for all of its members or for none, and a refusal says what stood in the way of each. A
 * member of which the command is true already (paused, on its way back, at the mark where it waits) stands in nobody's way.
 *
 * A start does not wait for another rollout and ends none, whatever `onNewVersion` says: of a start that waits for several
 * ends some might begin and others be refused.
 */
import type { Command } from '../rollout/commands.ts';
import { advance } from '../rollout/machine.ts';
import type { RefusalCode } from '../rollout/transition.ts';
import { forecastOf, type RolloutForecast } from './forecast.ts';
import { outcomeOf } from './group-outcome.ts';
import {
  type GroupForecast,
  type GroupView,
  type Instruction,
  isRefusal,
  type Refusal,
  type RolloutView,
  type StartOrder,
} from './operations.ts';
import { type Aim, refuse } from './rollout-aim.ts';
import type { GroupOperations } from './rollout-operations.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { Rollouts } from './rollouts.ts';

/** A service of a group with the order for it. */
export interface MemberOrder {
  readonly service: string;
  readonly order: StartOrder;
}

/** Refusals that mean that a member is where the command wants it, or needs it not. */
const ALREADY: Readonly<Record<Command, readonly RefusalCode[]>> = {
  promote: ['waiting-for-group'],
  'promote-full': ['waiting-for-group'],
  pause: ['already-paused'],
  resume: ['not-paused'],
  approve: ['not-awaiting-approval', 'waiting-for-group'],
  abort: ['rolling-back'],
};

export class GroupReleases implements GroupOperations {
  readonly #rollouts: Rollouts;
  readonly #viewOf: (record: RolloutRecord) => RolloutView;
  readonly #isStopping: () => boolean;

  constructor(rollouts: Rollouts, viewOf: (record: RolloutRecord) => RolloutView, isStopping: () => boolean) {
    this.#rollouts = rollouts;
    this.#viewOf = viewOf;
    this.#isStopping = isStopping;
  }

  forecast(group: string, order: StartOrder): GroupForecast | Refusal {
    const forecasts: RolloutForecast[] = [];
    const refusals: [string, Refusal][] = [];
    for (const service of this.#rollouts.groupOf(group)) {
      const outlook = this.#rollouts.outlook(service, { ...order, alone: true });
      if ('refused' in outlook) refusals.push([service, outlook]);
      else forecasts.push(forecastOf(service, outlook));
    }
    if (refusals.length > 0) return refusedFor(`${group} could not be started`, refusals);
    return forecasts.length === 0 ? unknownGroup(group) : { group, forecasts };
  }

  start(group: string, order: StartOrder, { by }: Instruction): GroupView | Refusal {
    if (this.#isStopping()) return { refused: true, code: 'stopping', message: 'Tidegate is stopping' };
    const services = this.#rollouts.groupOf(group);
    if (services.length === 0) return unknownGroup(group);
    const begun = startTogether(
      this.#rollouts,
      group,
      services.map((service) => ({ service, order })),
      by,
    );
    return isRefusal(begun) ? begun : this.#shown(group, begun);
  }

  command(group: string, command: Command, { by, reason }: Instruction): GroupView | Refusal {
    if (this.#isStopping()) return { refused: true, code: 'stopping', message: 'Tidegate is stopping' };
    const running = this.#lastOf(group).filter(({ endedAt }) => endedAt === null);
    if (running.length === 0) return this.#noneRuns(group);
    const who = reason === '' ? by : `${by} (${reason})`;
    const answers = running.map(({ service, rollout }) => {
      return { service, answer: advance(rollout, { kind: 'command', command, by: who }) };
    });
    const refusals = answers.flatMap(({ service, answer }): [string, Refusal][] =>
      answer.ok ? [] : [[service, refuse(answer.code, answer.message)]],
    );
    const isAlready = ([, { code }]: [string, Refusal]): boolean => ALREADY[command].some((one) => one === code);
    const hindrances = refusals.filter((one) => !isAlready(one));
    if (hindrances.length > 0 || refusals.length === running.length) {
      const named = hindrances.length > 0 ? hindrances : refusals;
      return refusedFor(`${group}: ${command.replace('-full', ' --full')} was done for no service`, named);
    }
    // An answer that was yes may be no by now, if the command to another member has turned this one: that is as it should be.
    for (const { service, answer } of answers) if (answer.ok) this.#rollouts.command(service, command, who);
    return this.view(group);
  }

  view(group: string): GroupView | Refusal {
    const records = this.#lastOf(group);
    return records.length === 0 ? this.#noneRuns(group) : this.#shown(group, records);
  }

  /** What was started together last, as it is now. */
  #lastOf(group: string): RolloutRecord[] {
    const all = this.#rollouts.lastOfAll().filter(({ bond }) => bond?.group === group);
    const newest = Math.max(...all.map(({ bond }) => bond!.id));
    return all.filter(({ bond }) => bond!.id === newest).sort((left, right) => left.id - right.id);
  }

  #noneRuns(group: string): Refusal {
    const last = this.#lastOf(group);
    if (this.#rollouts.groupOf(group).length === 0 && last.length === 0) return unknownGroup(group);
    if (last.length === 0) return refuse('no-rollout', `no services of ${group} were started together yet`);
    return refuse('no-rollout', `no rollout of ${group} runs; the last time: ${this.#shown(group, last).reason}`);
  }

  #shown(group: string, records: readonly RolloutRecord[]): GroupView {
    const rollouts = records.map(this.#viewOf);
    return { group, services: this.#rollouts.groupOf(group), rollouts, ...outcomeOf(rollouts) };
  }
}

/** Begins the rollouts of these services together, all or none. */
export function startTogether(
  rollouts: Pick<Rollouts, 'outlook' | 'startBonded'>,
  group: string,
  orders: readonly MemberOrder[],
  by: string,
): RolloutRecord[] | Refusal {
  const refusals: [string, Refusal][] = [];
  const aims: { readonly service: string; readonly aim: Aim }[] = [];
  for (const { service, order } of orders) {
    const outlook = rollouts.outlook(service, { ...order, alone: true });
    if ('refused' in outlook) refusals.push([service, outlook]);
    else if (outlook.answer.kind === 'begin') aims.push({ service, aim: outlook.aim });
    else if (outlook.answer.kind === 'refuse')
      refusals.push([service, refuse(outlook.answer.code, outlook.answer.message)]);
    else refusals.push([service, refuse('running', 'a rollout runs, and a group does not wait for its end')]);
  }
  if (refusals.length > 0) return refusedFor(`${group} was not started`, refusals);
  return rollouts.startBonded(group, aims, by);
}

function refusedFor(what: string, refusals: readonly (readonly [service: string, refusal: Refusal])[]): Refusal {
  const reasons = refusals.map(([service, { message }]) => `${service}: ${message}`);
  const details = refusals.map(([service, { code, message }]) => ({ service, code, message }));
  return { refused: true, code: 'group-refused', message: `${what}: ${reasons.join('; ')}`, details };
}

function unknownGroup(group: string): Refusal {
  return refuse('unknown-group', `no service belongs to the group ${group}`);
}
