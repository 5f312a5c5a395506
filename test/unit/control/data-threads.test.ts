/** Staging on all data threads, and what happens to it when one of them dies or does not answer. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { DataThreads } from '../../../src/control/data-threads.ts';
import { createProcessMemory, ProcessOwner } from '../../../src/stats/process-cells.ts';
import { WireEnd } from '../../wire/stage/wire-end.ts';
import { Snapshots } from '../proxy/snapshots.ts';

const STAGE_MS = 10_000;

interface Stage {
  readonly threads: DataThreads;
  readonly owner: ProcessOwner;
  readonly snapshots: Snapshots;
  /** Threads whose replacement has taken over, in order. */
  readonly replaced: number[];
  readonly warnings: string[];
  /** Kills a thread and waits for its replacement. */
  readonly replace: (thread: number) => Promise<void>;
}

async function start(t: Test, count: number): Promise<Stage> {
  const processMemory = createProcessMemory(count);
  const replaced: number[] = [];
  const warnings: string[] = [];
  let onReplaced: () => void = () => {};
  const threads = new DataThreads({
    count,
    processMemory,
    reusePort: true,
    events: {
      onDeath: () => {},
      onEnd: () => {},
      onReplaced: (thread) => {
        replaced.push(thread);
        onReplaced();
      },
      onAccessLog: () => {},
      onExposures: () => {},
      onWarning: (_, message) => warnings.push(message),
    },
  });
  t.teardown(() => threads.terminate());
  await threads.start();
  const replace = async (thread: number): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      onReplaced = resolve;
    });
    await threads.kill(thread);
    await done;
  };
  const snapshots = new Snapshots(count, '127.0.0.1:9');
  return { threads, owner: new ProcessOwner(processMemory), snapshots, replaced, warnings, replace };
}

async function commit({ threads, owner, snapshots }: Stage, generation: number, listeners: readonly string[]) {
  const snapshot = await snapshots.of(generation, listeners);
  const error = await threads.stage(snapshot);
  if (error !== null) throw new Error(error);
  owner.commit(generation);
  threads.committed(snapshot);
}

t.test('a thread that dies after it has acknowledged a snapshot is waited for again', async (t) => {
  const stage = await start(t, 2);
  const { threads, snapshots, replaced, replace } = stage;
  await commit(stage, 1, ['web']);
  // Whoever dies again and again is replaced more slowly: thread 0 will come back well after thread 1.
  for (let deaths = 0; deaths < 3; deaths++) await replace(0);
  const second = await snapshots.of(2, ['web', 'second']);
  const port = await snapshots.port('second');
  await threads.kill(1);
  replaced.length = 0;
  const staged = threads.stage(second);
  await untilAccepts(port);
  t.same(replaced, [], 'thread 0 has taken it, thread 1 is not back yet');
  await threads.kill(0);
  t.equal(await staged, null);
  t.same(replaced.toSorted(), [0, 1], 'both are back');
});

/** Resolves when somebody accepts connections at a port. */
async function untilAccepts(port: number): Promise<void> {
  for (;;) {
    const { socket } = new WireEnd(connect(port, '127.0.0.1'));
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
  }
}

t.test(
  'a snapshot that the threads do not take in time is given up, and a late answer to it means nothing',
  async (t) => {
    const stage = await start(t, 1);
    const { threads, snapshots } = stage;
    const [late, next] = [await snapshots.of(1, ['web']), await snapshots.of(2, ['web'])];
    mock.timers.enable({ apis: ['setTimeout'] });
    t.teardown(() => mock.timers.reset());
    const staged = threads.stage(late);
    mock.timers.tick(STAGE_MS - 1);
    mock.timers.tick(1);
    t.equal(await staged, `the data threads did not take the snapshot within ${STAGE_MS / 1000} s`);
    t.equal(await threads.stage(next), null, 'the next is not mistaken for it');
    mock.timers.tick(STAGE_MS);
  },
);

t.test('one thread that cannot take a snapshot is enough to refuse it', async (t) => {
  const { threads, snapshots } = await start(t, 2);
  const snapshot = await snapshots.of(1, ['web']);
  const listeners = snapshot.listeners.map((spec) => ({ ...spec, host: '192.0.2.1' }));
  t.match(await threads.stage({ ...snapshot, listeners }), /EADDRNOTAVAIL/);
  t.equal(await threads.stage(await snapshots.of(2, ['web'])), null);
});
