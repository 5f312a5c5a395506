import t from 'tap';
import { queryValue } from '../../../src/routing/query-value.ts';
import { runSeed, Seeded } from './seeded.ts';

t.test('the first parameter of a name gives the value, decoded', async (t) => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['', 'a', undefined],
    ['a=1', 'a', '1'],
    ['a', 'a', ''],
    ['a=', 'a', ''],
    ['a=1&a=2', 'a', '1'],
    ['ba=1&a=2', 'a', '2'],
    ['ab=1', 'a', undefined],
    ['b=a=1', 'a', undefined],
    ['a=b=c', 'a', 'b=c'],
    ['&&a=1&', 'a', '1'],
    ['=x&a=1', '', 'x'],
    ['a=%41+b', 'a', 'A b'],
    ['%61=1', 'a', '1'],
    ['a+b=1', 'a b', '1'],
    ['a+b=1', 'a+b', undefined],
    ['a%2Bb=1', 'a+b', '1'],
    ['a=%', 'a', '%'],
    ['a=%4', 'a', '%4'],
    ['a=%zz', 'a', '%zz'],
    ['a=%e2%82%ac', 'a', '€'],
    ['%e2%82%ac=1', '€', '1'],
    ['a=%ff', 'a', '\ufffd'],
    ['100%=1', '100%', '1'],
  ];
  for (const [query, name, expected] of cases) t.equal(queryValue(query, name), expected, `${query} ? ${name}`);
});

t.test(`every query reads as URLSearchParams reads it (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const letters = ['a', 'b', '=', '&', '+', '%', '4', '1', '%61', '%ff', '%e2%82%ac', '%26', '%3d', '%2B'];
  const names = ['a', 'b', 'ab', 'a b', '', '€', '4', 'a+', '%', '1a'];
  for (let i = 0; i < 20_000; i += 1) {
    const query = Array.from({ length: rng.below(12) }, () => rng.pick(letters)).join('');
    const oracle = new URLSearchParams(query);
    for (const name of names) {
      const expected = oracle.get(name) ?? undefined;
      const found = queryValue(query, name);
      if (found !== expected) {
        t.equal(found, expected, JSON.stringify({ query, name }));
        return;
      }
    }
  }
  t.pass('20,000 queries, 10 names each');
});
