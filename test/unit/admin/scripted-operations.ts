/**
 * A control plane that does what a test tells it to: it answers each change with the next scripted answer, remembers what
 * it was asked, and keeps an event log. Its board is real memory of `src/stats`.
 */
import type { Problem } from '../../../src/config/problem.ts';
import type {
  ConfigView,
  FlagOperations,
  FreezeOperations,
  FreezeView,
  Instruction,
  LinkOperations,
  LinkView,
  MetricsSource,
  Operations,
  Receipt,
  Refusal,
  ReloadAnswer,
  RolloutOperations,
  ServiceView,
  StateView,
  TidegateEvent,
  Weights,
} from '../../../src/control/operations.ts';
import { createOverloadMemory } from '../../../src/stats/overload-cells.ts';

export const RECEIPT: Receipt = {
  service: 'shop',
  epoch: 8,
  from: { blue: 100, green: 0 },
  to: { blue: 90, green: 10 },
  at: '2026-01-01T00:00:00.000Z',
  appliedMs: 0.4,
  reason: 'traffic',
  note: '',
  by: 'api',
  inFlight: 3,
  drained: null,
  lost: 0,
  ended: 0,
  stored: true,
};

export const STATE: StateView = {
  file: 'state.db',
  writable: true,
  problem: null,
  since: null,
  unkept: 0,
  setAside: [],
};

export const SHOP: ServiceView = {
  name: 'shop',
  epoch: 7,
  traffic: { blue: 100, green: 0 },
  previous: null,
  active: 'blue',
  since: { at: '2026-01-01T00:00:00.000Z', by: 'file', reason: 'start', note: '' },
  stored: true,
  rollout: null,
  pools: [
    {
      name: 'blue',
      version: 'v1',
      weight: 100,
      share: 1,
      state: 'serving',
      inFlight: 3,
      tunnels: 0,
      panic: false,
      drainDeadline: null,
      drainEnded: 0,
      requests: 10,
      errors: 1,
      live: { windowS: 10, requestsPerSecond: 1, errorShare: 0.1, p50Ms: 1.5, p95Ms: 2, p99Ms: null },
      endpoints: [
        {
          address: '127.0.0.1:3001',
          weight: 1,
          effectiveWeight: 1,
          health: 'up',
          admitting: true,
          ejection: null,
          lastCheck: { at: '2026-01-01T00:00:00.000Z', ok: true, detail: '200' },
          inFlight: 3,
          connections: 4,
          idle: 1,
          queued: 0,
        },
      ],
    },
  ],
};

export const CONFIG: ConfigView = {
  file: 'tidegate.yaml',
  generation: 3,
  loadedAt: '2026-01-01T00:00:00.000Z',
  text: 'listeners: []\n',
  lastReload: { at: '2026-01-01T00:00:00.000Z', result: 'applied', changes: ['shop: blue 100→0'], problems: [] },
};

export const PROBLEM: Problem = {
  file: 'tidegate.yaml',
  line: 2,
  column: 3,
  path: 'services.shop',
  message: 'is wrong',
  allowed: 'something else',
  severity: 'error',
};

export const EMPTY_METRICS: MetricsSource = {
  series: [],
  endpoints: [],
  listeners: [],
  routes: [],
  inFlight: [],
  overload: createOverloadMemory(2),
  flagTraffic: null,
  services: [],
  gateMoves: [],
  reloads: { applied: 0, unchanged: 0, rejected: 0 },
  lastReloadSuccess: true,
  generation: 1,
  threads: [],
  logDropped: 0,
  threadReplacements: 0,
  names: [],
  webhooks: [],
  confirmations: [],
  rollouts: [],
  flagRollouts: [],
  signals: [],
  flags: { evaluations: [], changes: [], flags: [] },
  flagGuards: [],
  stateStoreErrors: 0,
  state: STATE,
};

/** A change that was asked for. */
export interface Call {
  readonly operation: 'setTraffic' | 'flip' | 'rollback' | 'reload' | 'freeze';
  readonly service: string;
  readonly input: unknown;
  readonly instruction: Instruction;
}

export class ScriptedOperations implements Operations {
  readonly calls: Call[] = [];
  readonly validated: string[] = [];
  readonly events: TidegateEvent[] = [];
  /** What the next changes of traffic are answered with. */
  change: Receipt | Refusal | Error = RECEIPT;
  reloaded: ReloadAnswer | Refusal = { result: 'applied', generation: 4, changes: ['x'], problems: [] };
  problems: readonly Problem[] = [];
  ready: { ready: boolean; reasons: string[]; warnings: string[] } = { ready: true, reasons: [], warnings: [] };
  board: MetricsSource = EMPTY_METRICS;
  readonly #listeners = new Set<(event: TidegateEvent) => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  /** What links are answered with, and who used them. */
  link: LinkView | Refusal = refusal('bad-link', 'no such link');
  readonly used: { readonly token: string; readonly by: string }[] = [];

