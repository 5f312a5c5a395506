/** Records as the tests of the state store and of the event log use them: everything follows from one number. */
import type { Receipt, TidegateEvent } from '../../../src/control/operations.ts';
import type { PositionRecord } from '../../../src/control/state-store.ts';

/** The position of `shop` at an epoch. */
export function positionOf(epoch: number, service = 'shop'): PositionRecord {
  return {
    service,
    epoch,
    weights: { blue: 100 - (epoch % 101), green: epoch % 101 },
    terms: null,
    previous: epoch === 1 ? null : { blue: 101 - (epoch % 101), green: (epoch % 101) - 1 },
    active: epoch === 1 ? null : 'blue',
    fingerprint: `print-${epoch}`,
    at: new Date(epoch * 1000).toISOString(),
    by: 'cli',
    reason: 'traffic',
    note: `note ${epoch}`,
  };
}

/** The event with an id. */
export function eventOf(id: number): TidegateEvent {
  const at = new Date(id * 1000).toISOString();
  return { id, at, kind: 'traffic', service: id % 2 === 0 ? 'shop' : null, text: `event ${id}`, data: { id } };
}

/** The receipt of `shop` for an epoch. */
export function receiptOf(epoch: number, service = 'shop'): Receipt {
  return {
    service,
    epoch,
    from: { blue: 100 },
    to: { green: 100 },
    at: new Date(epoch * 1000).toISOString(),
    appliedMs: 0.25,
    reason: 'flip',
    note: '',
    by: 'api',
    inFlight: 7,
    drained: null,
    lost: 0,
    ended: 0,
    stored: true,
  };
}
