/** The exact bytes of heads that leave. */

import t from 'tap';
import { buildRequestHead, buildResponseHead, forwardingLines, ownResponse } from '../../../src/http1/forward.ts';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../../src/http1/response-head.ts';

function request(...lines: readonly string[]): RequestHead {
  const head = parseRequestHead(`${lines.join('\r\n')}\r\n\r\n`, { targetBytes: 8192, fields: 128 });
  if (head.refused) throw new Error(head.kind);
  return head;
}

function response(method: string, ...lines: readonly string[]): ResponseHead {
  const head = parseResponseHead(`${lines.join('\r\n')}\r\n\r\n`, method);
  if (head.refused) throw new Error(head.kind);
  return head;
}

const PLAIN = { forwardedLines: '', framing: 'none', extra: '', upgrade: false } as const;
const UNTRUSTED = { address: '192.0.2.1', trusted: false, proto: 'http', port: 8080 } as const;
const TRUSTED = { ...UNTRUSTED, trusted: true } as const;

t.test('a request leaves in origin-form, as 1.1, with the fields that are passed on', async (t) => {
  const head = request('GET http://b:1/x?y HTTP/1.0', 'Accept: */*', 'Connection: keep-alive', 'Host: a', 'B:c');
  t.equal(buildRequestHead(head, PLAIN), 'GET /x?y HTTP/1.1\r\nHost: b:1\r\nAccept: */*\r\nB:c\r\n\r\n');
  t.equal(
    buildRequestHead(head, {
      ...PLAIN,
      host: 'c',
      target: '/z',
      passOn: 'D: e\r\n',
      forwardedLines: 'F: 1\r\n',
      extra: 'E: 2\r\n',
    }),
    'GET /z HTTP/1.1\r\nHost: c\r\nD: e\r\nF: 1\r\nE: 2\r\n\r\n',
  );
});

t.test('the framing of a request is written anew', async (t) => {
  const sized = request('POST / HTTP/1.1', 'Host: a', 'content-length:  5');
  t.equal(
    buildRequestHead(sized, { ...PLAIN, framing: 'length' }),
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
  );
  const chunked = request('POST / HTTP/1.1', 'Host: a', 'transfer-encoding: CHUNKED', 'Trailer: X-Sum, Content-Length');
  t.equal(
    buildRequestHead(chunked, { ...PLAIN, framing: 'chunked' }),
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
  );
});

