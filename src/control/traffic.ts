/**
 * The instructions that move traffic: set weights, flip, roll back. Each is checked against the configuration in force and
 * either refused with the reason or carried out; all of them run one at a time with everything else that changes.
 */
import { fingerprint } from '../config/fingerprint.ts';
import type { Config, Service } from '../config/schema.ts';
import type { Terms } from '../routing/terms.ts';
import type { Gates, Move } from './gates.ts';
import type { Instruction, MoveReason, Receipt, Refusal, Weights } from './operations.ts';
import type { ServiceGate } from './service-gate.ts';

export interface TrafficOptions {
  readonly gates: Gates;
  /** Whether any endpoint of the pool could take a request now. */
  readonly canServe: (service: Service, pool: string) => boolean;
  readonly config: () => Config;
  /** Called before a gate moves on somebody's word, with what that was. */
  readonly onInstruction: (service: string, what: string, weights: Weights) => void;
}

export class Traffic {
  readonly #gates: Gates;
  readonly #canServe: TrafficOptions['canServe'];
  readonly #config: () => Config;
  readonly #onInstruction: TrafficOptions['onInstruction'];

  constructor({ gates, canServe, config, onInstruction }: TrafficOptions) {
    this.#gates = gates;
    this.#canServe = canServe;
    this.#config = config;
    this.#onInstruction = onInstruction;
  }

  async setWeights(name: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal> {
    const found = this.#find(name, instruction);
    if ('refused' in found) return found;
    const { gate, service } = found;
    const unknown = Object.keys(weights).find((pool) => !service.pools.has(pool));
    if (unknown !== undefined) return unknownPool(service, unknown);
    const bad = Object.entries(weights).find(([, weight]) => !Number.isFinite(weight) || weight < 0);
    if (bad !== undefined) {
      return { refused: true, code: 'bad-weights', message: `the weight of ${bad[0]} must be a number from 0 up` };
    }
    if (!Object.values(weights).some((weight) => weight > 0)) {
      return { refused: true, code: 'bad-weights', message: 'at least one pool must have weight' };
    }
    return this.instruct(gate, service, weights, 'traffic', instruction);
  }

  async flip(
    name: string,
    { to, verify }: { readonly to: string | null; readonly verify: boolean },
    instruction: Instruction,
  ): Promise<Receipt | Refusal> {
    const found = this.#find(name, instruction);
    if ('refused' in found) return found;
    const { gate, service } = found;
    const target = to ?? otherPool(gate, service);
    if (target === null) {
      const names = [...service.pools.keys()].join(', ');
      return { refused: true, code: 'ambiguous-target', message: `say which pool to flip to: ${names}` };
    }
    if (!service.pools.has(target)) return unknownPool(service, target);
    if (verify && !this.#canServe(service, target)) {
      const message = `no endpoint of ${name}/${target} is healthy; use --no-verify (verify: false) to flip all the same`;
      return { refused: true, code: 'no-healthy-endpoint', message };
    }
    return this.instruct(gate, service, { [target]: 100 }, 'flip', instruction);
  }

  async rollback(name: string, instruction: Instruction): Promise<Receipt | Refusal> {
    const found = this.#find(name, instruction);
    if ('refused' in found) return found;
    const { gate, service } = found;
    const kept = Object.entries(gate.previous ?? {}).filter(([pool, weight]) => weight > 0 && service.pools.has(pool));
    if (kept.length === 0) {
      const message = `${name} has no earlier position that could be returned to`;
      return { refused: true, code: 'nothing-to-roll-back', message };
    }
    return this.instruct(gate, service, Object.fromEntries(kept), 'rollback', instruction);
  }

  /** Goes back to weights that the service had before, on the word of a person. */
  async returnTo(name: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal> {
    const found = this.#find(name, instruction);
    if ('refused' in found) return found;
    const gone = Object.keys(weights).find((pool) => (weights[pool] ?? 0) > 0 && !found.service.pools.has(pool));
    if (gone !== undefined) return unknownPool(found.service, gone);
    return this.instruct(found.gate, found.service, weights, 'rollback', instruction);
  }

  /** Moves a gate on the word of a person or of the file, which ends a rollout of the service. */
  instruct(
    gate: ServiceGate,
    service: Service,
    weights: Weights,
    reason: MoveReason,
    instruction: Pick<Instruction, 'by' | 'reason'>,
  ): Promise<Receipt> {
    this.#onInstruction(service.name, `${INSTRUCTED[reason]} by ${instruction.by}`, weights);
    return this.move(gate, service, weights, reason, instruction);
  }

  /** Moves a gate; that supersedes what the file says now. */
  move(
    gate: ServiceGate,
    service: Service,
    weights: Weights,
    reason: MoveReason,
    {
      by,
      reason: note,
      terms = null,
      ...rest
    }: Pick<Instruction, 'by' | 'reason'> & Pick<Move, 'previous'> & { readonly terms?: Terms | null },
  ): Promise<Receipt> {
    const superseded = fingerprint(service.traffic);
    const { drainMs } = service;
    const previous = rest.previous === undefined ? {} : { previous: rest.previous };
    return this.#gates.move({ gate, weights, terms, reason, by, note, fingerprint: superseded, drainMs, ...previous });
  }

  #find(name: string, { ifEpoch }: Instruction): { readonly gate: ServiceGate; readonly service: Service } | Refusal {
    const gate = this.#gates.get(name);
    const service = this.#config().services.get(name);
    if (gate === undefined || service === undefined) return unknownService(name);
    return epochMismatch(gate, ifEpoch) ?? { gate, service };
  }
}

/** The refusal of a change that was meant for another position; null when it was meant for this one, or for any. */
export function epochMismatch({ service, epoch }: ServiceGate, ifEpoch: number | null): Refusal | null {
  if (ifEpoch === null || ifEpoch === epoch) return null;
  const message = `${service} stands at epoch ${epoch}, not ${ifEpoch}`;
  return { refused: true, code: 'epoch-mismatch', message, details: { epoch } };
}

const INSTRUCTED: Readonly<Record<MoveReason, string>> = {
  start: 'taken from the file at the start',
  file: 'moved',
  traffic: 'moved',
  flip: 'flipped',
  rollback: 'rolled back',
  rollout: 'rolled out',
};

export function unknownService(name: string): Refusal {
  return { refused: true, code: 'unknown-service', message: `there is no service ${name}` };
}

function unknownPool(service: Service, pool: string): Refusal {
  const names = [...service.pools.keys()].join(', ');
  return { refused: true, code: 'unknown-pool', message: `${service.name} has no pool ${pool}; it has ${names}` };
}

/** The pool that a flip without a target means: the only one without traffic, or the smaller one of two. */
function otherPool(gate: ServiceGate, service: Service): string | null {
  const pools = [...service.pools.keys()];
  const idle = pools.filter((pool) => (gate.weights[pool] ?? 0) === 0);
  if (idle.length === 1) return idle[0]!;
  if (idle.length > 0 || pools.length !== 2) return null;
  const [first, second] = pools as [string, string];
  const difference = (gate.weights[first] ?? 0) - (gate.weights[second] ?? 0);
  return difference === 0 ? null : difference > 0 ? second : first;
}
