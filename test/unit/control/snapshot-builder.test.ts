import t from 'tap';
import { Board } from '../../../src/control/board.ts';
import { buildSnapshot, listenerKey } from '../../../src/control/snapshot-builder.ts';
import { createGateMemory } from '../../../src/routing/gate.ts';
import type { Snapshot } from '../../../src/routing/snapshot.ts';
import { readEndpoint } from '../../../src/stats/endpoint-cells.ts';
import { configOf, NO_FLAGS } from '../proxy/snapshots.ts';

const PLAIN = {
  listeners: [{ name: 'web', address: '127.0.0.1:0' }],
  services: {
    shop: {
      pools: {
        blue: { version: 'v1', endpoints: ['127.0.0.1:3001', { address: '127.0.0.1:3002', weight: 2 }] },
        green: { version: 'v2', endpoints: ['127.0.0.1:3101'] },
      },
      traffic: 'blue',
    },
  },
  routes: [{ service: 'shop' }],
};

function build(written: object, board = new Board(1)): Snapshot {
  const gates = new Map<string, SharedArrayBuffer>();
  return buildSnapshot({
    config: configOf(written),
    generation: 3,
    board,
    gateOf: (service, pools) => {
      const gate = gates.get(service) ?? createGateMemory(pools.length);
      gates.set(service, gate);
      return gate;
    },
    portOf: (key) => 40_000 + key.length,
    flags: NO_FLAGS,
  });
}

/** The plain config with other settings of its service. */
const shop = (settings: object) => ({ ...PLAIN, services: { shop: { ...PLAIN.services.shop, ...settings } } });

t.test('a listener is its address; where the system chooses the port, it is its name', async (t) => {
  const { listeners } = configOf({
    ...PLAIN,
    listeners: [
      { name: 'web', address: '127.0.0.1:0' },
      { name: 'fixed', address: '127.0.0.1:8080' },
      { name: 'six', address: '[::1]:8080' },
    ],
  });
  t.strictSame(listeners.map(listenerKey), ['web', '127.0.0.1:8080', '[::1]:8080']);
});

t.test('listeners get the port that was chosen, their limits and who they trust', async (t) => {
  const written = { name: 'web', address: '127.0.0.1:0', trustedProxies: ['10.0.0.0/8', '::1'], connections: 7 };
  const timeouts = { head: '2s', keepAlive: '3s' };
  const board = new Board(1);
  const { listeners, generation, unrouted } = build({ ...PLAIN, listeners: [{ ...written, timeouts }] }, board);
  t.strictSame(listeners, [
    {
      key: 'web',
      name: 'web',
      host: '127.0.0.1',
      port: 40_003,
      path: null,
      mode: null,
      trustedProxies: ['10.0.0.0/8', '::1/128'],
      trustsUnix: false,
      proxyProtocol: 'off',
      headMs: 2000,
      keepAliveMs: 3000,
      connectionsMax: 7,
      perClientMax: null,
      board: board.listener('web'),
    },
  ]);
  t.strictSame([generation, unrouted], [3, board.unrouted]);
});

t.test('every identity has the block of the board that it had in the snapshot before', async (t) => {
  const board = new Board(1);
  const [one, other] = [build(PLAIN, board), build(shop({ drain: '1s' }), board)];
  const blocks = ({ listeners, services }: Snapshot) => [
    ...listeners.map((listener) => listener.board),
    ...services.flatMap((service) => [
      service.board,
      ...service.pools.flatMap((pool) => [pool.board, ...pool.endpoints.map((endpoint) => endpoint.board)]),
    ]),
  ];
  t.equal(new Set(blocks(one)).size, 1 + 1 + 2 + 3);
  t.equal(
    blocks(one).every((block, at) => block === blocks(other)[at]),
    true,
  );
});

t.test('a pool of another version has another series, and the same endpoints', async (t) => {
  const board = new Board(1);
  const [before] = build(PLAIN, board).services;
  const blue = { ...PLAIN.services.shop.pools.blue, version: 'v1.1' };
  const [after] = build(shop({ pools: { ...PLAIN.services.shop.pools, blue } }), board).services;
  t.not(after!.pools[0]!.board, before!.pools[0]!.board);
  t.equal(after!.pools[0]!.endpoints[0]!.board, before!.pools[0]!.endpoints[0]!.board);
  t.equal(after!.pools[1]!.board, before!.pools[1]!.board);
});

