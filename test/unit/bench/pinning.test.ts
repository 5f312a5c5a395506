import t from 'tap';
import { parseCoreList } from '../../../bench/pinning.ts';

t.test('core lists of the kernel are read with ranges and gaps; other text gives no core', async (t) => {
  t.same(parseCoreList('0-2,5\n'), [0, 1, 2, 5]);
  t.same(parseCoreList('3'), [3]);
  t.same(parseCoreList(''), []);
  t.same(parseCoreList('all'), []);
});
