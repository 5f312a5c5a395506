import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { Bell } from '../../../src/stats/bell.ts';

const SOURCE = new URL('../../../src/stats/bell.ts', import.meta.url).href;

function bell() {
  const memory = new SharedArrayBuffer(8);
  const ints = new Int32Array(memory);
  return { memory, ints, bell: new Bell(ints, 1) };
}

t.test('a ring of another thread wakes who waits', async (t) => {
  const { memory, bell: own } = bell();
  const ringer = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     parentPort.once('message', async () => {
       const { Bell } = await import(${JSON.stringify(SOURCE)});
       new Bell(new Int32Array(workerData), 1).ring();
     });`,
    { eval: true, workerData: memory },
  );
  const exited = once(ringer, 'exit');
  own.listen();
  const rung = own.rung();
  ringer.postMessage('ring');
  await rung;
  await exited;
  t.pass('it has rung');
});

t.test('a ring between listening and waiting is not lost; one from before is over', async (t) => {
  const { ints, bell: own } = bell();
  own.listen();
  own.ring();
  own.ring();
  await own.rung();
  own.listen();
  let isWoken = false;
  const rung = own.rung().then(() => {
    isWoken = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(isWoken, false, 'it is heard once');
  own.ring();
  await rung;
  t.same([...ints], [0, 0], 'and nobody listens any more');
});

t.test('a wait that nobody ends keeps no process alive', async (t) => {
  const program = `
    const { Bell } = await import(${JSON.stringify(SOURCE)});
    const bell = new Bell(new Int32Array(new SharedArrayBuffer(4)), 0);
    bell.listen();
    bell.rung().then(() => console.log('rung'));
    process.on('exit', () => console.log('exit'));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { timeout: 60_000 });
  t.equal(String(out), 'exit\n');
});