t.test(
  'endpoints carry address and weight, and admit from the start unless they have to prove themselves',
  async (t) => {
    const [first] = build(PLAIN).services;
    t.match(first!.pools[0]!.endpoints, [
      { address: '127.0.0.1:3001', host: '127.0.0.1', port: 3001, weight: 1 },
      { address: '127.0.0.1:3002', host: '127.0.0.1', port: 3002, weight: 2 },
    ]);
    const admitting = (snapshot: Snapshot) =>
      readEndpoint(snapshot.services[0]!.pools[0]!.endpoints[0]!.board).admitting;
    t.equal(admitting(build(PLAIN)), true);
    t.equal(admitting(build(shop({ health: { path: '/' } }))), true);
    t.equal(admitting(build(shop({ health: { path: '/', initial: 'shut' } }))), false);
  },
);

t.test('what a client is recognised by is said in the words of the data plane', async (t) => {
  for (const [sticky, expected] of [
    [{ cookie: 'tg' }, { kind: 'cookie', name: 'tg', maxAgeS: 365 * 24 * 3600 }],
    [
      { cookie: 'tg', maxAge: '1500ms' },
      { kind: 'cookie', name: 'tg', maxAgeS: 2 },
    ],
    [{ header: 'x-user' }, { kind: 'header', name: 'x-user' }],
    [{ clientIp: true }, { kind: 'client-address' }],
  ] as const) {
    t.strictSame(build(shop({ sticky })).services[0]!.sticky, expected);
  }
  t.equal(build(PLAIN).services[0]!.sticky, null);
  t.equal(build(PLAIN).services[0]!.preview, null);
  t.equal(build(PLAIN).services[0]!.versionHeader, null);
});

t.test('routes name their service by its place, and inherit the timeouts that they do not set', async (t) => {
  const { services, routes } = build({
    ...PLAIN,
    services: {
      cart: { ...PLAIN.services.shop, timeouts: { response: '9s', connect: '1s' } },
      shop: PLAIN.services.shop,
    },
    routes: [
      { name: 'one', service: 'shop', path: '/a', upgrade: ['WebSocket'] },
      { name: 'two', service: 'cart', path: '/b', timeouts: { response: '7s' } },
    ],
  });
  t.strictSame(
    routes.map(({ name, service }) => [name, services[service!]!.name]),
    [
      ['one', 'shop'],
      ['two', 'cart'],
    ],
  );
  t.strictSame(routes[0]!.upgrade, ['websocket']);
  t.match(routes[1]!.timeouts, { responseMs: 7000, connectMs: 1000 });
  t.strictSame(routes[0]!.timeouts, services[1]!.timeouts);
});

t.test('conditions of a route keep their kind', async (t) => {
  const headers = { 'x-tenant': 'acme', 'x-id': { regex: '^[0-9]+$' }, 'x-debug': { present: false } };
  const [route] = build({ ...PLAIN, routes: [{ service: 'shop', headers }] }).routes;
  // Conditions stand in the order of their names.
  t.strictSame(route!.match.headers, [
    ['x-debug', { kind: 'present', present: false }],
    ['x-id', { kind: 'regex', source: '^[0-9]+$' }],
    ['x-tenant', { kind: 'exact', value: 'acme' }],
  ]);
});

t.test('limits and the access log are said in the words of the data plane', async (t) => {
  t.match(build(PLAIN).limits, { headBytes: 16384, bodyBytes: null, strictPaths: true });
  t.match(build({ ...PLAIN, limits: { body: '1KiB', paths: 'lenient', fields: 9 } }).limits, {
    bodyBytes: 1024,
    strictPaths: false,
    fields: 9,
  });
  for (const [access, expected] of [
    ['off', { kind: 'off' }],
    ['errors', { kind: 'errors' }],
    ['all', { kind: 'all' }],
    ['sampled 25%', { kind: 'sampled', share: 0.25 }],
  ] as const) {
    t.strictSame(build({ ...PLAIN, log: { access } }).accessLog, expected);
  }
});
