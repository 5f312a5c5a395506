import t from 'tap';
import { type Group, groupNumber, groupText, isMember } from '../../../src/routing/group.ts';
import { endOfUse } from '../../../src/routing/terms.ts';

const request = (headers: Record<string, string>, cookies: Record<string, string> = {}) => ({
  field: (name: string) => headers[name],
  cookie: (name: string) => cookies[name],
});

t.test('members are known by a header or a cookie, with a value or any', async (t) => {
  const anyOf: Group = { source: 'header', name: 'x-team', value: null };
  const red: Group = { ...anyOf, value: 'red' };
  const beta: Group = { source: 'cookie', name: 'beta', value: '1' };
  const asked = [
    request({}),
    request({ 'x-team': 'red' }),
    request({ 'x-team': 'redder' }),
    request({ beta: '1' }, { beta: '1' }),
    request({ beta: '1' }),
  ];
  const members = (group: Group) => asked.map((one) => isMember(group, one));
  t.strictSame(members(anyOf), [false, true, true, false, false]);
  t.strictSame(members(red), [false, true, false, false, false]);
  t.strictSame(members(beta), [false, false, false, true, false]);
  t.strictSame([anyOf, red, beta].map(groupText), ['header x-team', 'header x-team: red', 'cookie beta: 1']);
});

t.test('the number of a group follows from what it says, is never 0, and fits a cell of the gate', async (t) => {
  const numbers = new Set<number>();
  for (const source of ['header', 'cookie'] as const) {
    for (const name of ['a', 'b']) {
      for (const value of [null, '', 'null', 'a']) {
        const number = groupNumber({ source, name, value });
        t.ok(Number.isSafeInteger(number) && number > 0);
        t.equal(groupNumber({ value, name, source }), number);
        numbers.add(number);
      }
    }
  }
  t.equal(numbers.size, 16);
});

t.test('the endpoints in use are the first ones that have weight', async (t) => {
  t.equal(endOfUse([1, 1, 1], 0), 3, '0 stands for all');
  t.equal(endOfUse([1, 1, 1], 1), 1);
  t.equal(endOfUse([0, 0, 2, 1], 1), 3, 'one without weight takes nothing, and is no box');
  t.equal(endOfUse([1, 0, 1], 2), 3);
  t.equal(endOfUse([1, 1], 5), 2, 'more than there are are all');
  t.equal(endOfUse([], 1), 0);
});
