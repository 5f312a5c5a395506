import t from 'tap';
import { Drains } from '../../../src/control/drains.ts';

const DAY_MS = 24 * 3600 * 1000;
const START = Date.UTC(2026, 0, 1);

/** Drains over a board that says what the test says, and keeps the orders that stand. */
class Stage {
  nowMs = START;
  readonly orders = new Map<string, number>();
  /** What pools have in flight and what drains have ended there; pools that are not named have one exchange. */
  readonly accounts = new Map<string, { readonly inFlight: number; readonly ended: number }>();
  readonly drains = new Drains({
    now: () => this.nowMs,
    board: {
      drainOf: (service, pool) => this.accounts.get(`${service} ${pool}`) ?? { inFlight: 1, ended: 0 },
      endBefore: (service, pool, epoch) => {
        if (epoch === 0) this.orders.delete(`${service} ${pool}`);
        else this.orders.set(`${service} ${pool}`, epoch);
      },
    },
  });

  /** The orders that stand after a look at the clock. */
  standing(): Record<string, number> {
    this.drains.tick();
    return Object.fromEntries(this.orders);
  }
}

t.test(
  'what a pool that has lost all its weight has left is ended when its time is over, until nothing is left',
  async (t) => {
    const stage = new Stage();
    stage.drains.moved('shop', { blue: 1, green: 0, red: 2 }, { blue: 0, green: 1, red: 1 }, 7, 0);
    t.strictSame(stage.standing(), { 'shop blue': 7 });
    t.strictSame(stage.standing(), { 'shop blue': 7 });
    stage.accounts.set('shop blue', { inFlight: 0, ended: 1 });
    t.strictSame(stage.standing(), {});
    t.equal(stage.drains.viewOf('shop', 'blue'), null);
  },
);

t.test('a calendar that is set forward cuts nobody, and one that is set back keeps nobody', async (t) => {
  const stage = new Stage();
  stage.drains.moved('shop', { blue: 1 }, { green: 1 }, 2, DAY_MS / 2);
  stage.nowMs = START + DAY_MS;
  t.strictSame(stage.standing(), {});
  stage.drains.moved('cart', { blue: 1 }, { green: 1 }, 2, 0);
  stage.nowMs = START - DAY_MS;
  t.strictSame(stage.standing(), { 'cart blue': 2 });
});

t.test('the deadline is said by the calendar, and what has been ended is counted from the move on', async (t) => {
  const stage = new Stage();
  stage.accounts.set('shop blue', { inFlight: 9, ended: 5 });
  stage.drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 90_000);
  t.strictSame(stage.drains.viewOf('shop', 'blue'), { deadline: '2026-01-01T00:01:30.000Z', ended: 0 });
  stage.accounts.set('shop blue', { inFlight: 7, ended: 7 });
  t.match(stage.drains.viewOf('shop', 'blue'), { ended: 2 });
  t.equal(stage.drains.viewOf('shop', 'green'), null);
  t.equal(stage.drains.viewOf('cart', 'blue'), null);
});

t.test('a pool that gets weight again is spared at once, before its deadline or while it is being ended', async (t) => {
  const stage = new Stage();
  stage.drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 0);
  t.strictSame(stage.standing(), { 'shop blue': 2 });
  stage.drains.moved('shop', { blue: 0, green: 1 }, { blue: 1, green: 0 }, 3, DAY_MS);
  t.strictSame(Object.fromEntries(stage.orders), {}, 'without waiting for a look at the clock');
  t.strictSame(stage.standing(), {});
});

t.test('a pool that has lost its weight again has all its time again', async (t) => {
  const stage = new Stage();
  stage.drains.moved('shop', { blue: 1 }, { green: 1 }, 2, 0);
  stage.drains.moved('shop', { blue: 0, green: 1 }, { blue: 1, green: 1 }, 3, 0);
  stage.drains.moved('shop', { blue: 1, green: 1 }, { blue: 0, green: 1 }, 4, DAY_MS);
  t.strictSame(stage.standing(), {});
});

t.test('a pool that is still without weight keeps the deadline that it has', async (t) => {
  const stage = new Stage();
  stage.drains.moved('shop', { blue: 1 }, { blue: 0, green: 1 }, 2, 0);
  stage.drains.moved('shop', { blue: 0, green: 1 }, { blue: 0, green: 2 }, 3, DAY_MS);
  t.strictSame(stage.standing(), { 'shop blue': 2 });
});

t.test('a service that comes back at a position is spared where that has weight, and nowhere else', async (t) => {
  const stage = new Stage();
  stage.drains.moved('shop', { blue: 1, red: 1 }, { green: 1 }, 2, 0);
  stage.standing();
  stage.drains.stands('shop', { blue: 1, green: 0, red: 0 });
  t.strictSame(stage.standing(), { 'shop red': 2 });
});
