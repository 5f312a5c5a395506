/** The record of a route's questions: rows of threads add up, and a question that nobody waited for has no duration. */
import t from 'tap';
import { AUTH_FAILURES, AUTH_RESULTS, AuthWriter, createAuthMemory, readAuth } from '../../../src/stats/auth-cells.ts';
import { bucketOf } from '../../../src/stats/histogram.ts';

t.test('each result is counted by itself, over all threads', async (t) => {
  const memory = createAuthMemory(3);
  AUTH_RESULTS.forEach((result, index) => {
    for (let count = 0; count <= index; count++) new AuthWriter(memory, count % 3).ended(result, 100);
  });
  t.strictSame(
    [...readAuth(memory).results],
    AUTH_RESULTS.map((_, index) => index + 1),
  );
});

t.test('durations are of questions that came to something, also to a failure', async (t) => {
  const memory = createAuthMemory(2);
  new AuthWriter(memory, 0).ended('allowed', 1000);
  new AuthWriter(memory, 1).ended('timeout', 5_000_000);
  new AuthWriter(memory, 1).ended('cancelled', 7);
  const { durations, durationSumUs } = readAuth(memory);
  t.equal(durationSumUs, 5_001_000);
  t.equal(
    durations.reduce((sum, count) => sum + count),
    2,
  );
  t.equal(durations[bucketOf(1000)], 1);
  t.equal(durations[bucketOf(5_000_000)], 1);
});

t.test('a result is a failure unless somebody decided, or left', async (t) => {
  t.strictSame([...AUTH_RESULTS], ['allowed', 'refused', 'cancelled', ...AUTH_FAILURES]);
});