t.test('upgrade, TE and Max-Forwards are written anew for the next hop', async (t) => {
  const upgrade = request(
    'GET / HTTP/1.1',
    'Host: a',
    'Connection: Upgrade, TE',
    'Upgrade: WebSocket, h2c',
    'TE: trailers, gzip',
  );
  t.equal(
    buildRequestHead(upgrade, { ...PLAIN, upgrade: true }),
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, TE\r\nTE: trailers\r\nUpgrade: websocket\r\n\r\n',
  );
  t.equal(buildRequestHead(upgrade, PLAIN), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n');
  const counted = request('OPTIONS * HTTP/1.1', 'Host: a', 'Max-Forwards: 3');
  t.equal(buildRequestHead(counted, PLAIN), 'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 2\r\n\r\n');
});

const CLAIMS = [
  'GET / HTTP/1.1',
  'Host: a:80',
  'X-Forwarded-For: 9.9.9.9',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: claimed',
  'X-Forwarded-Port: 443',
  'Forwarded: for=9.9.9.9',
  'Via: 1.0 x',
];

t.test('what an untrusted peer says about earlier hops is replaced', async (t) => {
  t.equal(
    forwardingLines(request(...CLAIMS), UNTRUSTED),
    'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\nX-Forwarded-Port: 8080\r\n' +
      'Forwarded: for=192.0.2.1;host="a:80";proto=http\r\nVia: 1.0 x, 1.1 tidegate\r\n',
  );
});

t.test('to what a trusted peer says about earlier hops, this hop is appended', async (t) => {
  t.equal(
    forwardingLines(request(...CLAIMS), TRUSTED),
    'X-Forwarded-For: 9.9.9.9, 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: claimed\r\nX-Forwarded-Port: 443\r\n' +
      'Forwarded: for=9.9.9.9, for=192.0.2.1;host="a:80";proto=http\r\nVia: 1.0 x, 1.1 tidegate\r\n',
  );
});

t.test('a request without earlier hops gets its first, trusted or not', async (t) => {
  const expected =
    'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nForwarded: for=192.0.2.1;host=a;proto=http\r\nVia: 1.1 tidegate\r\n';
  t.equal(forwardingLines(request('GET / HTTP/1.1', 'Host: a'), UNTRUSTED), expected);
  t.equal(forwardingLines(request('GET / HTTP/1.1', 'Host: a'), TRUSTED), expected);
});

t.test('addresses and hosts are written so that Forwarded can be read', async (t) => {
  const forwarded = (address: string, host: string) =>
    /Forwarded: (.*)\r/.exec(
      forwardingLines(request('GET / HTTP/1.0', host), { ...UNTRUSTED, address })
        .split('\r\n')
        .slice(-3)
        .join('\r\n'),
    )?.[1];
  t.equal(forwarded('2001:db8::1', 'Host: [::1]:80'), 'for="[2001:db8::1]";host="[::1]:80";proto=http');
  t.equal(forwarded('::ffff:192.0.2.7', 'Host: a'), 'for=192.0.2.7;host=a;proto=http');
  t.equal(forwarded('', 'A: b'), 'for=unknown;proto=http');
  t.match(
    forwardingLines(request('GET / HTTP/1.0'), { ...UNTRUSTED, address: '2001:db8::1' }),
    /^X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nForwarded.*\r\nVia: 1\.0 tidegate\r\n$/,
  );
});

const TO_11 = { clientMinor: 1, framing: 'length', close: false, extra: '' } as const;

t.test('a response leaves with our framing and our Connection', async (t) => {
  const head = response(
    'GET',
    'HTTP/1.0 200 Fine',
    'A: b',
    'Content-Length: 5',
    'Connection: keep-alive',
    'Content-Length: 5',
    'Via: 1.1 x',
    'C: d',
  );
  t.equal(
    buildResponseHead(head, TO_11),
    'HTTP/1.1 200 Fine\r\nA: b\r\nC: d\r\nContent-Length: 5\r\nVia: 1.1 x, 1.0 tidegate\r\n\r\n',
  );
  t.equal(
    buildResponseHead(head, { ...TO_11, clientMinor: 0, extra: 'E: f\r\n', passOn: '' }),
    'HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nVia: 1.1 x, 1.0 tidegate\r\nE: f\r\nConnection: keep-alive\r\n\r\n',
  );
  t.match(buildResponseHead(head, { ...TO_11, close: true }), /\r\nConnection: close\r\n\r\n$/);
});

t.test('a response leaves chunked or closed when its length is not known', async (t) => {
  const head = response('GET', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum, Host');
  t.equal(
    buildResponseHead(head, { ...TO_11, framing: 'chunked' }),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nVia: 1.1 tidegate\r\n\r\n',
  );
  t.equal(
    buildResponseHead(head, { ...TO_11, clientMinor: 0, framing: 'close' }),
    'HTTP/1.1 200 OK\r\nVia: 1.1 tidegate\r\nConnection: close\r\n\r\n',
  );
});

t.test('a response without body announces a length only for HEAD and 304', async (t) => {
  const none = { ...TO_11, framing: 'none' } as const;
  const via = 'Via: 1.1 tidegate\r\n\r\n';
  t.equal(
    buildResponseHead(response('HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 7'), none),
    `HTTP/1.1 200 OK\r\nContent-Length: 7\r\n${via}`,
  );
  t.equal(
    buildResponseHead(response('GET', 'HTTP/1.1 304 X', 'Content-Length: 7'), none),
    `HTTP/1.1 304 X\r\nContent-Length: 7\r\n${via}`,
  );
  t.equal(buildResponseHead(response('GET', 'HTTP/1.1 204 X', 'Content-Length: 7'), none), `HTTP/1.1 204 X\r\n${via}`);
});

t.test('interim responses do not speak of the connection, and 101 only of the new protocol', async (t) => {
  const none = { ...TO_11, framing: 'none', close: true } as const;
  t.equal(
    buildResponseHead(response('GET', 'HTTP/1.1 103 Early Hints', 'Link: x'), none),
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\nVia: 1.1 tidegate\r\n\r\n',
  );
  t.equal(
    buildResponseHead(
      response('GET', 'HTTP/1.1 101 S', 'Upgrade: WebSocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x'),
      none,
    ),
    'HTTP/1.1 101 S\r\nSec-WebSocket-Accept: x\r\nVia: 1.1 tidegate\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  t.equal(
    buildResponseHead(response('GET', 'HTTP/1.1 426 U', 'Upgrade: TLS/1.3', 'Content-Length: 0'), {
      ...TO_11,
      close: true,
    }),
    'HTTP/1.1 426 U\r\nContent-Length: 0\r\nVia: 1.1 tidegate\r\nConnection: upgrade, close\r\nUpgrade: tls/1.3\r\n\r\n',
  );
});

t.test('responses of our own are complete', async (t) => {
  const date = 'Thu, 01 Jan 1970 00:00:00 GMT';
  const common = `Server: tidegate\r\nDate: ${date}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
  t.equal(
    ownResponse(503, 'No.', { date, close: false, keepAliveMinor: 1, retryAfter: 2, head: false }),
    `HTTP/1.1 503 Service Unavailable\r\n${common}Content-Length: 3\r\nRetry-After: 2\r\n\r\nNo.`,
  );
  t.equal(
    ownResponse(405, 'No.', { date, close: true, keepAliveMinor: 0, head: true, extra: 'Allow: GET\r\n' }),
    `HTTP/1.1 405 Method Not Allowed\r\n${common}Content-Length: 3\r\nAllow: GET\r\nConnection: close\r\n\r\n`,
  );
  t.match(
    ownResponse(404, '', { date, close: false, keepAliveMinor: 0, head: false }),
    /Content-Length: 0\r\nConnection: keep-alive\r\n\r\n$/,
  );
});
