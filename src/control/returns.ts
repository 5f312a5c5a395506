/**
 * Where pools are called `stable` and `canary`, a promoted version has two homes: the candidate serves everybody, and the pool
 * that was active gets the same version next. `afterPromotion: return` gives the traffic back to it then.
 *
 * The pool shows the version when the file says so and a verification agrees (with `verify.version`, each endpoint proves
 * it). It is one move, since both pools run what has been judged, and it happens only from where the rollout has left the
 * traffic: whoever has moved it since wants something else. A freeze holds it up. Nothing of it is kept but the
 * rollout's record, from which all of it follows again after a restart.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { weightsAt } from '../rollout/plan.ts';
import type { EventLog } from './event-log.ts';
import { type Gates, sameWeights } from './gates.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { Rollouts } from './rollouts.ts';
import type { ServiceGate } from './service-gate.ts';
import type { Traffic } from './traffic.ts';
import { sharesOf } from './views.ts';

/** Ticks between two verifications of a pool that was not right yet. */
const VERIFY_EVERY = 10;

export interface ReturnsOptions {
  readonly rollouts: Pick<Rollouts, 'last' | 'running' | 'verify'>;
  readonly gates: Gates;
  readonly traffic: Pick<Traffic, 'move'>;
  readonly config: () => Config;
  readonly frozen: () => string | null;
  /** Runs a change of traffic in its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly events: EventLog;
  readonly log: Logger;
}

export class Returns {
  readonly #options: ReturnsOptions;
  /** Services whose pool is being verified. */
  readonly #busy = new Set<string>();
  /** What was said last about a pool that is not right yet, by service. */
  readonly #said = new Map<string, string>();
  readonly #stop = new AbortController();
  #ticks = 0;

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  /** Gives back what is due. To be called every second. */
  tick(): void {
    this.#ticks += 1;
    const { config, frozen } = this.#options;
    for (const service of config().services.values()) {
      const { name } = service;
      if (this.#busy.has(name) || this.#due(service) === null || frozen() !== null) continue;
      if (this.#said.has(name) && this.#ticks % VERIFY_EVERY !== 0) continue;
      this.#busy.add(name);
      this.#giveBack(service)
        .catch((error: unknown) => this.#options.log.error({ err: error }, 'traffic could not return'))
        .finally(() => this.#busy.delete(name));
    }
  }

  /** Whether this version of a pool is one that traffic returns for, so that it is no new release. */
  awaits(service: Service, pool: string, version: string): boolean {
    const record = this.#promoted(service);
    return record?.rollout.active === pool && record.version === version;
  }

  close(): void {
    this.#stop.abort();
  }

  async #giveBack(service: Service): Promise<void> {
    const { rollouts, events, log, inTurn, traffic } = this.#options;
    const { name } = service;
    const home = this.#due(service)!.record.rollout.active;
    const verification = await rollouts.verify(name, home, this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    if (!verification.ok) {
      const text = `${name}: traffic does not return to ${home} yet: ${verification.text}`;
      if (this.#said.get(name) !== text) events.append('rollout', name, text, { verification });
      this.#said.set(name, text);
      return;
    }
    await inTurn(async () => {
      const now = this.#options.config().services.get(name);
      const due = now === undefined ? null : this.#due(now);
      if (now === undefined || due === null || this.#stop.signal.aborted) return;
      const { gate, record } = due;
      this.#said.delete(name);
      const reason = `${home} runs ${record.version} too: traffic returns to it`;
      log.info({ service: name, rollout: record.id }, `${name}: ${reason}`);
      await traffic.move(gate, now, record.rollout.before, 'rollout', { by: 'rollout', reason });
    });
  }

  /** The rollout whose traffic is to return now, and the gate; null when none is. */
  #due(service: Service): { readonly record: RolloutRecord; readonly gate: ServiceGate } | null {
    const record = this.#promoted(service);
    const gate = this.#options.gates.get(service.name);
    if (record === null || gate === undefined) return null;
    const { rollout, version } = record;
    const stands = sameWeights(sharesOf(gate.weights), sharesOf(weightsAt(rollout.before, rollout, 1)));
    return stands && service.pools.get(rollout.active)?.version === version ? { record, gate } : null;
  }

  /** The last rollout of a service, when it has been promoted and its pool is to have the traffic back. */
  #promoted(service: Service): RolloutRecord | null {
    const { rollouts } = this.#options;
    if (service.rollout.afterPromotion !== 'return' || rollouts.running(service.name) !== undefined) return null;
    const record = rollouts.last(service.name);
    return record?.rollout.phase === 'succeeded' ? record : null;
  }
}
