/**
 * Forward-auth on the wire, with a service that says byte by byte what it wants: what it is asked, what its answers do, and
 * that nothing but a whole answer of 2xx lets a request go on. How questions wait and end is in `forward-auth-waits.test.ts`.
 */
import t from 'tap';
import { readEndpoint } from '../../src/stats/endpoint-cells.ts';
import { SeriesReader } from '../../src/stats/series.ts';
import { CANNOT_BE_FOUND_OUT, failures, questionOf, results } from './stage/forward-auth.ts';
import { forwarded, masked, OK, OK_RELAYED, own, responseEnd } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

/** The hash of `secret word`. */
const CRYPT = '$5$saltstring$zb4G.bJf1lQW1ZYWTH/6MLALsKTtlN7w/dLPCIegUaC';
const UNAVAILABLE = own(503, CANNOT_BE_FOUND_OUT, '');

let rig: Rig;
let auth: Upstream;
t.before(async () => {
  auth = await Upstream.open(t);
  const asks = { service: 'gatekeeper', path: '/verify?a=b', copyResponse: ['X-User', 'x-groups'] };
  rig = await Rig.start(t, {
    services: { gatekeeper: { pools: { main: { version: 'v1', endpoints: [auth.address] } } } },
    access: 'errors',
    routes: [
      { path: '/probe', service: 'app' },
      { name: 'plain', path: '/plain', service: 'app', forwardAuth: { service: 'gatekeeper' } },
      {
        name: 'both',
        path: '/both',
        service: 'app',
        forwardAuth: asks,
        basicAuth: {
          users: [{ name: 'anna', password: CRYPT }],
          userHeader: 'x-anna',
        },
      },
      { name: 'cookies', path: '/cookies', service: 'app', forwardAuth: { ...asks, cookies: true } },
      { name: 'jwt', path: '/jwt', service: 'app', forwardAuth: { ...asks, copyResponse: ['authorization'] } },
      { name: 'here', path: '/here', respond: { body: 'here' }, forwardAuth: asks },
      { name: 'inside', path: '/inside', service: 'app', forwardAuth: asks, ipAllow: ['10.0.0.0/8'] },
      { name: 'main', service: 'app', forwardAuth: asks },
    ],
  });
});
t.beforeEach(async () => {
  await rig.settled();
  auth.take();
  auth.answerOk();
});

const request = (path = '/', fields = '', line = `GET ${path} HTTP/1.1`) =>
  `${line}\r\nHost: app.test\r\n${fields}\r\n`;
