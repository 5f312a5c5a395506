/** A thread that enters and leaves a place that holds three as often as it can, and says how many it ever saw inside. */
import { parentPort, workerData } from 'node:worker_threads';
import { InFlightCells, readInFlight } from '../../../src/stats/in-flight-cells.ts';

const { memory, inside, thread } = workerData as {
  readonly memory: SharedArrayBuffer;
  /** One counter of who is inside, kept beside the limit and not by it. */
  readonly inside: SharedArrayBuffer;
  readonly thread: number;
};
const cells = new InFlightCells(memory, thread);
const witness = new Int32Array(inside);
let entered = 0;
let most = 0;
for (let count = 0; count < 20_000; count++) {
  if (!cells.enter(3)) continue;
  entered += 1;
  most = Math.max(most, Atomics.add(witness, 0, 1) + 1);
  // A place is held for as long as somebody else needs to try.
  readInFlight(memory);
  Atomics.sub(witness, 0, 1);
  cells.leave();
}
// The last one stays inside, as an exchange does whose thread dies.
cells.enter(null);
parentPort!.postMessage({ entered, most });
