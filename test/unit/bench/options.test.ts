import t from 'tap';
import { readOptions } from '../../../bench/options.ts';

t.test('a run that is narrowed never takes the name of the full results', async (t) => {
  t.equal(readOptions([]).name, 'full');
  t.equal(readOptions(['--only', 'nginx']).name, 'partial');
  t.equal(readOptions(['--shapes', 'small-get']).name, 'partial');
  t.equal(readOptions(['--switches', '0']).name, 'partial');
  t.equal(readOptions(['--shapes', 'none', '--name', 'cutover']).name, 'cutover');
  t.same(readOptions(['--shapes', 'none']).shapes, []);
});

t.test('options out of range and unknown names are refused with what is allowed', async (t) => {
  t.throws(() => readOptions(['--rounds', '0']), /1 to 50/);
  t.throws(() => readOptions(['--rounds', '51']), /1 to 50/);
  t.throws(() => readOptions(['--seconds', '1.5']), /whole number/);
  t.throws(() => readOptions(['--only', 'nginx,envoi']), /no contender envoi; there are nginx/);
  t.throws(() => readOptions(['--shapes', 'tiny']), /no shape of load tiny; there are small-get/);
  t.throws(() => readOptions(['--name', '../../escape']), /--name/);
});
