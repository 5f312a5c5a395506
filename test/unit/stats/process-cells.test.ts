import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { createProcessMemory, ProcessMember, ProcessOwner } from '../../../src/stats/process-cells.ts';

const FOREVER = 1;
/** A clock that stands: waiting never ends by time. */
const standing = (): number => 0;
/** A clock that goes on by a millisecond each time it is asked, so that waiting ends without any time passing. */
function ticking(): () => number {
  let now = 0;
  return () => now++;
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A thread inside its routing section. */
async function threadInside(t: Test, memory: SharedArrayBuffer, thread: number) {
  const control = new SharedArrayBuffer(8);
  const worker = new Worker(new URL('./section-thread.ts', import.meta.url), {
    workerData: { memory, thread, control },
    execArgv: [],
  });
  t.teardown(() => worker.terminate());
  await once(worker, 'message');
  const cells = new Int32Array(control);
  return {
    worker,
    about: (): boolean => Atomics.load(cells, 1) === 1,
    release: (): void => {
      Atomics.store(cells, 0, 1);
      Atomics.notify(cells, 0);
    },
  };
}

t.test('a commit and a stop are seen by every thread', async (t) => {
  const memory = createProcessMemory(2);
  const owner = new ProcessOwner(memory);
  const members = [new ProcessMember(memory, 0), new ProcessMember(memory, 1)];
  t.equal(owner.threads, 2);
  t.same(
    members.map((one) => [one.generation, one.stopping]),
    [
      [0, false],
      [0, false],
    ],
  );
  owner.commit(7);
  owner.beginStop();
  t.same(
    members.map((one) => [one.generation, one.stopping]),
    [
      [7, true],
      [7, true],
    ],
  );
});

t.test('what a thread reports is found under that thread', async (t) => {
  const memory = createProcessMemory(2);
  const owner = new ProcessOwner(memory);
  const member = new ProcessMember(memory, 1);
  member.report(0.75, 12.5);
  member.dropAccessLog(3);
  member.dropAccessLog(4);
  t.same([owner.utilization(1), owner.lagMs(1), owner.accessLogDropped(1)], [0.75, 12.5, 7]);
  t.same([owner.utilization(0), owner.lagMs(0), owner.accessLogDropped(0)], [0, 0, 0]);
  t.same([member.generation, member.stopping], [0, false]);
});

t.test('nobody in a routing section: grace comes at once', async (t) => {
  const memory = createProcessMemory(4);
  const member = new ProcessMember(memory, 2);
  member.enter();
  member.leave();
  t.equal(await new ProcessOwner(memory).awaitGrace(FOREVER, { now: standing, turn }), true);
});

t.test('a thread in its routing section is waited for until it leaves', async (t) => {
  const memory = createProcessMemory(2);
  const { about, release } = await threadInside(t, memory, 1);
  let come = false;
  const grace = new ProcessOwner(memory).awaitGrace(FOREVER, { now: standing, turn }).then((seen) => {
    come = true;
    t.equal(about(), true, 'the thread was about to leave when grace came');
    return seen;
  });
  for (let turns = 0; turns < 50; turns++) await turn();
  t.equal(come, false);
  release();
  t.equal(await grace, true);
});

t.test('every thread is waited for, the first to leave is not enough', async (t) => {
  const memory = createProcessMemory(3);
  const [first, last] = await Promise.all([threadInside(t, memory, 0), threadInside(t, memory, 2)]);
  let come = false;
  const grace = new ProcessOwner(memory).awaitGrace(FOREVER, { now: standing, turn }).then((seen) => {
    come = true;
    return seen;
  });
  first.release();
  await once(first.worker, 'exit');
  for (let turns = 0; turns < 50; turns++) await turn();
  t.equal(come, false);
  last.release();
  t.equal(await grace, true);
});

t.test('a thread that left and entered again is not waited for a second time', async (t) => {
  const memory = createProcessMemory(1);
  const member = new ProcessMember(memory, 0);
  member.enter();
  const grace = new ProcessOwner(memory).awaitGrace(FOREVER, { now: standing, turn });
  member.leave();
  member.enter();
  t.equal(await grace, true);
});

t.test('a thread that does not leave in time is told of', async (t) => {
  const memory = createProcessMemory(1);
  new ProcessMember(memory, 0).enter();
  t.equal(await new ProcessOwner(memory).awaitGrace(5, { now: ticking(), turn }), false);
});

t.test(
  'a thread that died in its routing section is settled and not waited for, nor is its replacement confused',
  async (t) => {
    const memory = createProcessMemory(2);
    const owner = new ProcessOwner(memory);
    const { worker } = await threadInside(t, memory, 0);
    await worker.terminate();
    t.equal(await owner.awaitGrace(5, { now: ticking(), turn }), false);
    owner.settleDeadThread(0);
    t.equal(await owner.awaitGrace(FOREVER, { now: standing, turn }), true);
    const replacement = new ProcessMember(memory, 0);
    replacement.enter();
    t.equal(await owner.awaitGrace(5, { now: ticking(), turn }), false);
    replacement.leave();
    t.equal(await owner.awaitGrace(FOREVER, { now: standing, turn }), true);
  },
);

t.test('a thread that dies while it is waited for ends the wait once it is settled', async (t) => {
  const memory = createProcessMemory(1);
  const owner = new ProcessOwner(memory);
  const { worker } = await threadInside(t, memory, 0);
  worker.once('exit', () => owner.settleDeadThread(0));
  const grace = owner.awaitGrace(FOREVER, { now: standing, turn });
  void worker.terminate();
  t.equal(await grace, true);
});

t.test('settling a thread that died outside its routing section changes nothing', async (t) => {
  const memory = createProcessMemory(1);
  const owner = new ProcessOwner(memory);
  owner.settleDeadThread(0);
  new ProcessMember(memory, 0).enter();
  t.equal(await owner.awaitGrace(5, { now: ticking(), turn }), false);
});
