import t from 'tap';
import { withBaggage, withCookie, withVary } from '../../../src/http1/member-lines.ts';

const LINES = 'Accept: a\r\n';

t.test('a cookie comes behind those that there are, in one field', async (t) => {
  t.equal(withCookie(LINES, 'k', 'v'), `${LINES}Cookie: k=v\r\n`);
  t.equal(withCookie('', 'k', 'v'), 'Cookie: k=v\r\n');
  t.equal(withCookie(`cookie: a=1;b=2\r\n${LINES}COOKIE: c=3\r\n`, 'k', 'v'), `${LINES}Cookie: a=1; b=2; c=3; k=v\r\n`);
  t.equal(withCookie('Cookie: k=; a=1; k = old; kk=2; K=3\r\n', 'k', 'v'), 'Cookie: a=1; kk=2; K=3; k=v\r\n');
});

t.test('a cookie is taken away, and the field with the last of them', async (t) => {
  t.equal(withCookie('Cookie: k=1; a=2\r\n', 'k', null), 'Cookie: a=2\r\n');
  t.equal(withCookie(`Cookie: k=1\r\n${LINES}`, 'k', null), LINES);
  t.equal(withCookie(LINES, 'k', null), LINES);
});

t.test('a member of Vary is told by others', async (t) => {
  const vary = (lines: string, always = false) => withVary(lines, 'x-f', ['cookie', 'accept'], always);
  t.equal(vary(`${LINES}Vary: Accept\r\n`), `${LINES}Vary: Accept\r\n`, 'not without the member');
  t.equal(vary(LINES), LINES);
  t.equal(vary(`Vary: X-F\r\n${LINES}`), `${LINES}Vary: cookie, accept\r\n`);
  t.equal(vary('Vary: Accept\r\nvary: Origin, x-f\r\n'), 'Vary: Accept, Origin, cookie\r\n', 'each once');
  t.equal(vary(`Vary: *, x-f\r\n`), 'Vary: *\r\n');
  t.equal(vary(LINES, true), `${LINES}Vary: cookie, accept\r\n`);
  t.equal(withVary('Vary: x-f\r\n', 'x-f', [], false), '', 'what depends on no field varies by none');
  t.equal(withVary('Vary: a, x-f\r\n', 'x-f', ['*', 'b'], false), 'Vary: *\r\n');
});

t.test('members of baggage are ours or theirs by their names, within the limits of the field', async (t) => {
  t.equal(withBaggage(LINES, 'f.', []), LINES);
  t.equal(withBaggage('baggage: a=1,b=2\r\n', 'f.', []), 'baggage: a=1,b=2\r\n', 'untouched');
  t.equal(withBaggage('Baggage: a=1, f.x=2;p=1\r\nbaggage: b=3\r\n', 'f.', ['f.y=4']), 'baggage: a=1,b=3,f.y=4\r\n');
  t.equal(withBaggage('baggage: f.x=2\r\n', 'f.', []), '');
  const many = Array.from({ length: 80 }, (_, index) => `f.${index}=1`);
  t.equal(withBaggage('baggage: a=1\r\n', 'f.', many).split(',').length, 64);
  t.ok(withBaggage('', 'f.', ['f.a=1', `f.b=${'x'.repeat(9000)}`, 'f.c=1']).length < 8210);
});