  readonly links: LinkOperations = {
    look: () => this.link,
    use: async (token, by) => {
      this.used.push({ token, by });
      return this.link;
    },
  };

  readonly rollouts: RolloutOperations = {
    groups: {
      forecast: (group) => refusal('unknown-group', group),
      start: (group) => refusal('unknown-group', group),
      command: (group) => refusal('unknown-group', group),
      view: (group) => refusal('unknown-group', group),
    },
    flags: {
      running: () => [],
      forecast: (flag) => refusal('no-rollout', flag),
      start: (flag) => refusal('no-rollout', flag),
      command: (flag) => refusal('no-rollout', flag),
      view: (flag) => refusal('no-rollout', flag),
      history: () => [],
    },
    start: async (service) => refusal('no-rollout', service),
    command: (service) => refusal('no-rollout', service),
    forecast: (service) => refusal('no-rollout', service),
    find: (id) => refusal('no-rollout', String(id)),
    view: (service) => refusal('no-rollout', service),
    history: () => [],
    judgeAgain: async (id) => refusal('no-rollout', String(id)),
    explain: async (id) => refusal('no-rollout', String(id)),
  };

  readonly flags: FlagOperations = {
    revision: '',
    list: () => [],
    said: () => new Map(),
    get: (name) => refusal('unknown-flag', name),
    set: async (name) => refusal('unknown-flag', name),
    import: async () => [],
    kill: async (name) => refusal('unknown-flag', name),
    restore: async (name) => refusal('unknown-flag', name),
    remove: async (name) => refusal('unknown-flag', name),
    history: (name) => refusal('unknown-flag', name),
    explain: (name) => refusal('unknown-flag', name),
    preview: (name) => refusal('unknown-flag', name),
    evaluate: () => {
      throw new Error('no flag is evaluated here');
    },
    evaluateAll: () => [],
    count: () => {},
    onChange: () => () => {},
  };

  frozen: FreezeView = { frozen: null, declared: null, windows: [] };
  readonly freezes: FreezeOperations = {
    view: () => this.frozen,
    declare: (order, instruction) => this.#freeze(order, instruction),
    end: (instruction) => this.#freeze(null, instruction),
  };

  #freeze(input: unknown, instruction: Instruction): FreezeView | Refusal {
    this.calls.push({ operation: 'freeze', service: '', input, instruction });
    return this.frozen;
  }

  services(): readonly ServiceView[] {
    return [SHOP];
  }

  service(name: string): ServiceView | Refusal {
    return name === 'shop' ? SHOP : refusal('unknown-service', `there is no service ${name}`);
  }

  setTraffic(service: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal> {
    return this.#record({ operation: 'setTraffic', service, input: weights, instruction });
  }

  flip(
    service: string,
    options: { readonly to: string | null; readonly verify: boolean },
    instruction: Instruction,
  ): Promise<Receipt | Refusal> {
    return this.#record({ operation: 'flip', service, input: options, instruction });
  }

  rollback(service: string, instruction: Instruction): Promise<Receipt | Refusal> {
    return this.#record({ operation: 'rollback', service, input: null, instruction });
  }

  receipt(service: string, epoch: number): Receipt | Refusal {
    if (service === 'shop' && epoch === RECEIPT.epoch) return RECEIPT;
    return refusal('unknown-receipt', 'there is no such receipt');
  }

  config(): ConfigView {
    return CONFIG;
  }

  validate(text: string): readonly Problem[] {
    this.validated.push(text);
    return this.problems;
  }

  reload(instruction: Instruction): Promise<ReloadAnswer | Refusal> {
    this.calls.push({ operation: 'reload', service: '', input: null, instruction });
    return Promise.resolve(this.reloaded);
  }

  eventsSince(id: number, limit: number): readonly TidegateEvent[] {
    return this.events.filter((event) => event.id > id).slice(0, limit);
  }

  onEvent(listener: (event: TidegateEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(): StateView {
    return STATE;
  }

  readiness(): ReturnType<Operations['readiness']> {
    return this.ready;
  }

  metrics(): MetricsSource {
    return this.board;
  }

  /** Adds an event to the log and tells everybody who listens. */
  emit(text: string, data: unknown = null): TidegateEvent {
    const event = makeEvent((this.events.at(-1)?.id ?? 0) + 1, text, data);
    this.events.push(event);
    this.tell(event);
    return event;
  }

  /** Tells everybody who listens, without adding to the log. */
  tell(event: TidegateEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #record(call: Call): Promise<Receipt | Refusal> {
    this.calls.push(call);
    return this.change instanceof Error ? Promise.reject(this.change) : Promise.resolve(this.change);
  }
}

export function refusal(code: Refusal['code'], message: string, details?: unknown): Refusal {
  return details === undefined ? { refused: true, code, message } : { refused: true, code, message, details };
}

export function makeEvent(id: number, text: string, data: unknown = null): TidegateEvent {
  return { id, at: '2026-01-01T00:00:00.000Z', kind: 'traffic', service: 'shop', text, data };
}