const answer = (status: string, lines = '', body = '') =>
  `HTTP/1.1 ${status}\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;

t.test(
  'the service is asked by a GET that says whose request it is, and gets no other field than those named',
  async (t) => {
    const fields =
      'X-Other: 1\r\ncookie: a=b\r\nAuthorization: Bearer t\r\nX-Forwarded-Uri: /lie\r\nX-Forwarded-Method: LIE\r\nAccept: a\r\n' +
      'Content-Length: 4\r\n';
    t.equal(await rig.ask(`${request('', fields, 'PUT /%61?q=/.. HTTP/1.1')}body`), OK_RELAYED);
    t.strictSame(auth.take().map(masked), [
      questionOf({
        line: 'GET /verify?a=b HTTP/1.1',
        host: auth.address,
        lines: 'cookie: a=b\r\nAuthorization: Bearer t\r\nAccept: a\r\n',
        method: 'PUT',
        uri: '/%61?q=/..',
      }),
    ]);
    t.match(rig.upstream.take(), [/^PUT \/%61\?q=\/\.\. HTTP\/1\.1\r\n[\s\S]*\r\n\r\nbody$/]);
    t.equal(await rig.ask(request('http://app.test/plain/x?y')), OK_RELAYED);
    t.strictSame(
      auth.take().map(masked),
      [questionOf({ line: 'GET / HTTP/1.1', host: auth.address, method: 'GET', uri: '/plain/x?y' })],
      'without settings: the root, and no field of its own',
    );
  },
);

t.test('what the client puts into Connection hides it from the service and from the endpoint alike', async (t) => {
  const fields = 'Accept: a\r\nX-User: root\r\nConnection: accept, x-user, x-groups\r\n';
  auth.answer(answer('200 OK', 'X-User: anna\r\nX-Groups: a\r\n'));
  t.equal(await rig.ask(request('/', fields)), OK_RELAYED);
  t.notMatch(auth.take()[0], /accept/i);
  t.strictSame(rig.upstream.take().map(masked), [forwarded({ lines: 'X-User: anna\r\nX-Groups: a\r\n' })]);
});

const spoofs = 'X-User: root\r\nx-user: root\r\nX_USER: root\r\nX-Groups: all\r\nx_Groups: all\r\nX-Kept: 1\r\n';
for (const [title, lines, copied] of [
  ['both fields', 'X-User: anna\r\nX-Groups: a\r\n', 'X-User: anna\r\nX-Groups: a\r\n'],
  ['one of them', 'x-user:anna\r\nX-Not-Named: a\r\n', 'x-user:anna\r\n'],
  ['none of them', '', ''],
  ['a field twice and one empty', 'X-User: a\r\nX-Groups:\r\nX-User: b\r\n', 'X-User: a\r\nX-Groups:\r\nX-User: b\r\n'],
] as const) {
  t.test(`when the answer has ${title}, the endpoint gets just that, and nothing of it from the client`, async (t) => {
    auth.answer(answer('200 OK', lines));
    t.equal(await rig.ask(request('/', spoofs)), OK_RELAYED);
    t.strictSame(rig.upstream.take().map(masked), [forwarded({ lines: `X-Kept: 1\r\n${copied}` })]);
  });
}

t.test('the client cannot say in a trailer what only the service may say', async (t) => {
  const head = request('/', 'Transfer-Encoding: chunked\r\nTE: trailers\r\n', 'POST / HTTP/1.1');
  t.equal(await rig.ask(`${head}1\r\na\r\n0\r\nX-User: root\r\nX_Groups: all\r\nX-Kept: b\r\n\r\n`), OK_RELAYED);
  t.match(rig.upstream.take(), [/\r\n0\r\nX-Kept: b\r\n\r\n$/]);
});

t.test('a field that is copied both ways is replaced', async (t) => {
  auth.answer(answer('200 OK', 'Authorization: Bearer inner\r\n'));
  t.equal(await rig.ask(request('/jwt', 'Authorization: Bearer outer\r\n')), OK_RELAYED);
  t.match(auth.take(), [/\r\nAuthorization: Bearer outer\r\n/]);
  t.strictSame(rig.upstream.take().map(masked), [
    forwarded({ line: 'GET /jwt HTTP/1.1', lines: 'Authorization: Bearer inner\r\n' }),
  ]);
});

const many = Array.from({ length: 100 }, (_, at) => `X-Field-${at}: ${at}\r\n`).join('');
for (const [title, bytes] of [
  ['204', 'HTTP/1.1 204 No Content\r\nX-User: u\r\n\r\n'],
  ['299', answer('299 Fine', 'X-User: u\r\n', 'well')],
  [
    'chunked, with trailers',
    'HTTP/1.1 200 OK\r\nX-User: u\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Groups: all\r\n\r\n',
  ],
  [
    'behind interim answers',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-User: no\r\n\r\n${answer('200 OK', 'X-User: u\r\n')}`,
  ],
  ['with 100 fields', answer('200 OK', `${many}X-User: u\r\n`)],
  ['with a body of 64 KiB', answer('200 OK', 'X-User: u\r\n', 'a'.repeat(65_536))],
  [
    'that concerns its connection alone',
    answer('200 OK', 'X-User: u\r\nX-Groups: g\r\nConnection: x-groups, close\r\n'),
  ],
] as const) {
  t.test(`an answer of 2xx lets the request go on: ${title}`, async (t) => {
    auth.answer(bytes);
    t.equal(await rig.ask(request()), OK_RELAYED);
    t.strictSame(rig.upstream.take().map(masked), [forwarded({ lines: 'X-User: u\r\n' })]);
  });
}

