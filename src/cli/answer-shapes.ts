/**
 * The shapes that the CLI relies on in answers of the admin API, checked before anything is read from them.
 *
 * Whatever listens on the address may not be a Tidegate, or may be one of another version. A wrong shape is then one
 * sentence and not a TypeError halfway through a table. Keys that are not named here are let through. The schemas of
 * zod would do the same and take longer to load than `tidegate status` takes to run.
 */

import type {
  FlagRolloutGlance,
  FreezeView,
  Receipt,
  ReloadAnswer,
  ServiceView,
  StateView,
  TidegateEvent,
} from '../control/operations.ts';

/** A type by name, a list `[of]`, a mapping `{ '*': of }`, an object by keys, or one of these or null. */
export type Shape =
  | 'text'
  | 'number'
  | 'boolean'
  | 'anything'
  | OrNull
  | readonly [Shape]
  | { readonly [key: string]: Shape };
class OrNull {
  readonly shape: Shape;
  constructor(shape: Shape) {
    this.shape = shape;
  }
}

/** A shape or null. */
export const orNull = (shape: Shape): Shape => new OrNull(shape);
const WEIGHTS: Shape = { '*': 'number' };

const RECEIPT: Shape = {
  service: 'text',
  epoch: 'number',
  from: WEIGHTS,
  to: WEIGHTS,
  at: 'text',
  appliedMs: 'number',
  reason: 'text',
  note: 'text',
  by: 'text',
  inFlight: 'number',
  drained: orNull('text'),
  lost: 'number',
  ended: 'number',
};

const LIVE: Shape = {
  requestsPerSecond: 'number',
  errorShare: 'number',
  p50Ms: orNull('number'),
  p95Ms: orNull('number'),
  p99Ms: orNull('number'),
};

const ENDPOINT: Shape = {
  address: 'text',
  health: 'text',
  admitting: 'boolean',
  ejection: orNull({ until: orNull('text'), reason: 'text' }),
  lastCheck: orNull({ at: 'text', ok: 'boolean', detail: 'text' }),
};

const POOL: Shape = {
  name: 'text',
  version: 'text',
  weight: 'number',
  share: 'number',
  state: 'text',
  inFlight: 'number',
  tunnels: 'number',
  panic: 'boolean',
  drainDeadline: orNull('text'),
  drainEnded: 'number',
  live: LIVE,
  endpoints: [ENDPOINT],
};

const SERVICE: Shape = {
  name: 'text',
  epoch: 'number',
  traffic: WEIGHTS,
  since: { at: 'text', by: 'text', reason: 'text', note: 'text' },
  pools: [POOL],
};

const GLANCE: { readonly [key: string]: Shape } = {
  id: 'number',
  candidate: 'text',
  version: 'text',
  phase: 'text',
  step: 'number',
  steps: 'number',
  share: 'number',
  elapsedMs: orNull('number'),
  untilMs: orNull('number'),
  reason: 'text',
};

const STATE: Shape = {
  file: 'text',
  problem: orNull('text'),
  since: orNull('text'),
  unkept: 'number',
  setAside: ['text'],
};

const EVENT: Shape = { id: 'number', at: 'text', kind: 'text', service: orNull('text'), text: 'text' };

const PROBLEM: Shape = { file: 'text', line: 'number', column: 'number', path: 'text', message: 'text' };

export function isReceipt(value: unknown): value is Receipt {
  return fits(value, RECEIPT);
}

export function isServiceView(value: unknown): value is ServiceView {
  if (!fits(value, SERVICE)) return false;
  return isGlanceOrNone((value as { readonly rollout?: unknown }).rollout);
}

/** A Tidegate of an earlier version says nothing of rollouts. */
export function isGlanceOrNone(value: unknown): boolean {
  return value === undefined || value === null || fits(value, GLANCE);
}

/** A Tidegate of an earlier version says nothing of its state file, and of rollouts of flags. */
export interface ServiceList {
  readonly services: readonly ServiceView[];
  readonly state?: StateView;
  readonly flagRollouts?: readonly FlagRolloutGlance[];
}

export function isServiceList(value: unknown): value is ServiceList {
  if (!fits(value, { services: ['anything'] })) return false;
  const { services, state, flagRollouts } = value as Readonly<Record<string, unknown>>;
  if (!(services as readonly unknown[]).every(isServiceView)) return false;
  if (flagRollouts !== undefined && !fits(flagRollouts, [{ ...GLANCE, flag: 'text' }])) return false;
  return state === undefined || fits(state, STATE);
}

export function isEvent(value: unknown): value is TidegateEvent {
  return fits(value, EVENT);
}

export function isReloadAnswer(value: unknown): value is ReloadAnswer {
  return fits(value, { result: 'text', generation: 'number', changes: ['text'], problems: [PROBLEM] });
}

export function isFreezeView(value: unknown): value is FreezeView {
  const declared = orNull({ reason: 'text', by: 'text', until: orNull('text'), stored: 'boolean' });
  return fits(value, {
    frozen: orNull('text'),
    declared,
    windows: [{ window: 'text', reason: 'text', isOpen: 'boolean' }],
  });
}

/** An answer that says why nothing was done. */
export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly details?: unknown };
}

export function isErrorAnswer(value: unknown): value is ErrorAnswer {
  return fits(value, { error: { code: 'text', message: 'text' } });
}

/** Whether details of an error are a list of config problems. */
export function isProblemList(value: unknown): value is ReloadAnswer['problems'] {
  return fits(value, [PROBLEM]);
}

/** Whether a value has a shape; keys that the shape does not name are let through. */
export function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') {
    switch (shape) {
      case 'anything':
        return true;
      case 'text':
        return typeof value === 'string';
      case 'number':
        return typeof value === 'number';
      case 'boolean':
        return typeof value === 'boolean';
    }
  }
  if (shape instanceof OrNull) return value === null || fits(value, shape.shape);
  if (Array.isArray(shape)) return Array.isArray(value) && value.every((item) => fits(item, shape[0]));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const given = value as Readonly<Record<string, unknown>>;
  const keys = shape as { readonly [key: string]: Shape };
  const every = keys['*'];
  if (every !== undefined) return Object.values(given).every((item) => fits(item, every));
  return Object.entries(keys).every(([key, inner]) => fits(given[key], inner));
}
