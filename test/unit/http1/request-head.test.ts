/** What an accepted request head says, and what of it goes on. */

import t from 'tap';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';

const LIMITS = { targetBytes: 8192, fields: 128 };

function read(line: string, ...fields: readonly string[]): RequestHead {
  const head = parseRequestHead(`${[line, 'Host: a.example', ...fields].join('\r\n')}\r\n\r\n`, LIMITS);
  if (head.refused) throw new Error(`refused: ${head.kind}`);
  return head;
}

t.test('a target is taken apart without being resolved', async (t) => {
  const rows = [
    ['GET', '/', 'origin', '/', '', '/', 'a.example', 'a.example'],
    ['GET', '/a/b?c=d?e', 'origin', '/a/b', 'c=d?e', '/a/b?c=d?e', 'a.example', 'a.example'],
    ['GET', '/a?', 'origin', '/a', '', '/a?', 'a.example', 'a.example'],
    ['GET', '//evil/x', 'origin', '//evil/x', '', '//evil/x', 'a.example', 'a.example'],
    ['GET', '/../%2e%2e/a\\b', 'origin', '/../%2e%2e/a\\b', '', '/../%2e%2e/a\\b', 'a.example', 'a.example'],
    ['GET', 'http://B.example:81/p?q', 'absolute', '/p', 'q', '/p?q', 'b.example', 'B.example:81'],
    ['GET', 'HTTPS://b?q=/x', 'absolute', '/', 'q=/x', '/?q=/x', 'b', 'b'],
    ['GET', 'http://[::1]:8080', 'absolute', '/', '', '/', '[::1]', '[::1]:8080'],
    ['OPTIONS', 'http://b', 'absolute', '/', '', '*', 'b', 'b'],
    ['OPTIONS', '*', 'asterisk', '*', '', '*', 'a.example', 'a.example'],
    ['GET', '/http://b/', 'origin', '/http://b/', '', '/http://b/', 'a.example', 'a.example'],
  ] as const;
  for (const [method, target, ...expected] of rows) {
    const head = read(`${method} ${target} HTTP/1.1`);
    const seen = [head.form, head.path, head.query, head.forwardTarget, head.host, head.authority];
    t.same(seen, expected, `${method} ${target}`);
    t.equal(head.target, target, 'the target stays as sent');
  }
});

t.test('the framing is what one field says', async (t) => {
  const framing = (...fields: string[]) => {
    const head = read('POST / HTTP/1.1', ...fields);
    return [head.framing, head.contentLength];
  };
  t.same(framing(), ['none', 0]);
  t.same(framing('content-LENGTH: 17'), ['length', 17]);
  t.same(framing('Content-Length: 0'), ['length', 0]);
  t.same(framing('transfer-encoding: Chunked'), ['chunked', 0]);
});

t.test('a connection stays open by the version and the Connection field', async (t) => {
  const rows = [
    ['1.1', '', true],
    ['1.1', 'close', false],
    ['1.1', 'keep-alive', true],
    ['1.1', 'Keep-Alive, CLOSE', false],
    ['1.0', '', false],
    ['1.0', 'Keep-Alive', true],
    ['1.0', 'keep-alive, close', false],
  ] as const;
  for (const [version, connection, expected] of rows) {
    const head = read(`GET / HTTP/${version}`, ...(connection === '' ? [] : [`Connection: ${connection}`]));
    t.equal(head.keepAlive, expected, `${version} ${connection}`);
    t.equal(head.minor, version === '1.1' ? 1 : 0);
  }
});

t.test('only a GET without body on 1.1 with Connection: upgrade can upgrade, and never to h2c', async (t) => {
  const both = (upgrade: string) => ['Connection: keep-alive, Upgrade', `Upgrade: ${upgrade}`];
  t.equal(read('GET / HTTP/1.1', ...both('WebSocket')).upgrade, 'websocket');
  t.equal(read('GET / HTTP/1.1', ...both('h2c')).upgrade, '');
  t.equal(read('GET / HTTP/1.1', ...both('h2c, websocket, IRC/6.9')).upgrade, 'websocket, irc/6.9');
  t.equal(read('GET / HTTP/1.1', ...both('web socket')).upgrade, '');
  t.equal(read('GET / HTTP/1.1', ...both('a/b/c')).upgrade, '');
  t.equal(read('GET / HTTP/1.1', 'Upgrade: websocket').upgrade, '');
  t.equal(read('GET / HTTP/1.1', 'Connection: upgrade').upgrade, '');
  t.equal(read('POST / HTTP/1.1', ...both('websocket')).upgrade, '');
  t.equal(read('GET / HTTP/1.0', ...both('websocket')).upgrade, '');
  t.equal(read('GET / HTTP/1.1', ...both('websocket'), 'Content-Length: 1').upgrade, '');
  t.equal(read('GET / HTTP/1.1', ...both('websocket'), 'Transfer-Encoding: chunked').upgrade, '');
  t.equal(read('GET / HTTP/1.1', ...both('websocket'), 'Content-Length: 0').upgrade, 'websocket');
});

t.test('Expect is forwarded, and means something only when a body waits for it', async (t) => {
  const withBody = read('PUT / HTTP/1.1', 'Expect: 100-Continue', 'Content-Length: 5');
  t.equal(withBody.expectContinue, true);
  t.equal(withBody.passOn, 'Expect: 100-Continue\r\n');
  t.equal(read('PUT / HTTP/1.1', 'Expect: 100-continue').expectContinue, false);
  const old = read('PUT / HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 5');
  t.equal(old.expectContinue, false);
  t.equal(old.passOn, '', 'a client of HTTP/1.0 does not know 100');
});

