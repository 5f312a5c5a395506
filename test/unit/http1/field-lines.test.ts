/** Lines that are kept and taken out by name: what stays is as it was sent. */
import t from 'tap';
import { linesNamed, linesWithout } from '../../../src/http1/field-lines.ts';

const LINES = 'X-User: a\r\nx_user: b\r\nX-USER:c\r\nAccept: x-user: d\r\nX-User-Id: e\r\n';

t.test('lines of a name are found in any case, in their order, and of no longer name', async (t) => {
  t.equal(linesNamed(LINES, new Set(['x-user'])), 'X-User: a\r\nX-USER:c\r\n');
  t.equal(linesNamed(LINES, new Set(['accept', 'x-user-id'])), 'Accept: x-user: d\r\nX-User-Id: e\r\n');
  t.equal(linesNamed(LINES, new Set(['x-none'])), '');
  t.equal(linesNamed('', new Set(['x-user'])), '');
  t.equal(linesNamed(LINES, new Set()), '');
});

t.test('lines are taken out by name, and with them those that differ in underscores', async (t) => {
  const names = new Set(['x-user']);
  t.equal(linesWithout(LINES, names), 'Accept: x-user: d\r\nX-User-Id: e\r\n');
  t.equal(linesWithout('X_User_Id: a\r\nX_User-Id: b\r\n', new Set(['x-user-id'])), '');
});

t.test('what is kept and what is taken out are all of it', async (t) => {
  for (const names of [['x-user'], ['accept', 'x-user'], ['x-none'], []]) {
    const set = new Set(names);
    const lines = LINES.replace('x_user: b\r\n', '');
    const both = linesNamed(lines, set) + linesWithout(lines, set);
    t.strictSame(both.split('\r\n').sort(), lines.split('\r\n').sort());
  }
});
