import t from 'tap';
import { createFlagSeriesMemory, FlagSeriesWriter, readFlagSeries } from '../../../src/stats/flag-series.ts';
import { createFlagTallyMemory, FlagTallyWriter, readFlagTally } from '../../../src/stats/flag-tally.ts';
import { bucketOf } from '../../../src/stats/histogram.ts';

t.test('rows of threads add up', async (t) => {
  const memory = createFlagSeriesMemory(2);
  const [one, two] = [new FlagSeriesWriter(memory, 0), new FlagSeriesWriter(memory, 1)];
  one.ended(200, 1000);
  two.ended(503, 3000);
  two.ended(0, 5);
  one.judged(false);
  two.judged(true);
  one.fellBack();
  const read = readFlagSeries(memory);
  t.strictSame(read.codes, [0, 1, 0, 0, 1, 1]);
  t.match(read, { judged: 2, errors: 1, fallbacks: 1, durationSumUs: 4005 });
  t.equal(read.durations[bucketOf(3000)], 1);
  t.equal(
    read.durations.reduce((sum, count) => sum + count),
    3,
  );
});

t.test('what is not about one flag has a cell each', async (t) => {
  const memory = createFlagTallyMemory(2);
  new FlagTallyWriter(memory, 0).count('exposure-dropped');
  new FlagTallyWriter(memory, 1).count('exposure-dropped');
  new FlagTallyWriter(memory, 1).count('override-used');
  t.match(readFlagTally(memory), { 'exposure-dropped': 2, 'override-used': 1, 'override-refused': 0 });
});