for (const [title, bytes] of [
  ['to HTTP/1.0', 'HTTP/1.0 200 OK\r\nX-User: u\r\n\r\n'],
  ['whose end is the end of the connection', 'HTTP/1.1 200 OK\r\nX-User: u\r\n\r\nas long as it goes'],
] as const) {
  t.test(`an answer ${title} is whole when the connection ends in order`, async (t) => {
    auth.answer(bytes, 'end');
    t.equal(await rig.ask(request()), OK_RELAYED);
    t.strictSame(rig.upstream.take().map(masked), [forwarded({ lines: 'X-User: u\r\n' })]);
  });
}

const HOP =
  'Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-User: not yours\r\n';
const relayed = (status: string, lines: string, body: string, last = '') =>
  `HTTP/1.1 ${status}\r\n${lines}Via: 1.1 tidegate\r\nContent-Length: ${body.length}\r\n${last}\r\n${body}`;
const refusals: readonly (readonly [title: string, bytes: string, line: string, relayed: string])[] = [
  [
    '401 with WWW-Authenticate',
    answer('401 Unauthorized', 'WWW-Authenticate: Bearer realm="a"\r\n'),
    'GET / HTTP/1.1',
    relayed('401 Unauthorized', 'WWW-Authenticate: Bearer realm="a"\r\n', ''),
  ],
  [
    '302 with Location and cookies',
    answer('302 Found', 'Location: https://login.test/?rd=x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n'),
    'POST / HTTP/1.1',
    relayed('302 Found', 'Location: https://login.test/?rd=x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n', ''),
  ],
  [
    '403 with a body, without what concerned the hop',
    answer('403 Go Away', `Content-Type: text/html\r\n${HOP}`, '<p>no</p>'),
    'GET / HTTP/1.1',
    relayed('403 Go Away', 'Content-Type: text/html\r\nX-User: not yours\r\n', '<p>no</p>'),
  ],
  [
    'a chunked body, which leaves with its length',
    'HTTP/1.1 403 \r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2;x=y\r\nno\r\n3\r\npe!\r\n0\r\nX-T: 1\r\n\r\n',
    'GET / HTTP/1.1',
    relayed('403 ', '', 'nope!'),
  ],
  [
    'HEAD, without the body',
    answer('403 No', '', 'nope'),
    'HEAD / HTTP/1.1',
    'HTTP/1.1 403 No\r\nVia: 1.1 tidegate\r\nContent-Length: 4\r\n\r\n',
  ],
  ['500', answer('500 Oops', '', 'broken'), 'GET / HTTP/1.1', relayed('500 Oops', '', 'broken')],
  [
    '304, which has no body',
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 9\r\n\r\n',
    'GET / HTTP/1.1',
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 9\r\nVia: 1.1 tidegate\r\n\r\n',
  ],
  [
    'bytes that are no text',
    answer('403 No', '', '\xff\x00\xfe\r\n'),
    'GET / HTTP/1.1',
    relayed('403 No', '', '\xff\x00\xfe\r\n'),
  ],
];
for (const [title, bytes, line, expected] of refusals) {
  t.test(`any other answer goes to the client, and nothing to the endpoint: ${title}`, async (t) => {
    const before = results(rig, 'main', 'refused');
    auth.answer(bytes);
    const client = await rig.client();
    const isHead = line.startsWith('HEAD');
    for (const time of [1, 2]) {
      client.send(request('', '', line));
      const received = await client.until('the answer', (text) => text.length >= expected.length * time);
      t.equal(received, expected.repeat(time), `answer ${time} on one connection`);
    }
    t.ok(responseEnd(client.received, 0, isHead) >= 0);
    client.socket.destroy();
    t.strictSame(await rig.seen(), []);
    t.equal(results(rig, 'main', 'refused') - before, 2);
  });
}

