import t from 'tap';
import { LagRule } from '../../../src/routing/lag-rule.ts';

const TICK_MS = 50;

function ruleOf(lagMs: number | null): LagRule {
  const rule = new LagRule(TICK_MS);
  rule.configure(lagMs);
  rule.tick(0);
  return rule;
}

/** So many requests at one moment; how many of them are refused. */
function refusedOf(rule: LagRule, count: number, nowMs: number): number {
  let refused = 0;
  for (let at = 0; at < count; at++) if (rule.refuses(nowMs)) refused += 1;
  return refused;
}

t.test('a thread that keeps up refuses nothing, however much comes', async (t) => {
  const rule = ruleOf(100);
  for (let nowMs = 0; nowMs < 5000; nowMs += 140) {
    t.equal(refusedOf(rule, 1000, nowMs + 139), 0);
    rule.tick(nowMs + 140);
  }
});

t.test('one pause is no overload, however long it was', async (t) => {
  const rule = ruleOf(100);
  refusedOf(rule, 100, 10);
  t.equal(refusedOf(rule, 1000, 60_000), 0, 'neither for what comes in the turn that was paused');
  rule.tick(60_000);
  t.equal(rule.standing, true);
  t.equal(refusedOf(rule, 1000, 60_140), 0, 'nor for the backlog, which is worked through in time');
  rule.tick(60_140);
  t.equal(rule.standing, false);
});

t.test('a turn that goes on and on is overload, also when none before it was late', async (t) => {
  const rule = ruleOf(100);
  const overdueAt = TICK_MS + 101;
  t.equal(refusedOf(rule, 1000, overdueAt), 0, 'it may be a pause');
  t.equal(refusedOf(rule, 1000, overdueAt + 100), 0, 'whose backlog is worked through');
  t.equal(refusedOf(rule, 1000, overdueAt + 101), 1000, 'but a backlog that lasts is none');
});

t.test('each turn is given its time anew, and the thread is said to shed until a tick comes in time', async (t) => {
  const rule = ruleOf(100);
  refusedOf(rule, 100, 160);
  t.equal(refusedOf(rule, 100, 300), 100);
  rule.tick(301);
  t.equal(rule.standing, true);
  t.equal(refusedOf(rule, 100, 301 + TICK_MS + 101), 0);
  t.equal(refusedOf(rule, 100, 301 + TICK_MS + 202), 100);
  rule.tick(553);
  t.equal(rule.standing, true);
  rule.tick(553 + TICK_MS + 100);
  t.equal(rule.standing, false);
});

t.test('a slow machine with hardly any requests is not overloaded by them', async (t) => {
  const rule = ruleOf(100);
  for (let nowMs = 1000; nowMs < 10_000; nowMs += 1000) {
    t.equal(refusedOf(rule, 16, nowMs - 1), 0);
    rule.tick(nowMs);
    t.equal(rule.standing, false);
  }
});

t.test('far behind, no connection is taken until a tick comes in time', async (t) => {
  const rule = ruleOf(100);
  const turn = (nowMs: number): void => {
    for (let count = 0; count < 100; count++) rule.connected();
    rule.tick(nowMs);
  };
  turn(500);
  t.equal(rule.closed, false, 'one pause closes nothing');
  turn(500 + TICK_MS + 300);
  t.equal(rule.closed, false);
  turn(850 + TICK_MS + 301);
  t.equal(rule.closed, true);
  rule.tick(1201 + TICK_MS + 150);
  t.equal(rule.closed, true, 'also when nothing has come');
  rule.tick(1401 + TICK_MS);
  t.equal(rule.closed, false);
  t.equal(rule.standing, false);
});

t.test('it can be turned off, in the middle of it too', async (t) => {
  const off = ruleOf(null);
  for (let nowMs = 1000; nowMs < 10_000; nowMs += 1000) {
    t.equal(refusedOf(off, 100, nowMs - 1), 0);
    off.tick(nowMs);
  }
  t.same([off.standing, off.closed], [false, false]);
  const rule = ruleOf(100);
  for (let nowMs = 1000; nowMs < 4000; nowMs += 1000) {
    refusedOf(rule, 100, nowMs - 1);
    rule.tick(nowMs);
  }
  t.same([rule.standing, rule.closed], [true, true]);
  rule.configure(null);
  t.same([rule.standing, rule.closed, refusedOf(rule, 100, 60_000)], [false, false, 0]);
  rule.configure(100);
  t.equal(refusedOf(rule, 100, 60_000), 0, 'and on again, it begins anew');
});

/** What one kind of event costs the modelled thread, in milliseconds. */
const HEAD_MS = 0.1;
const ANSWER_MS = 0.1;
const REFUSAL_MS = 0.015;
const CAPACITY = 1000 / (HEAD_MS + ANSWER_MS);
const DEADLINE_MS = 1000;
const RUN_MS = 20_000;

/** How libuv hands out what is ready: so many events at once, and so often before it looks at its timers. */
const BATCH = 1024;
const BATCHES = 48;

/**
 * A thread as libuv has it: events are handled in the order in which they became ready, in batches; a tick comes when a batch was
 * not full, or after many. A request takes two events. Clients come at a fixed rate, whatever becomes of those before. Gives the
 * requests per second that were answered within the deadline.
 */
function goodputAt(load: number, lagMs: number | null): number {
  const rule = ruleOf(lagMs);
  const everyMs = 1000 / (load * CAPACITY);
  let nowMs = 0;
  let dueMs = TICK_MS;
  let arrivedMs = 0;
  let batches = 0;
  const ready: { readonly sinceMs: number; readonly isAnswer: boolean }[] = [];
  let next = 0;
  let good = 0;
  while (nowMs < RUN_MS) {
    for (; arrivedMs <= nowMs; arrivedMs += everyMs) ready.push({ sinceMs: arrivedMs, isAnswer: false });
    const end = Math.min(ready.length, next + BATCH);
    const isFull = end - next === BATCH;
    if (end === next) nowMs = Math.min(arrivedMs, dueMs);
    for (; next < end; next++) {
      const { sinceMs, isAnswer } = ready[next]!;
      if (isAnswer) {
        nowMs += ANSWER_MS;
        if (nowMs - sinceMs <= DEADLINE_MS) good += 1;
      } else if (rule.refuses(nowMs)) {
        nowMs += REFUSAL_MS;
      } else {
        nowMs += HEAD_MS;
        ready.push({ sinceMs, isAnswer: true });
      }
    }
    batches = isFull ? batches + 1 : 0;
    if (batches === BATCHES) batches = 0;
    if (batches === 0 && nowMs >= dueMs) {
      rule.tick(nowMs);
      dueMs = nowMs + TICK_MS;
    }
  }
  return good / (RUN_MS / 1000);
}

t.test('at three times the capacity the answers in time stay within a fifth of the peak', async (t) => {
  const loads = [0.5, 0.9, 1, 1.2, 1.5, 2, 3];
  const shed = loads.map((load) => goodputAt(load, 100));
  const peak = Math.max(...shed);
  t.ok(peak > 0.9 * CAPACITY);
  for (const [at, goodput] of shed.entries()) {
    const least = 0.8 * Math.min(peak, loads[at]! * CAPACITY);
    t.ok(goodput >= least, `load ${loads[at]}: ${goodput} of ${CAPACITY} in time`);
  }
  for (const load of [1.5, 3]) t.ok(goodputAt(load, null) < 0.2 * peak, `and without it, load ${load} is a collapse`);
});
