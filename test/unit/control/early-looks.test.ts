/** Looks between two ticks: at once, not too often, and only while there is something to look at. */
import t from 'tap';
import { EarlyLooks } from '../../../src/control/early-looks.ts';
import { Bell } from '../../../src/stats/bell.ts';
import { settled } from './run-stage.ts';

/** Early looks whose rests are over when the test says so. */
function stage(onLook: () => void = () => {}) {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const bell = new Bell(word, 0);
  const rests: { readonly ms: number; readonly over: () => void; isOff: boolean }[] = [];
  let looks = 0;
  const shared = new EarlyLooks({
    bell,
    rest: (then, ms) => {
      const rest = { ms, over: then, isOff: false };
      rests.push(rest);
      return () => {
        rest.isOff = true;
      };
    },
  });
  const early = shared.join(() => {
    looks += 1;
    onLook();
  });
  const ring = async (times = 1): Promise<void> => {
    for (let count = 0; count < times; count++) bell.ring();
    await settled();
  };
  const rested = async (): Promise<void> => {
    rests.at(-1)!.over();
    await settled();
  };
  return { shared, early, bell, ring, rested, rests, looks: () => looks, isHeard: () => word[0] === 1 };
}

t.test('a ring is looked at at once, and a storm of them once more when the rest is over', async (t) => {
  const { early, ring, rested, looks, rests } = stage();
  early.start();
  await ring();
  t.equal(looks(), 1);
  await ring(1000);
  t.equal(looks(), 1, 'a storm waits');
  await rested();
  t.equal(looks(), 2, 'and is one look');
  await rested();
  t.equal(looks(), 2, 'nothing has come since');
  await ring();
  t.equal(looks(), 3);
  t.ok(rests.every(({ ms }) => ms >= 2));
  early.stop();
});

t.test('a ring while it looks is another look, since the counts may have been read before', async (t) => {
  let isFirst = true;
  const one = stage(() => {
    if (isFirst) one.bell.ring();
    isFirst = false;
  });
  one.early.start();
  await one.ring();
  await one.rested();
  t.equal(one.looks(), 2);
  one.early.stop();
});

t.test('a look that takes long is followed by a rest that takes longer', async (t) => {
  const { early, ring, rests } = stage(() => {
    const until = performance.now() + 5;
    while (performance.now() < until);
  });
  early.start();
  await ring();
  t.ok(rests[0]!.ms >= 20);
  early.stop();
});

t.test('nothing is listened for before the start and after the stop, wherever the stop meets it', async (t) => {
  const waiting = stage();
  t.equal(waiting.isHeard(), false);
  await waiting.ring();
  t.equal(waiting.looks(), 0);
  waiting.early.start();
  waiting.early.start();
  t.equal(waiting.isHeard(), true);
  waiting.early.stop();
  await settled();
  t.same([waiting.isHeard(), waiting.looks()], [false, 0], 'while it waits');

  const resting = stage();
  resting.early.start();
  await resting.ring();
  resting.early.stop();
  t.same([resting.isHeard(), resting.rests[0]?.isOff], [false, true], 'while it rests');

  const looking = stage(() => looking.early.stop());
  looking.early.start();
  await looking.ring();
  t.same([looking.isHeard(), looking.looks(), looking.rests.length], [false, 1, 0], 'while it looks');
});

t.test('a start right after a stop waits once and not twice', async (t) => {
  const { early, ring, rested, looks, rests, isHeard } = stage();
  early.start();
  early.stop();
  early.start();
  await settled();
  // The end of the earlier wait is taken for a ring.
  t.equal(looks(), 1);
  await rested();
  t.equal(isHeard(), true);
  await ring();
  t.same([looks(), rests.length], [2, 2]);
  early.stop();
});

t.test('several look by one bell, each while it has something to watch', async (t) => {
  const { shared, early, ring, rested, looks, isHeard } = stage();
  let others = 0;
  const other = shared.join(() => {
    others += 1;
  });
  other.start();
  await ring();
  await rested();
  t.same([looks(), others], [0, 1]);
  early.start();
  await ring();
  await rested();
  t.same([looks(), others], [1, 2]);
  other.stop();
  t.equal(isHeard(), true, 'one of them still watches');
  await ring();
  t.same([looks(), others], [2, 2]);
  early.stop();
});
