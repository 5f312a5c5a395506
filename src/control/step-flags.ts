/**
 * The flags that the steps of a service's rollout set: set when the step's move has been made, and put back when the rollout goes back.
 *
 * What somebody says of such a flag meanwhile is the last explicit instruction: it is not overwritten by the next step, nor on the way
 * back, and the rollout says so in the event of that step. Whose word a flag has is known by the flag itself (who changed it
 * last), so a kill -9 between a flag and the record of the rollout loses nothing, and a step may be set twice.
 *
 * A flag that two rollouts set is the one's that sets it first, until that ends: if each overwrote the other, each would take the
 * other's share for what was there before, and a flag would stay on for a version that has gone back.
 *
 * A step stands for all before it: whoever promotes past a step has its flags too. After a success they stay as they are.
 */
import { SHARE_ALL } from '../flags/dial.ts';
import { percent } from '../rollout/course.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { FlagEntry } from './flag-book.ts';
import type { Flags } from './flags.ts';
import { isRefusal } from './operations.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** How a flag stood before a rollout set it first: its share in thousandths of a percent, and its revision. */
export interface FlagBefore {
  readonly share: number;
  readonly revision: number;
}

export type FlagsBefore = Readonly<Record<string, FlagBefore>>;

export interface StepFlagsOptions {
  readonly flags: Pick<Flags, 'entry' | 'moveShare'>;
  /** Whether a flag has a rollout of its own now. */
  readonly isRolling: (flag: string) => boolean;
  /** The rollouts of services that run. */
  readonly running: () => readonly Pick<RolloutRecord, 'id' | 'service'>[];
  /** Runs a change in its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

export class StepFlags {
  readonly #options: StepFlagsOptions;

  constructor(options: StepFlagsOptions) {
    this.#options = options;
  }

  /** How the flags stand that a step sets, to be kept before it does; what is kept already stays. */
  before(record: RolloutRecord, step: number): FlagsBefore {
    const { rollout, flagsBefore = {} } = record;
    const now = Object.keys(flagsUpTo(rollout, step)).flatMap((name) => {
      const entry = this.#options.flags.entry(name);
      if (entry === undefined || this.#holder(record, entry) !== null) return [];
      return [[name, { share: entry.share, revision: entry.revision }] as const];
    });
    return { ...Object.fromEntries(now), ...flagsBefore };
  }

  /** Sets the flags of a step, in turn; what came of each in words. Nothing is done once it is not wanted any more. */
  async set(record: RolloutRecord, step: number, isWanted: () => boolean): Promise<string> {
    const said: string[] = [];
    const own = record.rollout.plan.steps[step]!.flags ?? {};
    for (const [name, share] of Object.entries(flagsUpTo(record.rollout, step))) {
      const came = await this.#move(record, name, Math.round(share * SHARE_ALL), isWanted);
      if (came !== null && Object.hasOwn(own, name)) said.push(came);
    }
    return said.join(', ');
  }

  /** Puts back what the rollout has set. */
  async back(record: RolloutRecord, isWanted: () => boolean): Promise<string> {
    const said: string[] = [];
    for (const [name, { share }] of Object.entries(record.flagsBefore ?? {})) {
      const came = await this.#move(record, name, share, isWanted);
      if (came !== null) said.push(came);
    }
    return said.join(', ');
  }

  /** Null when it stands there already. */
  #move(record: RolloutRecord, name: string, share: number, isWanted: () => boolean): Promise<string | null> {
    const { flags, inTurn } = this.#options;
    return inTurn(async () => {
      const entry = flags.entry(name);
      if (!isWanted()) return null;
      const obstacle = this.#obstacle(record, name, entry);
      if (obstacle !== null) return `${name} is left alone: ${obstacle}`;
      if (entry?.share === share) return null;
      const instruction = { by: nameOf(record), reason: record.rollout.reason, ifEpoch: null };
      const answer = await flags.moveShare(name, share / 1000, instruction);
      return isRefusal(answer)
        ? `${name} is left alone: ${answer.message}`
        : `${name} has ${percent(share / SHARE_ALL)}`;
    });
  }

  /** Why a flag is not moved; null when it may be. */
  #obstacle(record: RolloutRecord, name: string, entry: FlagEntry | undefined): string | null {
    if (entry === undefined) return 'there is no such flag any more';
    const holder = this.#holder(record, entry);
    if (holder !== null) return `${holder} has set it`;
    const { since, revision, spec, killed } = entry;
    const isOurs = since.how === 'rollout' && since.by === nameOf(record);
    if (!isOurs && revision !== record.flagsBefore?.[name]?.revision) return `${since.how} by ${since.by} meanwhile`;
    if (killed) return 'it is killed';
    if (this.#options.isRolling(name)) return 'it is rolled out by itself';
    return 'share' in spec.strategy && spec.ramp === null ? null : 'it has no share that could be set';
  }

  /** The other running rollout that has set a flag, and will put it back; null for none. */
  #holder({ id }: RolloutRecord, { since }: FlagEntry): string | null {
    if (since.how !== 'rollout') return null;
    const holder = this.#options.running().find((other) => other.id !== id && nameOf(other) === since.by);
    return holder === undefined ? null : nameOf(holder);
  }
}

/** All flags that the steps up to one set, as the last of them says; 0 to 1. */
function flagsUpTo({ plan }: Rollout, step: number): Readonly<Record<string, number>> {
  return Object.assign({}, ...plan.steps.slice(0, step + 1).map(({ flags }) => flags ?? {}));
}

function nameOf({ id, service }: Pick<RolloutRecord, 'id' | 'service'>): string {
  return `rollout ${id} of ${service}`;
}
