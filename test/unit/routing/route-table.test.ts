import t from 'tap';
import type { PathMatch, RouteMatch, ValueMatch } from '../../../src/routing/route-match.ts';
import { RouteTable } from '../../../src/routing/route-table.ts';
import { matchOf, type RequestParts, requestOf } from './request-of.ts';

const exactPath = (value: string): PathMatch => ({ kind: 'exact', value });
const prefix = (value: string): PathMatch => ({ kind: 'prefix', value });
const regex = (value: string): PathMatch => ({ kind: 'regex', value });
const is = (value: string): ValueMatch => ({ kind: 'exact', value });

function tableOf(routes: Readonly<Record<string, Partial<RouteMatch>>>): RouteTable<string> {
  return new RouteTable(Object.entries(routes).map(([target, match]) => ({ match: matchOf(match), target })));
}

function check(
  title: string,
  routes: Readonly<Record<string, Partial<RouteMatch>>>,
  cases: readonly (readonly [RequestParts, string | undefined])[],
): void {
  t.test(title, async (t) => {
    const forward = tableOf(routes);
    const backward = tableOf(Object.fromEntries(Object.entries(routes).reverse()));
    for (const [request, expected] of cases) {
      t.equal(forward.find(requestOf(request)), expected, JSON.stringify(request));
      t.equal(backward.find(requestOf(request)), expected, `${JSON.stringify(request)}, routes in reverse`);
    }
  });
}

check(
  'an exact host wins over the longest wildcard, that over a shorter one, and that over any host',
  {
    any: {},
    exact: { hosts: ['a.shop.example.com'] },
    long: { hosts: ['*.shop.example.com'] },
    short: { hosts: ['*.example.com'] },
  },
  [
    [{ host: 'a.shop.example.com' }, 'exact'],
    [{ host: 'b.shop.example.com' }, 'long'],
    [{ host: 'x.b.shop.example.com' }, 'long'],
    [{ host: 'shop.example.com' }, 'short'],
    [{ host: 'x.y.example.com' }, 'short'],
    [{ host: 'example.com' }, 'any'],
    [{ host: '.example.com' }, 'any'],
    [{ host: 'badexample.com' }, 'any'],
    [{ host: 'example.com.evil.net' }, 'any'],
    [{ host: '' }, 'any'],
  ],
);

check(
  'a host whose routes do not match falls through to the less specific host',
  {
    exact: { hosts: ['a.example.com'], path: exactPath('/only') },
    wildcard: { hosts: ['*.example.com'], path: prefix('/api') },
    any: { path: prefix('/') },
  },
  [
    [{ host: 'a.example.com', path: '/only' }, 'exact'],
    [{ host: 'a.example.com', path: '/api/x' }, 'wildcard'],
    [{ host: 'a.example.com', path: '/other' }, 'any'],
  ],
);

check(
  'the host decides before the path does',
  { general: { path: exactPath('/api/v1') }, special: { hosts: ['shop.example.com'] } },
  [
    [{ host: 'shop.example.com', path: '/api/v1' }, 'special'],
    [{ host: 'example.com', path: '/api/v1' }, 'general'],
  ],
);

check(
  'an exact path wins over a pattern, a pattern over any prefix, a long prefix over a short one',
  {
    exact: { path: exactPath('/v1/users') },
    pattern: { path: regex('^/v[0-9]+/') },
    long: { path: prefix('/v1/users/all') },
    short: { path: prefix('/v1') },
    root: { path: prefix('/') },
  },
  [
    [{ path: '/v1/users' }, 'exact'],
    [{ path: '/v1/users/all' }, 'pattern'],
    [{ path: '/v1' }, 'short'],
    [{ path: '/elsewhere' }, 'root'],
  ],
);

check(
  'a prefix matches whole segments, with or without a slash at its end',
  { api: { path: prefix('/api') }, slash: { path: prefix('/static/') }, deep: { path: prefix('/api/a/b') } },
  [
    [{ path: '/api' }, 'api'],
    [{ path: '/api/' }, 'api'],
    [{ path: '/api/x/y' }, 'api'],
    [{ path: '/api/a' }, 'api'],
    [{ path: '/api/a/bc' }, 'api'],
    [{ path: '/api/a/b/c' }, 'deep'],
    [{ path: '/apix' }, undefined],
    [{ path: '/API' }, undefined],
    [{ path: '/ap' }, undefined],
    [{ path: '/static' }, 'slash'],
    [{ path: '/static/x' }, 'slash'],
    [{ path: '/staticx' }, undefined],
    [{ path: '/' }, undefined],
  ],
);

