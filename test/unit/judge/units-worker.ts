/**
 * A thread that raises the same units as all others, in an order of its own, and tells how many it was the first for.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { UnitLedger } from '../../../src/judge/units.ts';
import { mixInteger } from '../../../src/routing/hash.ts';

const { memory, units, backwards }: { memory: SharedArrayBuffer; units: number; backwards: boolean } = workerData;
const ledger = new UnitLedger(memory);
let first = 0;
for (let index = 0; index < units; index++) {
  const unit = backwards ? units - 1 - index : index;
  if (ledger.raise(mixInteger(unit + 1), mixInteger(unit + 77_777_777), 1) === 0) first += 1;
}
parentPort!.postMessage(first);
