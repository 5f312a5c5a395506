/** Responses that are not in order: none is relayed as if it were, and no connection is used again after one. */
import t from 'tap';
import { cutsOf } from './stage/cuts.ts';
import { GET, masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

const VIA = 'Via: 1.1 tidegate\r\n';
const INVALID = own(502, 'The endpoint sent an invalid answer.', '');
const GET_1_0 = GET.replace('HTTP/1.1', 'HTTP/1.0');
const HEAD = GET.replace('GET', 'HEAD');
const ok = (fields: string, body = 'ok') => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;

const invalid: readonly (readonly [what: string, sent: string])[] = [
  [
    'Content-Length and Transfer-Encoding',
    ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'),
  ],
  [
    'Transfer-Encoding and Content-Length',
    ok('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', '2\r\nok\r\n0\r\n\r\n'),
  ],
  ['two different Content-Length', ok('Content-Length: 2\r\nContent-Length: 3\r\n')],
  ['a list of Content-Length', ok('Content-Length: 2, 2\r\n')],
  ['a Content-Length with a sign', ok('Content-Length: +2\r\n')],
  ['a Content-Length with a leading zero', ok('Content-Length: 02\r\n')],
  ['an empty Content-Length', ok('Content-Length:\r\n')],
  ['Transfer-Encoding gzip', ok('Transfer-Encoding: gzip\r\n')],
  ['Transfer-Encoding gzip, chunked', ok('Transfer-Encoding: gzip, chunked\r\n', '2\r\nok\r\n0\r\n\r\n')],
  ['Transfer-Encoding chunked twice', ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a folded field', ok('X-A: b\r\n c\r\nContent-Length: 2\r\n')],
  ['a space before a colon', ok('Content-Length : 2\r\n')],
  ['a line without colon', ok('X-A\r\nContent-Length: 2\r\n')],
  ['a space before the first field', ok(' X-A: b\r\nContent-Length: 2\r\n')],
  ['a name that is no token', ok('X{A: b\r\nContent-Length: 2\r\n')],
  ['an LF alone as a line end', ok('X-A: b\nContent-Length: 2\r\n')],
  ['a CR alone in a value', ok('X-A: b\rc\r\nContent-Length: 2\r\n')],
  ['NUL in a value', ok('X-A: \0\r\nContent-Length: 2\r\n')],
  ['a Connection that names Content-Length', ok('Connection: content-length\r\nContent-Length: 2\r\n')],
  ['no version', '200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['another version', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a version in lower case', 'http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['two spaces in the status line', 'HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['status 600', 'HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok'],
  ['status 099', 'HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok'],
  ['status -20', 'HTTP/1.1 -20 X\r\nContent-Length: 2\r\n\r\nok'],
  ['an empty line before its status line', `\r\n${OK}`],
  ['a 101 that was not asked for', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['a head of more than 64 KiB', ok(`X: ${'y'.repeat(66_000)}\r\n`)],
  ['more than 512 fields', ok('X: y\r\n'.repeat(513))],
  ['more than 16 interim responses', `${'HTTP/1.1 102 Wait\r\n\r\n'.repeat(17)}${OK}`],
];

for (const [what, sent] of invalid) {
  t.test(`a response with ${what} becomes a 502 and ends its connection`, async (t) => {
    for (const pieces of [[sent], ...cutsOf(sent).map((cut) => cut.pieces)]) {
      const before = rig.outcomes('protocol');
      rig.upstream.hold();
      const client = await rig.client();
      client.send(GET);
      const { end } = await rig.upstream.request();
      await end.sendPieces(pieces);
      await end.ended();
      await client.until('the answer', (text) => text.endsWith('answer.\n'));
      t.equal(masked(client.received.slice(client.received.lastIndexOf('HTTP/1.1 502'))), INVALID);
      rig.upstream.answerOk();
      client.send(GET);
      await client.until('the next answer', (text) => text.endsWith(OK_RELAYED));
      t.equal(rig.outcomes('protocol'), before + 1, 'and counts against the version');
      client.socket.destroy();
    }
  });
}

t.test('a connection that ends before the head becomes a 502', async (t) => {
  for (const then of ['end', 'reset'] as const) {
    for (const sent of ['', 'HTTP/1.1 200 OK\r\nContent-Le']) {
      await rig.seen();
      rig.upstream.hold();
      const client = await rig.client();
      client.send(GET);
      const first = await rig.upstream.request();
      first.end.send(sent);
      if (then === 'end') first.end.end();
      else first.end.reset();
      if (sent === '') {
        // The connection had served before: the request is sent once more, on a fresh one.
        const second = await rig.upstream.request();
        second.end.end();
      }
      await client.until('the answer', (text) => text.endsWith('answer.\n'));
      t.equal(masked(client.received), own(502, 'The endpoint closed the connection without an answer.', ''));
      client.socket.destroy();
    }
  }
});

const cuts: readonly (readonly [what: string, request: string, sent: string, relayed: string])[] = [
  [
    'a body of announced length',
    GET,
    ok('Content-Length: 10\r\n', 'hello'),
    `HTTP/1.1 200 OK\r\nContent-Length: 10\r\n${VIA}\r\nhello`,
  ],
  [
    'a chunk',
    GET,
    ok('Transfer-Encoding: chunked\r\n', 'a\r\nhello'),
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n`,
  ],
  [
    'a chunked body between two chunks',
    GET,
    ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n'),
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n`,
  ],
  [
    'a chunked body before its last empty line',
    GET,
    ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n'),
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n`,
  ],
];
for (const [what, request, sent, relayed] of cuts) {
  for (const then of ['end', 'reset'] as const) {
    t.test(`${what} that is cut by the endpoint (${then}) never looks whole`, async (t) => {
      const before = rig.outcomes('reset');
      rig.upstream.answer('');
      rig.upstream.hold();
      const client = await rig.client();
      client.send(request);
      const { end } = await rig.upstream.request();
      end.send(sent);
      await client.until('what has come', (text) => text === relayed);
      if (then === 'end') end.end();
      else end.reset();
      await client.ended();
      t.equal(client.received, relayed, 'nothing is added');
      await rig.settled();
      t.equal(rig.outcomes('reset'), before + 1, 'and counts against the version');
    });
  }
}

t.test('a body that ends with its connection is cut by a reset, for HTTP/1.1 and for HTTP/1.0', async (t) => {
  for (const [request, relayed] of [
    [GET, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n5\r\nhello\r\n`],
    [GET_1_0, `HTTP/1.1 200 OK\r\n${VIA}Connection: close\r\n\r\nhello`],
  ] as const) {
    rig.upstream.hold();
    const client = await rig.client();
    client.send(request);
    const { end } = await rig.upstream.request();
    end.send('HTTP/1.1 200 OK\r\n\r\nhello');
    await client.until('what has come', (text) => text === relayed);
    end.reset();
    const ending = await client.ended();
    t.equal(client.received, relayed);
    if (request === GET_1_0) t.equal(ending, 'reset', 'an orderly end would be the end of the body');
  }
});

t.test(
  'a chunked body that is cut reaches HTTP/1.0 with a reset: an orderly end would be the end of the body',
  async (t) => {
    rig.upstream.hold();
    const client = await rig.client();
    client.send(GET_1_0);
    const { end } = await rig.upstream.request();
    end.send(ok('Transfer-Encoding: chunked\r\n', 'a\r\nhello'));
    await client.untilHas('hello');
    end.end();
    t.equal(await client.ended(), 'reset');
  },
);

for (const bad of [
  '0x5\r\nhello\r\n',
  '-5\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '5\nhello\r\n',
  'x\r\n',
  '5\r\nhello0\r\n\r\n',
  '0\r\nX-A\r\n\r\n',
  '0\r\n\rX',
  `5;${'x'.repeat(300)}\r\nhello\r\n`,
]) {
  t.test(`a response with the bad chunk ${JSON.stringify(bad.slice(0, 20))} is cut`, async (t) => {
    const before = rig.outcomes('protocol');
    rig.upstream.hold();
    const client = await rig.client();
    client.send(GET);
    const { end } = await rig.upstream.request();
    end.send(ok('Transfer-Encoding: chunked\r\n', '1\r\n!\r\n'));
    await client.untilHas('!\r\n');
    end.send(bad);
    await Promise.all([client.ended(), end.ended()]);
    t.notMatch(client.received, /\r\n0\r\n/);
    await rig.settled();
    t.equal(rig.outcomes('protocol'), before + 1);
  });
}

const extra: readonly (readonly [what: string, request: string, sent: string, relayed: string])[] = [
  ['a response of announced length', GET, `${OK}HTTP/1.1 200 OK\r\n\r\npoison`, OK_RELAYED],
  [
    'a chunked response',
    GET,
    `${ok('Transfer-Encoding: chunked\r\n', '0\r\n\r\n')}x`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${VIA}\r\n0\r\n\r\n`,
  ],
  ['204', GET, 'HTTP/1.1 204 No\r\n\r\nbody', `HTTP/1.1 204 No\r\n${VIA}\r\n`],
  [
    '304',
    GET,
    'HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\nbody',
    `HTTP/1.1 304 No\r\nContent-Length: 4\r\n${VIA}\r\n`,
  ],
  ['an answer to HEAD', HEAD, ok('Content-Length: 2\r\n'), `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${VIA}\r\n`],
];
for (const [what, request, sent, relayed] of extra) {
  t.test(`bytes after ${what} reach nobody: the connection is destroyed and counted as a desync`, async (t) => {
    const before = rig.endpoint().desyncs;
    rig.upstream.hold();
    const client = await rig.client();
    client.send(request);
    const { end } = await rig.upstream.request();
    end.send(sent);
    await end.ended();
    rig.upstream.answerOk();
    client.send(GET);
    await client.until('the next answer', (text) => text.endsWith(OK_RELAYED) && text.length > relayed.length);
    t.equal(client.received, relayed + OK_RELAYED);
    t.equal(rig.endpoint().desyncs, before + 1);
  });
}

t.test('bytes on an idle connection reach nobody: it is destroyed and counted as a desync', async (t) => {
  const before = rig.endpoint().desyncs;
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  end.send(OK);
  await client.until('the answer', (text) => text === OK_RELAYED);
  end.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
  await end.ended();
  rig.upstream.answerOk();
  client.send(GET);
  await client.until('the next answer', (text) => text === OK_RELAYED + OK_RELAYED);
  t.equal(rig.endpoint().desyncs, before + 1);
});

t.test('interim responses are relayed, any number up to 16, and never to HTTP/1.0', async (t) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\n';
  rig.upstream.answer(`HTTP/1.1 102 Processing\r\n\r\n${interim.repeat(15)}${OK}`);
  const relayed = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${VIA}\r\n`;
  t.equal(await rig.ask(GET), `HTTP/1.1 102 Processing\r\n${VIA}\r\n${relayed.repeat(15)}${OK_RELAYED}`);
  const old = await rig.untilEnd(GET_1_0);
  t.equal(old, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\nConnection: close\r\n\r\nok');
});

t.test('an interim response is relayed at once and not together with the final one', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 103 Early Hints\r\n\r\n');
  await client.until('the hints', (text) => text === `HTTP/1.1 103 Early Hints\r\n${VIA}\r\n`);
  end.send(OK);
  await client.until('the answer', (text) => text.endsWith(OK_RELAYED));
  t.pass('both have come');
});

t.test('a 100 is relayed also to a client that has not asked for it', async (t) => {
  rig.upstream.answer(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
  t.equal(await rig.ask(GET), `HTTP/1.1 100 Continue\r\n${VIA}\r\n${OK_RELAYED}`);
});

t.test(
  'an early final response is relayed at once, the rest of the body is dropped, and the client may go on',
  async (t) => {
    rig.upstream.respondToHead = ({ end }) => end.send('HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno');
    const client = await rig.client();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nbegin');
    const { end } = await rig.upstream.request();
    const early = `HTTP/1.1 413 Large\r\nContent-Length: 2\r\n${VIA}\r\nno`;
    await client.until('the early answer', (text) => text === early);
    await end.ended();
    rig.upstream.answerOk();
    client.send('x'.repeat(100_000 - 5) + GET);
    await client.until('the next answer', (text) => text === early + OK_RELAYED);
    t.match(rig.upstream.take(), [/^GET /]);
  },
);

t.test('no more than 256 KiB of such a body are read: then the connection is closed', async (t) => {
  rig.upstream.respondToHead = ({ end }) => end.send('HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno');
  const client = await rig.client();
  const bytes = 400_000;
  client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${bytes}\r\n\r\n`);
  await client.untilHas('\r\n\r\nno');
  rig.upstream.answerOk();
  client.send('x'.repeat(bytes) + GET);
  await client.ended();
  t.ok(client.received.endsWith('\r\n\r\nno'), 'what follows the body is not answered');
});

t.test('the dropped rest of a chunked body is read by the same grammar', async (t) => {
  const head = 'POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n';
  for (const [rest, isGood] of [
    ['3\r\nend\r\n0\r\nX-A: b\r\n\r\n', true],
    ['3 \r\nend\r\n0\r\n\r\n', false],
  ] as const) {
    rig.upstream.respondToHead = ({ end }) => end.send(OK);
    const client = await rig.client();
    client.send(head);
    await client.until('the early answer', (text) => text === OK_RELAYED);
    await rig.settled();
    client.send(rest + GET);
    if (isGood) await client.until('the next answer', (text) => text === OK_RELAYED + OK_RELAYED);
    else await client.ended();
    t.equal(client.received, isGood ? OK_RELAYED + OK_RELAYED : OK_RELAYED);
  }
});