t.test('Max-Forwards counts on OPTIONS and is an ordinary field elsewhere', async (t) => {
  const counted = read('OPTIONS / HTTP/1.1', 'Max-Forwards: 3');
  t.same([counted.maxForwards, counted.passOn], [3, '']);
  const ordinary = read('GET / HTTP/1.1', 'Max-Forwards: 3');
  t.same([ordinary.maxForwards, ordinary.passOn], [-1, 'Max-Forwards: 3\r\n']);
});

t.test('passOn keeps order, case and spacing, and leaves out what is this hop’s', async (t) => {
  const head = read(
    'POST / HTTP/1.1',
    'aCCept:  */* ',
    'Connection: keep-alive, X-Hop, x-other',
    'B: 1',
    'x-hOp: secret',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Trailer: X-Sum',
    'Transfer-Encoding: chunked',
    'Upgrade: websocket',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Authenticate: Basic',
    'C:2',
    'X-Forwarded-For: 1.1.1.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: h',
    'X-Forwarded-Port: 1',
    'Forwarded: for=1.1.1.1',
    'Via: 1.1 x',
    'X-Request-Id: r',
    'traceparent: t',
    'tracestate: s',
    'X_Under: 1',
    'B: 3',
    'Date: d',
    'Server: s',
  );
  t.equal(
    head.passOn,
    'aCCept:  */* \r\nB: 1\r\nC:2\r\ntracestate: s\r\nX_Under: 1\r\nB: 3\r\nDate: d\r\nServer: s\r\n',
  );
  t.equal(head.teTrailers, true);
  t.equal(head.trailer, 'X-Sum');
  t.same(
    [head.xForwardedFor, head.xForwardedProto, head.xForwardedHost, head.xForwardedPort],
    ['1.1.1.1', 'https', 'h', '1'],
  );
  t.same([head.forwarded, head.via, head.requestId, head.traceparent], ['for=1.1.1.1', '1.1 x', 'r', 't']);
});

t.test('a field that Connection names means nothing beyond this hop', async (t) => {
  const head = read(
    'OPTIONS / HTTP/1.1',
    'Connection: x-request-id, traceparent',
    'Connection: max-forwards, expect',
    'X-Request-Id: r',
    'Traceparent: t',
    'Max-Forwards: 0',
    'Content-Length: 1',
    'Expect: 100-continue',
  );
  t.same(
    [head.requestId, head.traceparent, head.maxForwards, head.expectContinue, head.passOn],
    ['', '', -1, false, ''],
  );
});

t.test('several fields of a name are one list', async (t) => {
  const head = read(
    'GET / HTTP/1.1',
    'X-Forwarded-For: 1',
    'A: x',
    'x-forwarded-for: 2, 3',
    'a:y',
    'Cookie: a=1',
    'cookie: b=2',
  );
  t.equal(head.xForwardedFor, '1, 2, 3');
  t.equal(head.field('A'), 'x, y');
  t.equal(head.field('cookie'), 'a=1; b=2');
  t.equal(head.field('HOST'), 'a.example');
  t.equal(head.field('accept'), undefined);
  t.equal(read('GET / HTTP/1.1', 'X_a: 1', 'Xa-: 2').field('x_A'), '1', 'an underscore is not another character');
});

t.test('a cookie is found by its exact name', async (t) => {
  const head = read('GET / HTTP/1.1', 'Cookie: aa=0; a=1=2;b = 3 ; a=4; c; e=');
  t.same(
    ['a', 'aa', 'b', 'c', 'A', 'e'].map((name) => head.cookie(name)),
    ['1=2', '0', '3', undefined, undefined, ''],
  );
  t.equal(read('GET / HTTP/1.1').cookie('a'), undefined);
});

t.test('passOnWithout takes more fields away', async (t) => {
  const head = read('GET / HTTP/1.1', 'X-Token: 1', 'A: x-token', 'B: 2', 'x-TOKEN: 3');
  t.equal(head.passOnWithout(new Set(['x-token'])), 'A: x-token\r\nB: 2\r\n');
  t.equal(head.passOnWithout(new Set(['b', 'a'])), 'X-Token: 1\r\nx-TOKEN: 3\r\n');
  t.equal(head.passOnWithout(new Set(['c'])), head.passOn);
  t.equal(read('GET / HTTP/1.1').passOnWithout(new Set(['a'])), '');
});

t.test('one head does not leak into the next', async (t) => {
  read(
    'POST http://x/ HTTP/1.1',
    'Connection: a, upgrade',
    'Upgrade: websocket',
    'Content-Length: 5',
    'A: 1',
    'Via: 1.1 x',
  );
  const head = read('GET / HTTP/1.1', 'A: 2');
  t.same(
    [head.passOn, head.host, head.framing, head.contentLength, head.upgrade, head.via],
    ['A: 2\r\n', 'a.example', 'none', 0, '', ''],
  );
});

t.test('more fields than the scanner was made for are read once the limit allows them', async (t) => {
  const lines = Array.from({ length: 300 }, (_, index) => `A${index}: ${index}`);
  const head = parseRequestHead(`GET / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`, {
    targetBytes: 8192,
    fields: 400,
  });
  if (head.refused) throw new Error(head.kind);
  t.equal(head.passOn, `${lines.join('\r\n')}\r\n`);
});
