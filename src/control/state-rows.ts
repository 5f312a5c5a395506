/**
 * Rows of the state file, and the records that they stand for.
 *
 * SQLite finds a damaged page, not a damaged letter: a flipped bit in a weight leaves a perfect database that sends
 * traffic where nobody has sent it. So a position carries a seal over all that it says, and one whose seal does not fit is
 * damage like any other. Receipts and events are history; they have to be readable, and are not sealed.
 */
import { createHash } from 'node:crypto';
import type { Terms } from '../routing/terms.ts';
import type { MoveReason, Receipt, TidegateEvent, Weights } from './operations.ts';
import { DamagedRow } from './state-fault.ts';

/** Where a service's gate stands, and how it came there. */
export interface PositionRecord {
  readonly service: string;
  readonly epoch: number;
  readonly weights: Weights;
  /** What the position says of one pool beside its weight, or null. */
  readonly terms: Terms | null;
  /** The position before, to which `rollback` returns; null when there is none. */
  readonly previous: Weights | null;
  /** The pool that is the active one by what went before (`routing/active-pool.ts`); null when that is not known. */
  readonly active: string | null;
  /** Of the `traffic:` block of the file that this position came from or superseded. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason: MoveReason;
  readonly note: string;
}

type Row = Readonly<Record<string, unknown>>;
type Value = string | number | null;

const POSITION_COLUMNS = [
  'service',
  'epoch',
  'weights',
  'previous',
  'active',
  'fingerprint',
  'at',
  'by',
  'reason',
  'note',
];

/** The values of a position in the order of its columns, the terms and the seal last. */
export function positionValues(record: PositionRecord): Value[] {
  const { service, epoch, weights, terms, previous, active, fingerprint, at, by, reason, note } = record;
  const before = previous === null ? null : JSON.stringify(previous);
  const values = [service, epoch, JSON.stringify(weights), before, active, fingerprint, at, by, reason, note];
  const own = terms === null ? null : JSON.stringify(terms);
  return [...values, own, sealOf(sealed(values, own))];
}

/** Terms are sealed where there are any: the seal of a position without them is the same as before there were terms. */
function sealed(values: readonly Value[], terms: Value): readonly Value[] {
  return terms === null ? values : [...values, terms];
}

/** The position of a row. Throws a DamagedRow; a row from before there were seals has an empty one and is believed. */
export function positionOf(row: Row): PositionRecord {
  const values = POSITION_COLUMNS.map((column) => row[column] as Value);
  const terms = (row.terms ?? null) as Value;
  if (row.seal !== '' && row.seal !== sealOf(sealed(values, terms))) throw new DamagedRow('a position is damaged');
  return {
    service: String(row.service),
    epoch: Number(row.epoch),
    weights: parsed(row.weights) as Weights,
    terms: terms === null ? null : (parsed(terms) as Terms),
    previous: row.previous === null ? null : (parsed(row.previous) as Weights),
    active: row.active === null ? null : String(row.active),
    fingerprint: String(row.fingerprint),
    at: String(row.at),
    by: String(row.by),
    reason: row.reason as MoveReason,
    note: String(row.note),
  };
}

/** The receipt of a row; one that was kept before it said what drains had ended says 0. Throws a DamagedRow. */
export function receiptOf(row: Row): Receipt {
  return { ended: 0, ...(parsed(row.body) as Omit<Receipt, 'ended'>), stored: true };
}

/** The event of a row. Throws a DamagedRow. */
export function eventOf(row: Row): TidegateEvent {
  const service = row.service;
  return {
    id: Number(row.id),
    at: String(row.at),
    kind: String(row.kind),
    service: service === null ? null : String(service),
    text: String(row.text),
    data: parsed(row.data),
  };
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    throw new DamagedRow('a row is damaged');
  }
}

function sealOf(values: readonly Value[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url').slice(0, 22);
}
