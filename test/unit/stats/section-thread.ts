/**
 * A data thread that sits in its routing section until it is told to go on. In `control`, cell 0 is written by the test
 * (1: leave), cell 1 by this thread (1: it is about to leave).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ProcessMember } from '../../../src/stats/process-cells.ts';

const { memory, thread, control } = workerData as {
  readonly memory: SharedArrayBuffer;
  readonly thread: number;
  readonly control: SharedArrayBuffer;
};
const cells = new Int32Array(control);
const member = new ProcessMember(memory, thread);
member.enter();
parentPort!.postMessage('inside');
Atomics.wait(cells, 0, 0);
Atomics.store(cells, 1, 1);
member.leave();
