/** Nobody is judged late for what a thread was away: waits by its clock are never too short, whatever the ticks do. */
import t from 'tap';
import { TICK_MS, WaitingClock } from '../../../src/proxy/waiting-clock.ts';
import { seededRandom } from '../../scenario/stage/seeded.ts';

const WAIT_MS = 400;

t.test('with ticks in time a wait is over after its time and at most three ticks', async (t) => {
  const clock = new WaitingClock(1000);
  const atMs = clock.after(WAIT_MS);
  let nowMs = 1000;
  while (clock.nowMs < atMs) {
    nowMs += TICK_MS;
    clock.tick(nowMs);
  }
  t.ok(nowMs - 1000 >= WAIT_MS && nowMs - 1000 <= WAIT_MS + 3 * TICK_MS, `over after ${nowMs - 1000} ms`);
});

t.test('a thread that was away for an hour finds no wait over, and then waits on', async (t) => {
  const clock = new WaitingClock(0);
  const atMs = clock.after(WAIT_MS);
  clock.tick(3_600_000);
  t.ok(clock.nowMs < atMs - WAIT_MS / 2);
  for (let tick = 1; tick <= WAIT_MS / TICK_MS; tick++) clock.tick(3_600_000 + tick * TICK_MS);
  t.ok(clock.nowMs >= atMs, 'the hour is not owed either');
});

t.test('a wait that begins at any moment between ticks that are late at random is never too short', async (t) => {
  const random = seededRandom();
  t.comment(`seed ${random.seed}`);
  const clock = new WaitingClock(0);
  const waits: { readonly beganMs: number; readonly atMs: number }[] = [];
  let realMs = 0;
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let tick = 0; tick < 5000; tick++) {
    const tickMs = TICK_MS + random.below(random.below(4) === 0 ? 1000 : 20);
    waits.push({ beganMs: realMs + random.below(tickMs), atMs: clock.after(WAIT_MS) });
    realMs += tickMs;
    clock.tick(realMs);
    while (waits.length > 0 && clock.nowMs >= waits[0]!.atMs) {
      shortestMs = Math.min(shortestMs, realMs - waits.shift()!.beganMs);
    }
  }
  t.ok(shortestMs >= WAIT_MS, `the shortest took ${shortestMs} ms`);
});
