import t from 'tap';
import { median, range, ratioByRound } from '../../../bench/statistics.ts';

t.test('the median is the middle value, and the mean of the two middle ones for an even count', async (t) => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([4, 1, 3, 100]), 3.5);
  t.equal(median([7]), 7);
});

t.test('the median of nothing is null, never zero', async (t) => {
  t.equal(median([]), null);
  t.equal(range([]), null);
});

t.test('the median leaves the order of its input alone', async (t) => {
  const values = [3, 1, 2];
  median(values);
  t.same(values, [3, 1, 2]);
});

t.test('numbers are sorted as numbers and not as text', async (t) => {
  t.equal(median([9, 10, 100]), 10);
});

t.test('a ratio is taken inside each round, so a slow round of the machine drops out', async (t) => {
  t.equal(ratioByRound([20, 60, 22], [10, 30, 11]), 2);
  t.equal(ratioByRound([20, 30, 90], [10, 10, 45]), 2);
  t.equal(median([20, 30, 90])! / median([10, 10, 45])!, 3, 'the quotient of medians would have kept it');
});

t.test('a round that broke for one of the two does not shift the others against each other', async (t) => {
  t.equal(ratioByRound([20, null, 60], [10, 50, 30]), 2);
  t.equal(ratioByRound([20, 40, 60], [null, 20, 30]), 2);
});

t.test('a ratio to nobody is null', async (t) => {
  t.equal(ratioByRound([20, 20], []), null);
  t.equal(ratioByRound([20, 20], [null, null]), null);
  t.equal(ratioByRound([20], [0]), null);
});
