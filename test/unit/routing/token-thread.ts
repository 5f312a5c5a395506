/** A thread that takes from one bucket as often as it can, and says how often it was granted. */
import { parentPort, workerData } from 'node:worker_threads';
import { TokenBuckets } from '../../../src/routing/token-bucket.ts';

const buckets = new TokenBuckets(workerData as SharedArrayBuffer, 10 ** 15, 1000);
let granted = 0;
for (let count = 0; count < 5000; count++) if (buckets.take('shared', 10n ** 15n) === 0) granted += 1;
parentPort!.postMessage(granted);
