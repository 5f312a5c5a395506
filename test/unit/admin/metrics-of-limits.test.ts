import t from 'tap';
import { AuthWriter, createAuthMemory } from '../../../src/stats/auth-cells.ts';
import { createInFlightMemory, InFlightCells } from '../../../src/stats/in-flight-cells.ts';
import { createOverloadMemory, OverloadWriter } from '../../../src/stats/overload-cells.ts';
import { createRouteMemory } from '../../../src/stats/route-cells.ts';
import { keyOf } from './prometheus-text.ts';
import { scrape, THREADS, value } from './scrape.ts';

t.test('what was shed is published by why, and limits on what is in flight beside what counts for them', async (t) => {
  const overload = createOverloadMemory(THREADS);
  for (const thread of [0, 1]) {
    const writer = new OverloadWriter(overload, thread);
    writer.shed('lag');
    writer.shed('pool-in-flight');
    writer.setShedding(thread === 1);
  }
  const board = createInFlightMemory(THREADS);
  const cells = [0, 1].map((thread) => new InFlightCells(board, thread));
  t.same([cells[0]!.enter(2), cells[1]!.enter(2), cells[1]!.enter(2)], [true, true, false]);
  const page = await scrape({
    overload,
    inFlight: [
      { service: '', pool: '', max: null, board: createInFlightMemory(THREADS) },
      { service: 'shop', pool: 'blue', max: 2, board },
    ],
    threads: [0, 1].map((thread) => ({
      thread,
      utilization: 1,
      lagMs: 0,
      accessLogDropped: 0,
      replayBytes: 0,
      replayRefused: 0,
    })),
  });
  const blue = { service: 'shop', pool: 'blue' };
  const process = { service: '', pool: '' };
  const expected = [
    ['shed_total', { reason: 'lag' }, 2],
    ['shed_total', { reason: 'connection' }, 0],
    ['shed_total', { reason: 'in-flight' }, 0],
    ['shed_total', { reason: 'pool-in-flight' }, 2],
    ['thread_shedding', { thread: '0' }, 0],
    ['thread_shedding', { thread: '1' }, 1],
    ['in_flight_limit', blue, 2],
    ['in_flight_limit', process, undefined],
    ['in_flight', blue, 2],
    ['in_flight', process, 0],
    ['in_flight_refused_total', blue, 1],
    ['in_flight_refused_total', process, 0],
  ] as const;
  for (const [name, labels, number] of expected) {
    t.equal(value(page, `tidegate_${name}`, labels), number, `${name} ${JSON.stringify(labels)}`);
  }
});

t.test('what came of questions to a forward-auth service is published by route, from the start', async (t) => {
  const [asking, silent] = [createAuthMemory(THREADS), createAuthMemory(THREADS)];
  new AuthWriter(asking, 0).ended('allowed', 300);
  new AuthWriter(asking, 1).ended('allowed', 300);
  new AuthWriter(asking, 1).ended('refused', 3000);
  new AuthWriter(asking, 1).ended('cancelled', 1);
  for (const reason of ['timeout', 'timeout', 'invalid'] as const) new AuthWriter(asking, 0).ended(reason, 1e6);
  const board = createRouteMemory(THREADS);
  const page = await scrape({
    routes: [
      { name: 'asking', board, forwardAuth: asking },
      { name: 'silent', board, forwardAuth: silent },
      { name: 'neither', board, forwardAuth: null },
    ],
  });
  const total = (route: string, result: string) => value(page, 'tidegate_forward_auth_total', { route, result });
  t.strictSame(
    ['allowed', 'refused', 'cancelled', 'failed'].map((result) => total('asking', result)),
    [2, 1, 1, 3],
  );
  t.equal(total('silent', 'failed'), 0);
  t.equal(total('neither', 'failed'), undefined);
  const failed = (reason: string) => value(page, 'tidegate_forward_auth_failures_total', { route: 'asking', reason });
  t.strictSame(['busy', 'unavailable', 'timeout', 'invalid', 'too-large'].map(failed), [0, 0, 2, 1, 0]);
  const family = page.get('tidegate_forward_auth_duration_seconds')?.samples;
  t.equal(family?.get(keyOf('tidegate_forward_auth_duration_seconds_count', { route: 'asking' })), 6);
  t.equal(family?.get(keyOf('tidegate_forward_auth_duration_seconds_sum', { route: 'asking' })), 3.0036);
});
