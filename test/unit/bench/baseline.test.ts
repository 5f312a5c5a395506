import t from 'tap';
import { compare, marginShare } from '../../../bench/baseline.ts';

t.test('the check passes up to 15% above the recorded ratio and when Tidegate became cheaper', async (t) => {
  const recorded = { ratio: 1.2 };
  t.equal(marginShare, 0.15);
  t.ok(compare(1.2 * 1.15, recorded).passed);
  t.ok(compare(0.9, recorded).passed);
  const worse = compare(1.39, recorded);
  t.notOk(worse.passed);
  t.match(worse.sentence, /^Failed.*1\.390x.*1\.200x.*1\.380x/);
});
