import t from 'tap';
import { escapeForAddress, escapeForQuery, fill, tellsSidesApart, unknownWord } from '../../../src/signals/template.ts';

const VALUES = { service: 'shop', active: 'blue', candidate: 'green', pool: 'green', version: 'v2' };

t.test('names are put in, and braces that are of PromQL stay', async (t) => {
  const query =
    'rate(x{pool="{pool}",to="{candidate}",of="{service}/{active}"}[1m]) * on() up{a!="b"} {version}{version}';
  t.equal(
    fill(query, VALUES, escapeForQuery),
    'rate(x{pool="green",to="green",of="shop/blue"}[1m]) * on() up{a!="b"} v2v2',
  );
});

t.test('a version cannot leave the text that it stands in', async (t) => {
  const version = "v\"} or 'x' or `y` \\";
  const filled = fill('x{v="{version}"}', { ...VALUES, version }, escapeForQuery);
  t.equal(filled, 'x{v="v\\x22} or \\x27x\\x27 or \\x60y\\x60 \\x5c"}');
  t.equal(
    fill('/a/{version}?b', { ...VALUES, version: '../x?y&z#\ud800' }, escapeForAddress),
    '/a/..%2Fx%3Fy%26z%23%EF%BF%BD?b',
  );
});

t.test('what a value brings is not filled in again', async (t) => {
  t.equal(
    fill('{version}', { ...VALUES, version: '{service}$&' }, (value) => value),
    '{service}$&',
  );
});

t.test('a name that is not known is found, also one that JavaScript knows', async (t) => {
  t.equal(unknownWord('a{b="c"} {service} {}'), undefined);
  t.equal(unknownWord('{servce}'), 'servce');
  t.equal(unknownWord('{constructor}'), 'constructor');
});

t.test('only the pool and the version are not the same on both sides', async (t) => {
  t.ok(tellsSidesApart('{pool}'));
  t.ok(tellsSidesApart('x{version="{version}"}'));
  t.notOk(tellsSidesApart('{service} {active} {candidate} {{poo}}'));
});
