/**
 * The bonds between rollouts that were started together, while they run: who waits for whom, and who is taken along.
 *
 * Nothing of it is kept here. Each record names the members of its bond, and what follows from where they are is asked again
 * at each turn of one (`rollout/bond.ts`): so a kill between the turn of one member and that of the next loses nothing, and
 * all of it may be asked twice. A message from member to member was rejected, since it could be lost.
 *
 * A success is an end. When a member turns after it, the gate goes back all the same, as long as that is one move to a pool
 * that is kept warm (`keep`); afterwards nobody has promised that there is still something to go back to.
 */
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { lagging, type Member, parted, type Turn, turnOf, type Undone } from '../rollout/bond.ts';
import { hasEnded } from '../rollout/rollout.ts';
import type { EventLog } from './event-log.ts';
import type { Gates } from './gates.ts';
import type { Receipt, Weights } from './operations.ts';
import { newsOf } from './rollout-news.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutRun } from './rollout-run.ts';
import type { Traffic } from './traffic.ts';

/** A member with its record. */
export type BondMember = Member & { readonly record: RolloutRecord };

export interface BondsOptions {
  /** The last rollout of a service, running or ended. */
  readonly last: (service: string) => RolloutRecord | undefined;
  readonly running: (service: string) => RolloutRun | undefined;
  /** Whether one move would take this success back to a pool that is kept warm. */
  readonly isWarm: (record: RolloutRecord) => boolean;
  readonly gates: Gates;
  readonly traffic: Pick<Traffic, 'move'>;
  readonly config: () => Config;
  /** Runs a change of traffic in its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Keeps a record that has ended. */
  readonly keep: (record: RolloutRecord) => void;
  /** Adds a sentence to the decisions of a rollout. */
  readonly note: (record: RolloutRecord, text: string) => void;
  readonly events: EventLog;
  readonly log: Logger;
}

/** A member that stands at a mark. */
interface Waiting {
  readonly mark: number;
  readonly release: () => void;
}

export class Bonds {
  readonly #options: BondsOptions;
  /** By service. */
  readonly #waiting = new Map<string, Waiting>();
  /** Successes that are being taken back. */
  readonly #undoing = new Set<number>();
  /** How often a member was taken back with another, by service, since the start. */
  readonly #takenAlong = new Map<string, number>();

  constructor(options: BondsOptions) {
    this.#options = options;
  }

  takenAlong(service: string): number {
    return this.#takenAlong.get(service) ?? 0;
  }

  /** Resolves when all members of the bond have reached the mark, or `stop` is aborted. */
  join(service: string, mark: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        mark,
        release: () => {
          if (this.#waiting.get(service) === waiting) this.#waiting.delete(service);
          resolve();
        },
      };
      this.#waiting.set(service, waiting);
      stop.addEventListener('abort', waiting.release, { once: true });
    });
  }

  /** The members that a rollout is waiting for; none when it does not wait. */
  waitsFor({ bond, rollout }: RolloutRecord): BondMember[] {
    const { errand } = rollout;
    return bond === null || errand?.kind !== 'join' ? [] : lagging(this.membersOf(bond.members), errand.mark);
  }

  /** Members as they are now; one whose service has begun another rollout since has left for good. */
  membersOf(members: NonNullable<RolloutRecord['bond']>['members']): BondMember[] {
    return members.flatMap(({ service, rollout: id }) => {
      const record = this.#options.last(service);
      return record?.id === id ? [{ service, rollout: record.rollout, undone: record.undone, record }] : [];
    });
  }

  /** A rollout is not where it was: does what follows from it for the others of its bond. */
  turned({ bond }: RolloutRecord): void {
    if (bond === null) return;
    const members = this.membersOf(bond.members);
    const turn = turnOf(members);
    if (turn !== null) {
      for (const member of members) this.#takeBack(member, turn);
      return;
    }
    for (const { service, rollout } of parted(members)) {
      const why = `${service} has left the group: ${rollout.reason}; \`resume\` goes on without it, \`abort\` goes back`;
      for (const other of members) this.#options.running(other.service)?.part(service, why);
    }
    for (const { service } of members) {
      const record = this.#options.last(service);
      if (record?.rollout.errand?.kind === 'join' && this.waitsFor(record).length === 0) {
        this.#waiting.get(service)?.release();
      }
    }
  }

  /**
   * Somebody moves the gate of a service whose last rollout has succeeded: if that takes it back from its candidate while it
   * is warm, the other members are taken back too.
   */
  undone(service: string, why: string, weights: Weights): void {
    const record = this.#options.last(service);
    if (record === undefined || record.bond === null || record.undone !== null) return;
    const isBack = !((weights[record.rollout.candidate] ?? 0) > 0);
    if (!isBack || !this.#options.isWarm(record)) return;
    // It has had its move from whoever gave the instruction.
    this.#undoing.add(record.id);
    this.#end(record, { why, along: null });
    this.turned(record);
  }

  #takeBack({ service, rollout, record }: BondMember, turn: Turn): void {
    const why = `taken back with ${turn.service}: ${turn.why}`;
    if (!hasEnded(rollout)) {
      const run = this.#options.running(service);
      if (service !== turn.service && run?.takeAlong(turn.service, why) === true) this.#count(service);
    } else if (rollout.phase === 'succeeded') this.#undo(record, { why, along: turn.service });
  }

  #undo(record: RolloutRecord, undone: Undone): void {
    const { isWarm, events, log, gates } = this.#options;
    const { id, service } = record;
    if (this.#undoing.has(id) || !isWarm(record)) return;
    this.#undoing.add(id);
    if (record.undone === null) {
      this.#count(service);
      this.#end(record, undone);
    }
    const { why } = record.undone ?? undone;
    this.#moveBack(record, why).then(
      (receipt) => {
        const text =
          receipt === null ? `${service}: not ${why}; its traffic has moved meanwhile` : `${service}: ${why}`;
        log.info({ service, rollout: id }, text);
        const epoch = gates.get(service)?.epoch ?? 0;
        events.append('rollout', service, text, newsOf(this.#options.last(service)!, 'rolling-back', epoch));
      },
      (error: unknown) => log.error({ err: error, service }, 'a success could not be taken back with its group'),
    );
  }

  /** Gives the traffic back to where it was before the rollout, in its turn; null when it is not warm any more. */
  #moveBack(record: RolloutRecord, why: string): Promise<Receipt | null> {
    const { gates, traffic, inTurn, config, isWarm } = this.#options;
    return inTurn(async () => {
      const service = config().services.get(record.service);
      const gate = gates.get(record.service);
      if (service === undefined || gate === undefined || !isWarm(record)) return null;
      const { rollout, previous } = record;
      const left = Object.entries(rollout.before).filter(([pool]) => service.pools.has(pool));
      const order = { by: 'rollout', reason: why, previous };
      return traffic.move(gate, service, Object.fromEntries(left), 'rollback', order);
    });
  }

  /** Writes down that a success was taken back. */
  #end(record: RolloutRecord, undone: Undone): void {
    this.#options.keep({ ...record, undone });
    this.#options.note(record, undone.why);
  }

  #count(service: string): void {
    this.#takenAlong.set(service, this.takenAlong(service) + 1);
  }
}
