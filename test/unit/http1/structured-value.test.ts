import t from 'tap';
import { type FieldJson, fieldItem, isFieldKey } from '../../../src/http1/structured-value.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

const items: readonly (readonly [title: string, value: FieldJson, item: string])[] = [
  ['true', true, '?1'],
  ['false', false, '?0'],
  ['zero', 0, '0'],
  ['a negative number', -7, '-7'],
  ['the largest integer', 999_999_999_999_999, '999999999999999'],
  ['one more is a text of JSON', 1_000_000_000_000_000, '"1000000000000000"'],
  ['a decimal', 1.5, '1.5'],
  ['three decimals', -0.125, '-0.125'],
  ['a small one keeps its zeros', 10.05, '10.05'],
  ['a fourth decimal would be lost, so it is a text of JSON', 0.1234, '"0.1234"'],
  ['a decimal with too many digits', 1e12 + 0.5, '"1000000000000.5"'],
  ['a number that no decimal has', 1e300, '"1e+300"'],
  ['the smallest number', Number.MIN_VALUE, '"5e-324"'],
  ['a text', 'new', '"new"'],
  ['no text', '', '""'],
  ['quotes and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
  ['what is not ASCII is a display string', 'zoë', '%"zo%c3%ab"'],
  ['percent and quote in one', 'ë%"\\', '%"%c3%ab%25%22\\"'],
  ['a line break cannot end the field', 'a\r\nX: y', '%"a%0d%0aX: y"'],
  ['null', null, '"null"'],
  ['a list', [1, 'a'], '"[1,\\"a\\"]"'],
  ['an object', { a: { b: [] } }, '"{\\"a\\":{\\"b\\":[]}}"'],
  ['an object with an umlaut', { ä: 1 }, '%"{%22%c3%a4%22:1}"'],
];
for (const [title, value, item] of items) {
  t.test(`${title}: ${item}`, async (t) => t.equal(fieldItem(value), item));
}

t.test(`no value can end a field, whatever is in it (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (let round = 0; round < 500; round += 1) {
    const text = String.fromCharCode(...Array.from({ length: rng.below(12) }, () => rng.below(0x300)));
    t.match(fieldItem(text), /^%?"[\x20-\x7e]*"$/);
  }
});

t.test('a key begins with a small letter or a star', async (t) => {
  for (const key of ['a', '*a', 'new-checkout', 'a.b_c*d', 'a1']) t.ok(isFieldKey(key), key);
  for (const key of ['', 'A', '1a', '-a', 'a b', 'aB', 'é', 'a=']) t.notOk(isFieldKey(key), key);
});
