import t from 'tap';
import { numberOfQuery } from '../../../src/signals/query-answer.ts';

const success = (resultType: string, result: unknown, rest: object = {}) => ({
  status: 'success',
  data: { resultType, result },
  ...rest,
});
const point = (value: unknown) => ({ metric: {}, value: [1, value] });

t.test('one series or one scalar is a number', async (t) => {
  t.same(numberOfQuery(success('vector', [point('0.25')])), { kind: 'number', value: 0.25 });
  t.same(numberOfQuery(success('scalar', [1, '-3e2'])), { kind: 'number', value: -300 });
  t.same(numberOfQuery(success('vector', [point('1')], { infos: ['a hint'] })), { kind: 'number', value: 1 });
});

const NONE: readonly (readonly [body: unknown, why: RegExp])[] = [
  [success('vector', []), /finds nothing/],
  [success('vector', [point('1'), point('2')]), /finds 2 series/],
  [success('matrix', [{ values: [[1, '1']] }]), /no number at one moment/],
  [success('string', [1, '5']), /no number at one moment/],
  [success('vector', [point('NaN')]), /the number is NaN/],
  [success('vector', [point('+Inf')]), /the number is Infinity/],
  [success('vector', [point('1 or so')]), /holds no number/],
  [success('vector', [point(1)]), /holds no number/],
  [success('vector', [null]), /holds no number/],
  [success('vector', 'many'), /finds nothing/],
  [success('vector', [point('1')], { warnings: ['store a did not answer'] }), /warns: "store a did not answer"/],
  [{ status: 'error', error: 'parse error at 1' }, /says: "parse error at 1"/],
  [{ status: 'error', error: 'x'.repeat(5000) }, /^.{0,260}$/],
  [{ status: 'success' }, /no number/],
  [{ rate: 1 }, /not one of Prometheus/],
  [[], /not one of Prometheus/],
  ['success', /not one of Prometheus/],
  [null, /not one of Prometheus/],
];

for (const [body, why] of NONE) {
  t.test(`${JSON.stringify(body).slice(0, 100)} is none`, async (t) => {
    const found = numberOfQuery(body);
    t.match(found, { kind: 'failed', why });
  });
}
