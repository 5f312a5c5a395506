/** Paths on their way to an endpoint, and where redirects lead. */
import t from 'tap';
import { clientKey } from '../../../src/routing/client-key.ts';
import { type PathRewrite, Rewriter } from '../../../src/routing/path-rewrite.ts';
import { type Asked, locationOf, type RedirectSpec } from '../../../src/routing/redirect.ts';

const prefix = (from: string, to: string): PathRewrite => ({ kind: 'prefix', from, to });
const regex = (source: string, to: string): PathRewrite => ({ kind: 'regex', source, to });

const rewrites: readonly (readonly [rewrite: PathRewrite, path: string, rewritten: string])[] = [
  [prefix('/api', '/'), '/api', '/'],
  [prefix('/api', '/'), '/api/', '/'],
  [prefix('/api', '/'), '/api/x/', '/x/'],
  [prefix('/api', '/v2'), '/api', '/v2'],
  [prefix('/api', '/v2/'), '/api/x', '/v2/x'],
  [prefix('/a/b', '/c'), '/a/b/c', '/c/c'],
  [prefix('/', '/v2'), '/x', '/v2/x'],
  [prefix('/', '/v2'), '/', '/v2/'],
  [prefix('/api', '/v2'), '*', '*'],
  [regex('^/a(.)/(.*)$', '/$2/$1'), '/ab/c/d', '/c/d/b'],
  [regex('^/(?<who>[a-z]+)/', '/u/$<who>/'), '/anna/x', '/u/anna/x'],
  [regex('^/nothing', '/x'), '/other', '/other'],
  [regex('^/a', ''), '/a', '/'],
  [regex('^/a/', ''), '/a/b', '/b'],
  [regex('^/(.*)$', '//$1'), '/evil.test', '/evil.test'],
  [regex('^/a', '/$$1'), '/a', '/$1'],
  // What a client could put together: a dot segment, a torn escape, a torn escape of NUL.
  [regex('^/x(.)/(.)/', '/$1$2/'), '/x./a/b', '/.a/b'],
  [regex('^/u(..)/', '/$1/'), '/u../secret', '/secret'],
  [regex('%', ''), '/%2Fa', '/2Fa'],
  [regex('2F', ''), '/%2Fa', '/%25a'],
  [regex('x', '0'), '/%x0', '/%2500'],
];
for (const [rewrite, path, rewritten] of rewrites) {
  t.test(`${JSON.stringify(rewrite)} makes ${rewritten} of ${path}`, async (t) => {
    t.equal(new Rewriter(rewrite).apply(path), rewritten);
  });
}

const NOWHERE: RedirectSpec = { status: 302, scheme: null, host: null, port: null, path: null, keepQuery: true };
const ASKED: Asked = { scheme: 'http', authority: 'a.test:8080', host: 'a.test', path: '/p', query: 'q=1' };
const redirects: readonly (readonly [
  title: string,
  redirect: Partial<RedirectSpec>,
  asked: Partial<Asked>,
  to: string,
])[] = [
  ['with nothing new, it is the same address', {}, {}, 'http://a.test:8080/p?q=1'],
  ['a new scheme has its own port', { scheme: 'https' }, {}, 'https://a.test/p?q=1'],
  ['a new host has the port of the scheme', { host: 'b.test' }, {}, 'http://b.test/p?q=1'],
  ['a port is written', { port: 9000 }, {}, 'http://a.test:9000/p?q=1'],
  ['unless it is the one of the scheme', { scheme: 'https', port: 443 }, {}, 'https://a.test/p?q=1'],
  ['a path takes the place of the path', { path: '/x' }, {}, 'http://a.test:8080/x?q=1'],
  ['the query can be dropped', { keepQuery: false }, {}, 'http://a.test:8080/p'],
  ['IPv6 keeps its brackets', { port: 1 }, { host: '[::1]', authority: '[::1]:80' }, 'http://[::1]:1/p?q=1'],
  ['a scheme that a proxy made up is plain', {}, { scheme: 'javascript' }, 'http://a.test:8080/p?q=1'],
  ['without any host, it is a path of this one', {}, { host: '', authority: '' }, '/p?q=1'],
  ['an asterisk is the root', {}, { path: '*', query: '' }, 'http://a.test:8080/'],
  ['bytes outside of ASCII are encoded', { path: '/x' }, { query: 'a=\u00ff' }, 'http://a.test:8080/x?a=%FF'],
];
for (const [title, redirect, asked, to] of redirects) {
  t.test(`a redirect: ${title}`, async (t) => {
    t.equal(locationOf({ ...NOWHERE, ...redirect }, { ...ASKED, ...asked }), to);
  });
}

for (const [address, key] of [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['', ''],
  ['__proto__', '__proto__'],
] as const) {
  t.test(`${JSON.stringify(address)} is counted as ${JSON.stringify(key)}`, async (t) => {
    t.equal(clientKey(address), key);
  });
}