check('an exact path is exact: a slash at its end is another path', { exact: { path: exactPath('/a') } }, [
  [{ path: '/a' }, 'exact'],
  [{ path: '/a/' }, undefined],
  [{ path: '/A' }, undefined],
]);

check(
  'a pattern is found anywhere in the path unless it is anchored, and understands characters beyond the first plane',
  {
    anchored: { path: regex('^/x\\d$') },
    loose: { path: regex('\\.png') },
    astral: { path: regex('^/\u{1F30A}{2}$') },
  },
  [
    [{ path: '/x1' }, 'anchored'],
    [{ path: '/x12' }, undefined],
    [{ path: '/a/b.png/c' }, 'loose'],
    [{ path: '/\u{1F30A}\u{1F30A}' }, 'astral'],
  ],
);

check(
  'only a route for every path takes a target that is no path',
  { every: { path: null }, api: { path: prefix('/api') } },
  [
    [{ path: '*', method: 'OPTIONS' }, 'every'],
    [{ path: '*api' }, 'every'],
    [{ path: 'api' }, 'every'],
    [{ path: '' }, 'every'],
  ],
);

check(
  'on one path, naming a method beats headers, headers beat query parameters, those beat cookies',
  {
    method: { methods: ['POST', 'PUT'] },
    headers: { headers: [['x-a', is('1')]] },
    query: {
      query: [
        ['q', is('1')],
        ['r', is('1')],
      ],
    },
    cookies: {
      cookies: [
        ['c', is('1')],
        ['d', is('1')],
        ['e', is('1')],
      ],
    },
    plain: {},
  },
  [
    [{ method: 'POST', headers: { 'x-a': '1' }, query: 'q=1&r=1', cookies: { c: '1', d: '1', e: '1' } }, 'method'],
    [{ headers: { 'x-a': '1' }, query: 'q=1&r=1', cookies: { c: '1', d: '1', e: '1' } }, 'headers'],
    [{ query: 'q=1&r=1', cookies: { c: '1', d: '1', e: '1' } }, 'query'],
    [{ cookies: { c: '1', d: '1', e: '1' } }, 'cookies'],
    [{ method: 'post', query: 'q=1', cookies: { c: '1' } }, 'plain'],
  ],
);

check(
  'more conditions of a kind win over fewer',
  {
    two: {
      headers: [
        ['x-a', is('1')],
        ['x-b', { kind: 'present', present: true }],
      ],
    },
    one: { headers: [['x-b', is('2')]] },
    none: { headers: [] },
  },
  [
    [{ headers: { 'x-a': '1', 'x-b': '2' } }, 'two'],
    [{ headers: { 'x-b': '2' } }, 'one'],
    [{ headers: { 'x-a': '1' } }, 'none'],
  ],
);

check(
  'values are compared exactly, by pattern, or by being there',
  {
    exact: { headers: [['X-Tenant', is('acme')]] },
    pattern: { headers: [['x-tenant', { kind: 'regex', source: '^beta-' }]], path: prefix('/p') },
    absent: { cookies: [['session', { kind: 'present', present: false }]], path: prefix('/c') },
    present: { query: [['debug', { kind: 'present', present: true }]], path: prefix('/q') },
  },
  [
    [{ headers: { 'x-tenant': 'acme' } }, 'exact'],
    [{ headers: { 'x-tenant': 'ACME' } }, undefined],
    [{ headers: { 'x-tenant': 'beta-1' }, path: '/p' }, 'pattern'],
    [{ headers: { 'x-tenant': 'alpha' }, path: '/p' }, undefined],
    [{ path: '/p' }, undefined],
    [{ path: '/c' }, 'absent'],
    [{ path: '/c', cookies: { session: '' } }, undefined],
    [{ path: '/q', query: 'debug' }, 'present'],
    [{ path: '/q', query: 'nodebug=1' }, undefined],
  ],
);

