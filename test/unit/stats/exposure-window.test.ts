import t from 'tap';
import { mixInteger } from '../../../src/routing/hash.ts';
import { ExposureWindow } from '../../../src/stats/exposure-window.ts';

t.test('an exposure is new once in its window', async (t) => {
  const window = new ExposureWindow(16, 1000);
  t.ok(window.isNew(1, 2, 0));
  t.notOk(window.isNew(1, 2, 999));
  t.ok(window.isNew(1, 3, 999), 'another one');
  t.ok(window.isNew(1, 3, 1999), 'the window is over');
});

t.test('one that takes the place of another makes that one new again, and itself is told', async (t) => {
  const window = new ExposureWindow(16, 60_000);
  t.ok(window.isNew(5, 1, 0));
  t.ok(window.isNew(5 + 16, 2, 1));
  t.ok(window.isNew(5, 1, 2));
});

t.test('with room, each of many is told exactly once; hashes of all 32 bits', async (t) => {
  const window = new ExposureWindow(2 ** 20, 60_000);
  let told = 0;
  for (let round = 0; round < 3; round += 1) {
    for (let user = 0; user < 10_000; user += 1) {
      if (window.isNew(mixInteger(user), mixInteger(~user), round)) told += 1;
    }
  }
  t.ok(told >= 10_000 && told < 10_400, `${told} of 10,000 users in 30,000 looks`);
});
