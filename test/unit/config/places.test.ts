/** Where a config says that sockets are: Unix paths, names, IPv6, and what must be trusted for a PROXY header. */
import t from 'tap';
import { clash, formatAddress, isName, parsePlace } from '../../../src/config/address.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatProblem } from '../../../src/config/problem.ts';

t.test('a Unix socket is an absolute path that every program reads the same', async (t) => {
  for (const good of ['unix:/run/app.sock', 'unix:/a', 'unix:/a/.b/..c/d..', `unix:/${'x'.repeat(106)}`]) {
    t.equal(formatAddress(parsePlace(good)!), good);
  }
  const bad = ['unix:', 'unix:app.sock', 'unix:/', 'unix:/a/', 'unix:/a//b', 'unix:/a/../b', 'unix:/./a', 'unix:/a b'];
  for (const text of [...bad, 'unix:@abstract', 'unix:/\t', `unix:/${'x'.repeat(107)}`]) {
    t.equal(parsePlace(text), undefined, text);
  }
});

t.test('names that stand for other machines are told from addresses and from this machine', async (t) => {
  const cases: readonly (readonly [text: string, expected: boolean])[] = [
    ['shop.internal:80', true],
    ['shop:80', true],
    ['localhost:80', false],
    ['app.localhost:80', false],
    ['10.0.0.1:80', false],
    ['[fd00::1]:80', false],
    ['unix:/run/app.sock', false],
  ];
  for (const [text, expected] of cases) t.equal(isName(parsePlace(text)!), expected, text);
});

t.test('places clash where both cannot be open', async (t) => {
  const cases: readonly (readonly [left: string, right: string, expected: boolean])[] = [
    ['unix:/a', 'unix:/a', true],
    ['unix:/a', 'unix:/b', false],
    ['unix:/a', '127.0.0.1:80', false],
    ['[::]:80', '127.0.0.1:80', true],
    ['[::]:80', '[::1]:80', true],
    ['[::1]:80', '0.0.0.0:80', false],
    ['[::1]:80', '[0:0::1]:80', true],
    ['[::ffff:127.0.0.1]:80', '127.0.0.1:80', true],
    ['[::ffff:127.0.0.1]:80', '0.0.0.0:80', true],
    ['[fd00::1]:80', '[fd00::2]:80', false],
  ];
  for (const [left, right, expected] of cases) {
    t.equal(clash(parsePlace(left)!, parsePlace(right)!), expected, `${left} ${right}`);
    t.equal(clash(parsePlace(right)!, parsePlace(left)!), expected, `${right} ${left}`);
  }
});

const problemsOf = (listener: string, endpoint = '127.0.0.1:1', top = ''): string[] => {
  const text = `listeners:\n  - ${listener}\n${top}services:\n  s:\n    pools: { a: { version: v1, endpoints: [${endpoint}] } }\nroutes: [{ service: s }]\n`;
  return parseConfig(text, { file: 't.yaml', env: {} }).problems.map(formatProblem);
};

t.test('settings that mean nothing where they stand are errors', async (t) => {
  const cases: readonly (readonly [problems: string[], expected: string])[] = [
    [problemsOf("{ address: '127.0.0.1:0', proxyProtocol: accept }"), 'trusts nobody to send a PROXY header'],
    [problemsOf("{ address: '127.0.0.1:0', mode: '0660' }"), 'is about the file of a Unix socket'],
    [problemsOf("{ address: '127.0.0.1:0', trustedProxies: [unix] }"), 'is about Unix sockets'],
    [problemsOf('{ address: unix:/a, mode: 660 }'), 'octal digits in quotes'],
    [problemsOf('{ address: unix:/a }', "{ address: '127.0.0.1:1', resolve: 5s }"), 'has nothing to look up'],
    [problemsOf('{ address: unix:/a }', "{ address: 'shop:1', resolve: 5ms }"), 'a duration'],
    [problemsOf('{ address: unix:/a }', '127.0.0.1:1', 'dns: { servers: [dns.internal] }\n'), 'an IP address'],
    [problemsOf('{ address: unix:/a }', "'unix:/b', 'unix:/b'"), 'is in this pool twice'],
  ];
  for (const [problems, expected] of cases) {
    t.equal(problems.length, 1, expected);
    t.match(problems[0], expected);
  }
});

t.test('settings that fit are taken', async (t) => {
  t.same(problemsOf("{ address: unix:/a, mode: '0660', trustedProxies: [unix], proxyProtocol: require }"), []);
  t.same(problemsOf("{ address: '[::]:0', trustedProxies: ['fd00::/8', '::1'], proxyProtocol: accept }"), []);
  t.same(problemsOf('{ address: unix:/a }', "{ address: 'shop:1', resolve: off }, 'unix:/b', '[::1]:1'"), []);
  const servers = "dns: { servers: [10.0.0.2, '10.0.0.2:5353', 'fd00::2', '[fd00::2]:53'], timeout: 1s }\n";
  t.same(problemsOf('{ address: unix:/a }', 'shop:1', servers), []);
});