t.test('a refusal keeps a connection of HTTP/1.0 open that asks for it', async (t) => {
  auth.answer(answer('403 No', '', 'nope'));
  const first = await rig.untilEnd('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  t.equal(first, relayed('403 No', '', 'nope', 'Connection: close\r\n'));
  const kept = await rig.ask('GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n');
  t.equal(kept, relayed('403 No', '', 'nope', 'Connection: keep-alive\r\n'));
});

const bad: readonly (readonly [
  title: string,
  bytes: string,
  then: 'keep' | 'end' | 'reset',
  reason: string,
  asked: number,
])[] = [
  ['garbage', '\x16\x03\x01garbage\r\n\r\n', 'keep', 'invalid', 1],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na', 'keep', 'invalid', 1],
  [
    'length and coding',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'keep',
    'invalid',
    1,
  ],
  [
    'a field with a line break',
    'HTTP/1.1 200 OK\r\nX-User: a\nX-Admin: b\r\nContent-Length: 0\r\n\r\n',
    'keep',
    'invalid',
    1,
  ],
  ['a folded field', 'HTTP/1.1 200 OK\r\nX-User: a\r\n b\r\nContent-Length: 0\r\n\r\n', 'keep', 'invalid', 1],
  ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'keep', 'invalid', 1],
  [
    'an upgrade that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    'keep',
    'invalid',
    1,
  ],
  ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17), 'keep', 'invalid', 1],
  ['a head without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`, 'keep', 'invalid', 1],
  ['too many fields', `HTTP/1.1 200 OK\r\n${'a:b\r\n'.repeat(600)}Content-Length: 0\r\n\r\n`, 'keep', 'invalid', 1],
  ['a length of a body that is too large', 'HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n', 'keep', 'too-large', 1],
  [
    'chunks that are too large',
    `HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n${`8000\r\n${'a'.repeat(0x8000)}\r\n`.repeat(3)}`,
    'keep',
    'too-large',
    1,
  ],
  ['a body without end', `HTTP/1.1 403 No\r\n\r\n${'a'.repeat(70_000)}`, 'keep', 'too-large', 1],
  ['nothing, and closes', '', 'end', 'unavailable', 3],
  ['half a head, and closes', 'HTTP/1.1 200 OK\r\nX-Us', 'end', 'unavailable', 2],
  ['half a body, and closes', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab', 'end', 'unavailable', 2],
  ['half a chunk, and closes', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab', 'end', 'unavailable', 2],
  ['half a head, and resets', 'HTTP/1.1 200 OK\r\nX-User: a\r\n', 'reset', 'unavailable', 2],
];
for (const [title, bytes, then, reason, asked] of bad) {
  t.test(`a service that answers with ${title} lets nobody in`, async (t) => {
    t.equal(await rig.ask(request()), OK_RELAYED, 'on a connection that served before');
    await rig.settled();
    auth.take();
    const before = failures(rig, 'main');
    auth.answer(bytes, then);
    t.equal(await rig.ask(request()), UNAVAILABLE);
    t.equal(auth.take().length, asked, 'what was lost is asked again once, and nothing else');
    t.strictSame(await rig.seen(), [], 'the endpoint has heard of nothing');
    t.strictSame({ ...failures(rig, 'main') }, { ...before, [reason]: before[reason]! + 1 });
    auth.answerOk();
    t.equal(await rig.ask(request()), OK_RELAYED, 'the next request is asked about anew');
  });
}

t.test('bytes behind an answer are nobody else’s answer', async (t) => {
  auth.answer(answer('403 No') + answer('200 OK', 'X-User: root\r\n'));
  for (const _ of [1, 2, 3]) t.match(await rig.ask(request()), /^HTTP\/1\.1 403 /);
  t.strictSame(await rig.seen(), []);
});

t.test('one question after another goes over one connection', async (t) => {
  await rig.ask(request());
  const from = auth.ends.length;
  for (const _ of [1, 2, 3]) t.equal(await rig.ask(request()), OK_RELAYED);
  t.equal(auth.ends.length, from);
});

t.test(
  'a connection that the service closes as it is used again is replaced, and that is nobody’s failure',
  async (t) => {
    await rig.ask(request());
    const races = (): number =>
      readEndpoint(rig.plane.metrics().endpoints.find(({ service }) => service === 'gatekeeper')!.board).reuseRaces;
    const before = failures(rig, 'main');
    const racesBefore = races();
    let closed = 0;
    auth.respond = ({ end }) => {
      if (closed++ === 0) end.end();
      else end.send(OK);
    };
    t.equal(await rig.ask(request()), OK_RELAYED);
    t.equal(closed, 2);
    t.strictSame(failures(rig, 'main'), before);
    t.equal(races() - racesBefore, 1, 'it is counted as what it was');
  },
);

t.test('the password is asked for first, the service learns who it is and never the password', async (t) => {
  t.match(await rig.ask(request('/both')), /^HTTP\/1\.1 401 [\s\S]*Basic realm/);
  t.strictSame(auth.take(), [], 'nobody was asked about a request without password');
  const password = `Authorization: Basic ${Buffer.from('anna:secret word').toString('base64')}\r\nX-Anna: root\r\nX_Anna: root\r\n`;
  auth.answer(answer('200 OK', 'X-Groups: staff\r\n'));
  for (const time of ['checked', 'proven before']) {
    t.equal(await rig.ask(request('/both', password)), OK_RELAYED, time);
    const [question] = auth.take();
    t.match(question, /\r\nx-anna: anna\r\n/);
    t.notMatch(question, /authorization|root/i);
    const lines = 'x-anna: anna\r\nX-Groups: staff\r\n';
    t.strictSame(rig.upstream.take().map(masked), [forwarded({ line: 'GET /both HTTP/1.1', lines })]);
  }
  auth.answer(answer('403 No'));
  t.match(await rig.ask(request('/both', password)), /^HTTP\/1\.1 403 /);
});

t.test('the address is asked about before the service', async (t) => {
  t.match(await rig.ask(request('/inside')), /^HTTP\/1\.1 403 /);
  t.strictSame(auth.take(), []);
});

t.test('cookies of an answer that allows go to the client only where the config says so', async (t) => {
  auth.answer(answer('200 OK', 'Set-Cookie: s=1\r\nset-cookie: t=2\r\n'));
  t.equal(await rig.ask(request()), OK_RELAYED);
  const expected =
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\nSet-Cookie: s=1\r\nset-cookie: t=2\r\n\r\nok';
  t.equal(await rig.ask(request('/cookies')), expected);
  t.notMatch(rig.upstream.take().join(''), /s=1|t=2/);
});

t.test('an answer of our own waits for the permission too', async (t) => {
  auth.answer(answer('403 No'));
  t.match(await rig.ask(request('/here')), /^HTTP\/1\.1 403 No\r\n/);
  auth.answerOk();
  t.match(await rig.ask(request('/here')), /^HTTP\/1\.1 200 OK\r\n[\s\S]*here$/);
});

t.test('questions are no requests and no attempts of a version, and the log says who has refused', async (t) => {
  await rig.ask(request());
  const { series } = rig.plane.metrics();
  const ofGatekeeper = series.filter(({ service }) => service === 'gatekeeper');
  t.ok(ofGatekeeper.length > 0);
  for (const reader of ofGatekeeper.map(({ board }) => new SeriesReader(board))) {
    t.ok([...reader.codes(), ...reader.outcomes(), ...reader.firstBytes()].every((count) => count === 0));
  }
  auth.answer(answer('403 No'));
  const from = rig.lines.length;
  await rig.ask(request('/?secret'));
  auth.answer('garbage\r\n\r\n');
  await rig.ask(request());
  const lineWith = async (kind: string): Promise<unknown> => {
    const found = rig.lines.slice(from).find((line) => line.includes(kind));
    if (found !== undefined) return JSON.parse(found);
    await rig.settled();
    return lineWith(kind);
  };
  const refused = await lineWith('forward-auth-refused');
  const failed = await lineWith('forward-auth-invalid');
  t.match(refused, { status: 403, termination: 'downstream/admit/forward-auth-refused', attempts: 0, authMs: Number });
  t.match(failed, { status: 503, termination: 'upstream/admit/forward-auth-invalid', attempts: 0, endpoint: null });
});
