/**
 * Tidegate with a rollout that runs for as long as the bench lasts: started once the active side has answered enough for its
 * latency to be judged. A process of its own, so that the race can start and weigh it like any other.
 *
 *     node bench/judged/host.ts CONFIG LISTEN ADMIN
 */
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { tidegateProgram } from '../contenders.ts';

/** Requests before the rollout; some hundred give the latency its boundaries. */
const REQUESTS = 500;

const [config = '', listen, admin] = process.argv.slice(2);
spawn(process.execPath, [tidegateProgram, 'run', '--config', config], { stdio: 'inherit' });
while (!(await isReady())) await pause(50);
for (let count = 0; count < REQUESTS; count++) await (await fetch(`http://127.0.0.1:${listen}/`)).text();
const started = await fetch(`http://127.0.0.1:${admin}/api/services/shop/rollout`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ to: 'green' }),
});
if (!started.ok) throw new Error(await started.text());

function isReady(): Promise<boolean> {
  return fetch(`http://127.0.0.1:${admin}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
