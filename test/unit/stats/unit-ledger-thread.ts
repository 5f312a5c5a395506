/**
 * A thread that raises the same units as all others and tells how many it was the first for. At each unit it waits for the
 * others, so that all of them meet there.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { mixInteger } from '../../../src/routing/hash.ts';
import { UnitLedger } from '../../../src/stats/unit-ledger.ts';

const {
  memory,
  arrivals,
  units,
  threads,
}: {
  memory: SharedArrayBuffer;
  arrivals: SharedArrayBuffer;
  units: number;
  threads: number;
} = workerData;
const arrived = new Int32Array(arrivals);
const ledger = new UnitLedger(memory);
let first = 0;
let spins = 0;
for (let unit = 0; unit < units; unit++) {
  Atomics.add(arrived, unit, 1);
  while (Atomics.load(arrived, unit) < threads) spins += 1;
  if (ledger.raise(mixInteger(unit + 1), mixInteger(unit + 77_777_777), 1) === 0) first += 1;
}
parentPort!.postMessage({ first, spins });