t.test('among equals the earlier one in the file wins', async (t) => {
  const routes = ['first', 'second'].map((target) => ({ match: matchOf({ path: regex('^/a') }), target }));
  t.equal(new RouteTable(routes).find(requestOf({ path: '/a' })), 'first');
  t.equal(new RouteTable(routes.reverse()).find(requestOf({ path: '/a' })), 'second');
});

t.test('a route with several hosts is found by each of them', async (t) => {
  const table = tableOf({ shop: { hosts: ['a.com', '*.b.com', 'a.com'] } });
  for (const host of ['a.com', 'x.b.com']) t.equal(table.find(requestOf({ host })), 'shop');
  t.equal(table.find(requestOf({ host: 'b.com' })), undefined);
});

t.test(
  'thousands of tenants on one path are told apart, and a route for a few of them keeps its precedence',
  async (t) => {
    const routes = Array.from({ length: 3000 }, (_, i) => ({
      match: matchOf({ headers: [['x-tenant', is(`tenant-${i}`)]] }),
      target: `tenant-${i}`,
    }));
    routes.push({ match: matchOf({}), target: 'everyone' });
    routes.push({
      match: matchOf({
        headers: [
          ['x-tenant', { kind: 'regex', source: '^tenant-7$' }],
          ['x-beta', is('1')],
        ],
      }),
      target: 'beta',
    });
    const table = new RouteTable(routes);
    let reads = 0;
    const request = (tenant: string | undefined, beta: string | undefined) => ({
      ...requestOf({}),
      field: (name: string) => {
        reads += 1;
        return name === 'x-tenant' ? tenant : beta;
      },
    });
    t.equal(table.find(request('tenant-2999', undefined)), 'tenant-2999');
    t.equal(table.find(request('tenant-7', undefined)), 'tenant-7');
    t.equal(table.find(request('tenant-7', '1')), 'beta');
    t.equal(table.find(request('nobody', '1')), 'everyone');
    t.equal(table.find(request(undefined, undefined)), 'everyone');
    t.ok(reads < 30, `${reads} header reads for five searches among 3,000 routes`);
  },
);

t.test('a table without routes matches nothing', async (t) => {
  t.equal(new RouteTable([]).find(requestOf({ host: 'a.com' })), undefined);
});

t.test('hosts and patterns that config should have refused are refused at construction', async (t) => {
  for (const host of ['*', 'a.*.com', 'Shop.com', '', '**.a.com']) {
    t.throws(() => tableOf({ bad: { hosts: [host] } }), /unchecked host/, host);
  }
  t.throws(() => tableOf({ bad: { path: regex('(') } }), /unchecked pattern/);
  t.throws(() => tableOf({ bad: { headers: [['a', { kind: 'regex', source: '\\-' }]] } }), /unchecked pattern/);
});

t.test('two readings of a path that select different routes are ambiguous, and only those', async (t) => {
  const table = tableOf({
    public: { path: prefix('/public') },
    admin: { path: prefix('/admin') },
    report: { path: exactPath('/public/report') },
  });
  const strict = (raw: string, normalised: string) =>
    table.findStrict(requestOf({ path: normalised }), raw, normalised);
  t.same(strict('/public/x', '/public/x'), { kind: 'match', target: 'public' });
  t.same(strict('/public/a/../b', '/public/b'), { kind: 'match', target: 'public' });
  t.same(strict('/public/../admin', '/admin'), { kind: 'ambiguous' });
  t.same(strict('/public/%2e%2e/admin', '/admin'), { kind: 'ambiguous' });
  t.same(strict('//admin', '/admin'), { kind: 'ambiguous' }, 'a match and no match differ too');
  t.same(strict('/public/../nowhere', '/nowhere'), { kind: 'ambiguous' });
  t.same(strict('/public/./report', '/public/report'), { kind: 'ambiguous' }, 'exact and prefix are different routes');
  t.same(strict('/a/../b', '/b'), { kind: 'none' });
});

t.test('two routes with the same target are still different routes to a strict search', async (t) => {
  const table = new RouteTable([
    { match: matchOf({ path: prefix('/a') }), target: 'shop' },
    { match: matchOf({ path: prefix('/b') }), target: 'shop' },
  ]);
  t.same(table.findStrict(requestOf({ path: '/b' }), '/a/../b', '/b'), { kind: 'ambiguous' });
});
