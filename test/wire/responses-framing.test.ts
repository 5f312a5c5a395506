/** Responses that are in order: how their bodies are framed for the client, and what stays of the connections. */
import t from 'tap';
import { cutsOf } from './stage/cuts.ts';
import { GET, inOneChunk, masked, OK_RELAYED } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});
t.afterEach(() => rig.upstream.answerOk());

const VIA = 'Via: 1.1 tidegate\r\n';
const HEAD = GET.replace('GET', 'HEAD');
const GET_1_0 = GET.replace('HTTP/1.1', 'HTTP/1.0');
const GET_TE = 'GET / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n';

/** The title, the request, what the endpoint sends, what the client gets, and whether its connection stays open. */
type Row = readonly [title: string, request: string, sent: string, relayed: string, stays: boolean];
const length = (status: string, body: string) => `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const rows: Row[] = [
  [
    'a body of announced length keeps its length',
    GET,
    length('200 OK', 'hello'),
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${VIA}\r\nhello`,
    true,
  ],
  [
    'a body of length 0 is announced as such',
    GET,
    length('404 No', ''),
    `HTTP/1.1 404 No\r\nContent-Length: 0\r\n${VIA}\r\n`,
    true,
  ],
  [
    'two equal Content-Length leave as one',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok',
    OK_RELAYED,
    true,
  ],
  [
    'a chunked body leaves in chunks, its extensions dropped',
    GET,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n0\r\n\r\n`,
    true,
  ],
  [
    'a chunked body to HTTP/1.0 leaves without chunks, and the connection closes',
    GET_1_0.replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n'),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    `HTTP/1.1 200 OK\r\n${VIA}Connection: close\r\n\r\nhello`,
    false,
  ],
  [
    'trailers go to a client that takes them, those that would frame or authenticate left out',
    GET_TE,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A, Content-Length\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\nContent-Length: 1\r\nSet-Cookie: c\r\n\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n${VIA}\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n`,
    true,
  ],
  [
    'trailers do not go to a client that has not said that it takes them',
    GET,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n0\r\n\r\n`,
    true,
  ],
  [
    '204 has no body and no length',
    GET,
    'HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n',
    `HTTP/1.1 204 None\r\n${VIA}\r\n`,
    true,
  ],
  [
    '204 has no body, chunked or not',
    GET,
    'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n',
    `HTTP/1.1 204 None\r\n${VIA}\r\n`,
    true,
  ],
  [
    '304 has no body and keeps its length',
    GET,
    'HTTP/1.1 304 Same\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
    `HTTP/1.1 304 Same\r\nETag: "x"\r\nContent-Length: 5\r\n${VIA}\r\n`,
    true,
  ],
  [
    'an answer to HEAD has no body and keeps its length',
    HEAD,
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${VIA}\r\n`,
    true,
  ],
  [
    'an answer to HEAD has no body, chunked or not',
    HEAD,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    `HTTP/1.1 200 OK\r\n${VIA}\r\n`,
    true,
  ],
  [
    'a status line may lack its reason',
    GET,
    'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    `HTTP/1.1 200 \r\nContent-Length: 2\r\n${VIA}\r\nok`,
    true,
  ],
  [
    'a response of HTTP/1.0 leaves as HTTP/1.1',
    GET,
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.0 tidegate\r\n\r\nok',
    true,
  ],
  [
    'HTTP/1.0 with keep-alive is told that the connection stays open',
    GET_1_0.replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n'),
    length('200 OK', 'ok'),
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${VIA}Connection: keep-alive\r\n\r\nok`,
    true,
  ],
  [
    'HTTP/1.0 without keep-alive gets its answer and a close',
    GET_1_0,
    length('200 OK', 'ok'),
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${VIA}Connection: close\r\n\r\nok`,
    false,
  ],
  ...[599, 299, 451].map(
    (status): Row => [
      `status ${status} is relayed`,
      GET,
      length(`${status} X`, 'ok'),
      `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n${VIA}\r\nok`,
      true,
    ],
  ),
];

for (const [title, request, sent, relayed, stays] of rows) {
  t.test(title, async (t) => {
    for (const pieces of [[sent], ...cutsOf(sent).map((cut) => cut.pieces)]) {
      rig.upstream.respond = ({ end }) => void end.sendPieces(pieces);
      const client = await rig.client();
      client.send(request);
      await client.until(
        'the answer',
        (text) => inOneChunk(text).length >= relayed.length && text.endsWith(relayed.slice(-2)),
      );
      if (stays) {
        rig.upstream.answerOk();
        const first = client.received.length;
        client.send(GET);
        const both = await client.until('the next answer', (text) => text.length > first && text.endsWith(OK_RELAYED));
        t.equal(inOneChunk(both.slice(0, -OK_RELAYED.length)), relayed);
      } else {
        t.equal(await client.ended(), 'end');
        t.equal(inOneChunk(masked(client.received)), relayed);
      }
      client.socket.destroy();
    }
  });
}

t.test("the endpoint's connection is used again after each of them", async (t) => {
  const { dials } = rig.endpoint();
  for (const sent of [
    length('200 OK', 'ok'),
    'HTTP/1.1 204 No\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]) {
    rig.upstream.answer(sent);
    await rig.ask(GET);
  }
  t.equal(rig.endpoint().dials, dials);
});

t.test('a body that ends with the connection leaves in chunks to HTTP/1.1, and the client may go on', async (t) => {
  const client = await rig.client();
  rig.upstream.answer('HTTP/1.1 200 OK\r\n\r\nhello', 'end');
  client.send(GET);
  await client.untilHas('\r\n0\r\n\r\n');
  t.equal(
    inOneChunk(client.received),
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n0\r\n\r\n`,
  );
  rig.upstream.answerOk();
  client.send(GET);
  await client.until('the next answer', (text) => text.endsWith(OK_RELAYED));
});

t.test('a body that ends with the connection leaves to HTTP/1.0 as it is, and ends in the same way', async (t) => {
  rig.upstream.answer('HTTP/1.1 200 OK\r\n\r\nhello', 'end');
  t.equal(await rig.untilEnd(GET_1_0), `HTTP/1.1 200 OK\r\n${VIA}Connection: close\r\n\r\nhello`);
});

t.test('a response of HTTP/1.0 keeps its connection only if it says so', async (t) => {
  for (const [field, stays] of [
    ['', false],
    ['Connection: keep-alive\r\n', true],
  ] as const) {
    await rig.settled();
    rig.upstream.answer(`HTTP/1.0 200 OK\r\n${field}Content-Length: 2\r\n\r\nok`);
    const { dials } = rig.endpoint();
    await rig.ask(GET);
    await rig.settled();
    t.equal(rig.endpoint().dials, stays ? dials : dials + 1);
  }
});

t.test('what has come of a body is passed on at once', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
  await client.untilHas('9\r\ndata: 1\n\n\r\n');
  end.send('data: 2\n\n');
  await client.untilHas('9\r\ndata: 2\n\n\r\n');
  end.end();
  await client.untilHas('\r\n0\r\n\r\n');
  t.pass('two events have come, one by one');
});
