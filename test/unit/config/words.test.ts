/** The small readers: quantities, addresses, expressions and near words. */
import t from 'tap';
import { clash, formatAddress, isLoopback, parseAddress, parseNetwork } from '../../../src/config/address.ts';
import { regexProblem } from '../../../src/config/regex.ts';
import { editDistance, nearest } from '../../../src/config/suggest.ts';
import { parseDuration, parsePercent, parseSize } from '../../../src/config/units.ts';

t.test('quantities are exact, and what has no unit or too much of it is none', async (t) => {
  const durations = {
    '250ms': 250,
    '5s': 5000,
    '1.5m': 90_000,
    '1h': 3_600_000,
    '0s': 0,
    '597h': 2_149_200_000,
    '5': undefined,
    '-1s': undefined,
    '1 s': undefined,
    '1d': undefined,
  };
  for (const [text, ms] of Object.entries(durations)) t.equal(parseDuration(text), ms, text);
  const sizes = {
    '512B': 512,
    '16KiB': 16_384,
    '1MiB': 1_048_576,
    '2GiB': 2_147_483_648,
    '16KB': undefined,
    '1.5KiB': undefined,
    '999999999999GiB': undefined,
  };
  for (const [text, bytes] of Object.entries(sizes)) t.equal(parseSize(text), bytes, text);
  const percents = { '5%': 5, '0.1%': 0.1, '100%': 100, '0%': 0, '101%': undefined, '5': undefined, '-1%': undefined };
  for (const [text, percent] of Object.entries(percents)) t.equal(parsePercent(text), percent, text);
});

t.test('an address has one spelling, and what could be read in two ways is none', async (t) => {
  const addresses = {
    '127.0.0.1:80': '127.0.0.1:80',
    '[::1]:8080': '[::1]:8080',
    '[0:0:0:0:0:0:0:1]:1': '[::1]:1',
    'Shop.Example.COM:443': 'shop.example.com:443',
    'my_host:1': 'my_host:1',
    '::1:80': undefined,
    '127.1:80': undefined,
    '256.0.0.1:80': undefined,
    'a:65536': undefined,
    'a:': undefined,
    ':80': undefined,
    a: undefined,
    'a b:80': undefined,
    '[a]:80': undefined,
    '[fe80::1%eth0]:80': undefined,
    'http://a:80': undefined,
  };
  for (const [text, expected] of Object.entries(addresses)) {
    const address = parseAddress(text);
    t.equal(address && formatAddress(address), expected, text);
  }
});

t.test('a network is a range or one address', async (t) => {
  t.same(parseNetwork('10.0.0.0/8'), { address: '10.0.0.0', bits: 8, family: 'ipv4' });
  t.same(parseNetwork('10.1.2.3'), { address: '10.1.2.3', bits: 32, family: 'ipv4' });
  t.same(parseNetwork('FD00:0::/8'), { address: 'fd00::', bits: 8, family: 'ipv6' });
  for (const text of ['10.0.0.0/33', 'fd00::/129', 'host/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1'])
    t.equal(parseNetwork(text), undefined, text);
});

t.test('addresses clash when one could not be opened beside the other', async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['0.0.0.0:80', '127.0.0.1:80', true],
    ['[::]:80', '127.0.0.1:80', true],
    ['localhost:80', '127.0.0.1:80', true],
    ['127.0.0.1:80', '127.0.0.2:80', false],
    ['127.0.0.1:80', '127.0.0.1:81', false],
    ['0.0.0.0:80', '[::1]:80', false],
    ['127.0.0.1:0', '127.0.0.1:0', false],
  ];
  for (const [left, right, expected] of cases) {
    t.equal(clash(parseAddress(left)!, parseAddress(right)!), expected, `${left} ${right}`);
    t.equal(clash(parseAddress(right)!, parseAddress(left)!), expected, `${right} ${left}`);
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) t.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '::ffff:10.0.0.1'])
    t.equal(isLoopback(host), false, host);
});

t.test('nested repetition is refused, and everyday expressions are not', async (t) => {
  for (const source of [
    '(a+)+',
    '(a*)*b',
    '((a+)b?)*',
    '(?:x+y?){2,}',
    '([a-z]+)*',
    '(a|a)+',
    '(.*)+',
    '(?<n>\\d+)+',
    '(a{2,})*',
    '(a+){20}',
  ]) {
    t.match(regexProblem(source), /exponential/, source);
  }
  for (const source of [
    '^/v[0-9]+/',
    '(ab)+',
    'a+b+',
    '(a+)?',
    '(a+){2}',
    '[(a+)+]',
    '\\(a+\\)+',
    '(a|b)*',
    'x{3}y*',
    '^/(?:en|de)/.*$',
    '',
  ]) {
    t.equal(regexProblem(source), undefined, source);
  }
  for (const source of ['(a', '[z-a]', '*', '\\', '(?<n>a)(?<n>b)', 'a{2,1}'])
    t.match(regexProblem(source), /is not a regular expression: [a-z\\]/, source);
  t.notMatch(regexProblem('(hunter2/u: x'), /hunter2/, 'the reason does not quote the expression');
});

t.test('a near word is suggested and a far one is not', async (t) => {
  t.equal(editDistance('abcd', 'acbd'), 1);
  t.equal(editDistance('', 'abc'), 3);
  t.equal(nearest('timeuot', ['timeout', 'timeouts', 'retry']), 'timeout');
  t.equal(nearest('Blue', ['green', 'blue']), 'blue');
  t.equal(nearest('xyz', ['timeout', 'blue']), undefined);
  t.equal(nearest('blue', ['blue']), undefined);
});
