import t from 'tap';
import { HeaderRules } from '../../../src/http1/header-rules.ts';

const NONE = { set: [], add: [], remove: [] };
const LINES = 'A: 1\r\nB: 2\r\na: 3\r\nConstructor: 4\r\n';

t.test('without rules the lines stay as they are', async (t) => {
  t.equal(new HeaderRules(NONE).apply(LINES), LINES);
});

t.test('a field that is removed goes in every case and as often as it is there', async (t) => {
  t.equal(new HeaderRules({ ...NONE, remove: ['A', 'constructor'] }).apply(LINES), 'B: 2\r\n');
});

t.test('a field that is set takes the place of all of its name, at the end', async (t) => {
  const rules = new HeaderRules({ ...NONE, set: [{ name: 'a', value: 'x' }] });
  t.equal(rules.apply(LINES), 'B: 2\r\nConstructor: 4\r\na: x\r\n');
});

t.test('a field that is added stands beside those of its name, and also beside one that is removed', async (t) => {
  const add = [
    { name: 'A', value: 'x' },
    { name: 'A', value: '' },
  ];
  t.equal(new HeaderRules({ ...NONE, add }).apply('A: 1\r\n'), 'A: 1\r\nA: x\r\nA: \r\n');
  t.equal(new HeaderRules({ ...NONE, add, remove: ['a'] }).apply('A: 1\r\n'), 'A: x\r\nA: \r\n');
  t.equal(new HeaderRules({ ...NONE, add }).apply(''), 'A: x\r\nA: \r\n');
});
