import t from 'tap';
import { Drains } from '../../../src/control/drains.ts';

const DAY_MS = 24 * 3600 * 1000;
const START = Date.UTC(2026, 0, 1);

t.test('a pool that has lost all its weight is due when its time is over, once', async (t) => {
  const drains = new Drains(() => START);
  drains.moved('shop', { blue: 1, green: 0, red: 2 }, { blue: 0, green: 1, red: 1 }, 7, 0);
  t.match(drains.due(), [{ service: 'shop', pool: 'blue', beforeEpoch: 7 }]);
  t.strictSame(drains.due(), []);
});

t.test('a calendar that is set forward cuts nobody, and one that is set back keeps nobody', async (t) => {
  let nowMs = START;
  const drains = new Drains(() => nowMs);
  drains.moved('shop', { blue: 1 }, { green: 1 }, 2, DAY_MS / 2);
  nowMs = START + DAY_MS;
  t.strictSame(drains.due(), []);
  drains.moved('cart', { blue: 1 }, { green: 1 }, 2, 0);
  nowMs = START - DAY_MS;
  t.match(drains.due(), [{ service: 'cart' }]);
});

t.test('the deadline is said by the calendar', async (t) => {
  const drains = new Drains(() => START);
  drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 90_000);
  t.equal(drains.deadlineOf('shop', 'blue'), '2026-01-01T00:01:30.000Z');
  t.equal(drains.deadlineOf('shop', 'green'), null);
  t.equal(drains.deadlineOf('cart', 'blue'), null);
});

t.test('a pool that gets weight again before its time is not cut', async (t) => {
  const drains = new Drains(() => START);
  drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 0);
  drains.moved('shop', { blue: 0, green: 1 }, { blue: 1, green: 0 }, 3, 0);
  t.match(drains.due(), [{ pool: 'green', beforeEpoch: 3 }]);
});

t.test('a pool that is still without weight keeps the deadline that it has', async (t) => {
  const drains = new Drains(() => START);
  drains.moved('shop', { blue: 1 }, { blue: 0, green: 1 }, 2, 0);
  drains.moved('shop', { blue: 0, green: 1 }, { blue: 0, green: 2 }, 3, DAY_MS);
  t.match(drains.due(), [{ pool: 'blue', beforeEpoch: 2 }]);
});

t.test('a service that has left is forgotten, and no other', async (t) => {
  const drains = new Drains(() => START);
  drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 0);
  drains.moved('cart', { blue: 1 }, { green: 1 }, 2, 0);
  drains.forget('shop');
  t.match(drains.due(), [{ service: 'cart' }]);
});
