/**
 * A data thread that does nothing but read the gate, as a router would, and checks each position that it sees: that it
 * belongs together, that epochs only grow, and that none is earlier than the one last answered when it began. Cell 0 of
 * `answered` holds that epoch; in cell 1 + thread this thread says how many epochs it has seen.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { GateReader } from '../../../src/routing/gate.ts';
import { ProcessMember } from '../../../src/stats/process-cells.ts';
import { boundsAt, POOLS, STOP, weightsAt } from './gate-positions.ts';

const { gate, memory, thread, answered } = workerData as {
  readonly gate: SharedArrayBuffer;
  readonly memory: SharedArrayBuffer;
  readonly thread: number;
  readonly answered: SharedArrayBuffer;
};
const reader = new GateReader(gate, POOLS);
const member = new ProcessMember(memory, thread);
const answeredEpoch = new Int32Array(answered);

const seen = { reads: 0, epochs: 0, torn: 0, backwards: 0, early: 0 };
let last = 0;
parentPort!.postMessage('reading');
for (let floor = Atomics.load(answeredEpoch, 0); floor !== STOP; floor = Atomics.load(answeredEpoch, 0)) {
  member.enter();
  const slot = reader.slot();
  const epoch = reader.epochAt(slot);
  const bounds = reader.cells.slice(reader.boundsAt(slot), reader.boundsAt(slot) + POOLS);
  const weights = reader.cells.slice(reader.weightsAt(slot), reader.weightsAt(slot) + POOLS);
  member.leave();
  const wholeBounds = boundsAt(epoch).every((bound, pool) => bound === bounds[pool]);
  const wholeWeights = weightsAt(epoch).every((weight, pool) => weight === weights[pool]);
  seen.reads++;
  if (!wholeBounds || !wholeWeights) seen.torn++;
  if (epoch < last) seen.backwards++;
  if (epoch < floor) seen.early++;
  if (epoch !== last) {
    seen.epochs++;
    Atomics.store(answeredEpoch, 1 + thread, seen.epochs);
  }
  last = epoch;
}
parentPort!.postMessage(seen);
