/** Forward-auth as it is written, refused, compared, and as it stands in a snapshot. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { Board } from '../../../src/control/board.ts';
import { buildSnapshot } from '../../../src/control/snapshot-builder.ts';
import { NO_FLAGS } from '../proxy/snapshots.ts';
import { accept, complaints, read, SMALL } from './texts.ts';

const GATEKEEPER = '  gatekeeper: { pools: { main: { version: v1, endpoints: [127.0.0.1:9001] } } }\n';
const CRYPT = '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5';
/** The small config with a service that can be asked, and with these keys in its route. */
const withRoute = (keys: string, before = 'service: shop'): string =>
  SMALL.replace('routes:', `${GATEKEEPER}routes:`).replace('{ service: shop }', () => `{ ${before}, ${keys} }`);
const withAuth = (keys: string): string => withRoute(`forwardAuth: { service: gatekeeper, ${keys} }`);

t.test('little has to be said', async (t) => {
  t.strictSame(accept(withRoute('forwardAuth: { service: gatekeeper }')).routes[0]!.forwardAuth, {
    service: 'gatekeeper',
    path: '/',
    timeoutMs: 5000,
    copyRequest: ['accept', 'authorization', 'cookie'],
    copyResponse: [],
    cookies: false,
  });
});

t.test('names of fields come in lower case, each once', async (t) => {
  const text = withAuth(
    'copyRequest: [X-Key, x-key, Cookie], copyResponse: [X-User, x-user], path: /v?a=b, timeout: 1s',
  );
  t.match(accept(text).routes[0]!.forwardAuth, {
    path: '/v?a=b',
    timeoutMs: 1000,
    copyRequest: ['x-key', 'cookie'],
    copyResponse: ['x-user'],
  });
});

const framing = ['Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'TE', 'Upgrade', 'Expect', 'Via'];
const forwarding = ['X-Forwarded-For', 'x-forwarded-uri', 'Forwarded', 'X-Request-Id', 'Proxy-Authorization'];
for (const name of [...framing, ...forwarding, 'a b', '"x:y"', '""']) {
  t.test(`${name} is copied in neither direction`, async (t) => {
    for (const key of ['copyRequest', 'copyResponse']) {
      t.match(
        complaints(withAuth(`${key}: [x-fine, ${name}]`)).join('\n'),
        /: routes\[0\]\.forwardAuth\.\w+\[1\].*a header name/,
      );
    }
  });
}

for (const name of ['Content-Type', 'content-encoding', 'Date', 'Server', 'Set-Cookie']) {
  t.test(`${name} of an answer says nothing about a request`, async (t) => {
    t.match(complaints(withAuth(`copyResponse: [${name}]`)).join('\n'), /about the answer/);
    t.strictSame(complaints(withAuth(`copyRequest: [${name}]`)), []);
  });
}

const bad: readonly (readonly [title: string, text: string, complaint: RegExp])[] = [
  ['a service must be named', withRoute('forwardAuth: {}'), /forwardAuth\.service: is missing/],
  ['a path begins with a slash', withAuth('path: verify'), /a path that starts with \//],
  ['a path ends no line', withAuth('path: "/a\\r\\nX: y"'), /a path that starts with \//],
  ['a path has no fragment', withAuth('path: "/a#b"'), /without #/],
  ['somebody waits for the answer', withAuth('timeout: 0s'), /a duration/],
  ['nobody waits for ever', withAuth('timeout: 61s'), /a duration/],
  ['there is no way to let everybody in', withAuth('onFailure: allow'), /"?onFailure"? is not a known key/],
  ['an address is no service', withAuth('address: http://127.0.0.1:9001'), /is not a known key/],
  [
    'a field has one source',
    withRoute(
      `forwardAuth: { service: gatekeeper, copyResponse: [x-a, X-User] }, basicAuth: { userHeader: x-user, users: [{ name: a, password: ${CRYPT} }] }`,
    ),
    /copyResponse\[1\].*also the userHeader of basicAuth/,
  ],
];
for (const [title, text, complaint] of bad) {
  t.test(title, async (t) => {
    t.match(complaints(text).join('\n'), complaint);
  });
}

t.test('a service that is not there is reported where it stands, with the one that was meant', async (t) => {
  const { problems } = read(withRoute('forwardAuth: { service: gatekeepr }'));
  const path = 'routes[0].forwardAuth.service';
  t.match(problems, [{ line: 9, column: 46, path, suggestion: 'gatekeeper' }]);
});

t.test('whoever would wait longer than a pool is drained is warned about', async (t) => {
  const text = withAuth('timeout: 10s')
    .replace('{ version: v1.0', '{ version: v1.0')
    .replace('    pools:', '    drain: 5s\n    pools:');
  const { config, problems } = read(text);
  t.ok(config);
  t.match(problems, [{ severity: 'warning', message: /longer than the drain of shop/ }]);
  t.strictSame(read(text.replace('10s', '5s')).problems, []);
});

t.test('a route that answers by itself may ask too', async (t) => {
  t.strictSame(complaints(withRoute('forwardAuth: { service: gatekeeper }', 'respond: {}')), []);
});

t.test('what changes is told', async (t) => {
  const told = (from: string, to: string) => differences(accept(from), accept(to)).map(({ text }) => text);
  t.strictSame(told(withAuth('timeout: 1s'), withAuth('timeout: 2s, copyResponse: [x-user]')), [
    'route 1 (/): forwardAuth.copyResponse []→[x-user]',
    'route 1 (/): forwardAuth.timeout 1s→2s',
  ]);
});

t.test('in a snapshot the service is an index, and the counters outlive a generation', async (t) => {
  const board = new Board(1);
  const config = accept(withAuth('copyResponse: [x-user]'));
  const build = (generation: number) =>
    buildSnapshot({
      config,
      generation,
      board,
      gateOf: () => new SharedArrayBuffer(8),
      portOf: () => 1,
      flags: NO_FLAGS,
    });
  const [first, second] = [build(1).routes[0]!, build(2).routes[0]!];
  t.match(first.forwardAuth, { service: 1, target: '/', timeoutMs: 5000, copyResponse: ['x-user'], cookies: false });
  t.ok(first.board, 'the route counts what it refuses');
  t.equal(first.forwardAuth?.board, second.forwardAuth?.board);
});
