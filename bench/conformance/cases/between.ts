/** What passes from one side to the other, and the order in which things are answered. */
import { answered, type Chapter, type ConformanceCase, forwarded, relayed } from '../case.ts';
import { get, ok, post, request, smuggled } from './bytes.ts';

const f = { asked: 'GET /f' };

const stops = (name: string, value: string): ConformanceCase => ({
  name: `${name}: ${value}`,
  sends: request('GET /f', `X-A: b\r\n${name}: ${value}\r\n`),
  expected: forwarded({ ...f, has: { 'X-A': 'b' }, lacks: [name] }),
});

const names = (name: string): ConformanceCase => ({
  name: `Connection: close, ${name}`,
  sends: request('GET /f', `Connection: close, ${name}\r\n`),
  expected: answered(400),
});

const stopsBack = (name: string, value: string): ConformanceCase => ({
  name: `${name}: ${value} of a response`,
  sends: request('GET /f'),
  upstream: { bytes: ok(`X-A: b\r\n${name}: ${value}\r\nContent-Length: 2\r\n`), leaves: 'keep' },
  expected: relayed({ status: 200, body: 'ok', has: { 'X-A': 'b' }, lacks: [name] }),
});

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
const upgrade = (protocol: string) =>
  `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;

/** Chapter 2 of the table, and the rows of chapter 1 that are about order. */
export const between: Chapter = {
  title: 'Between the two sides',
  rows: [
    {
      row: 'hop-by-hop fields are removed both ways',
      cases: [
        stops('Keep-Alive', 'timeout=5'),
        stops('Proxy-Connection', 'keep-alive'),
        stops('TE', 'gzip'),
        stops('Upgrade', 'foo'),
        stops('Proxy-Authorization', 'Basic eA=='),
        stopsBack('Keep-Alive', 'timeout=5'),
        stopsBack('Proxy-Authenticate', 'Basic'),
      ],
    },
    {
      row: 'fields named in Connection: removed, or 400 for those that must stay',
      cases: [
        {
          name: 'Connection: X-One, and X-One twice',
          sends: request('GET /f', 'x-one: 1\r\nConnection: X-One\r\nX-One: 2\r\nX-Two: 3\r\n'),
          expected: forwarded({ ...f, has: { 'X-Two': '3' }, lacks: ['X-One'] }),
        },
        {
          name: 'Connection: x-one of a response',
          sends: request('GET /f'),
          upstream: { bytes: ok('X-One: 1\r\nConnection: x-one\r\nContent-Length: 2\r\n'), leaves: 'keep' },
          expected: relayed({ status: 200, body: 'ok', lacks: ['X-One'] }),
        },
        ...['Host', 'Authorization', 'Cookie', 'X-Forwarded-For'].map(names),
        {
          name: 'Connection: content-length with a body',
          sends: post('Connection: close, content-length\r\nContent-Length: 5\r\n', 'hello'),
          expected: answered(400),
        },
      ],
    },
    {
      row: 'forwarding fields of a peer that is not trusted: replaced',
      cases: [
        {
          name: 'X-Forwarded-For of the client',
          sends: request('GET /f', 'X-Forwarded-For: 1.2.3.4\r\n'),
          expected: forwarded({ ...f, has: { 'X-Forwarded-For': '127.0.0.1' } }),
        },
        {
          name: 'Forwarded of the client',
          sends: request('GET /f', 'Forwarded: for=1.2.3.4\r\n'),
          expected: forwarded({ ...f, has: { Forwarded: 'for=127.0.0.1;host=app.test;proto=http' } }),
        },
      ],
    },
    {
      row: 'Via is appended to, both ways',
      cases: [
        { name: 'of a request', sends: request('GET /f'), expected: forwarded({ ...f, named: ['Via'] }) },
        { name: 'of a response', sends: request('GET /f'), expected: relayed({ status: 200, named: ['Via'] }) },
      ],
    },
    {
      row: 'names with `_`: forwarded',
      cases: [
        { name: 'X_A: b', sends: request('GET /f', 'X_A: b\r\n'), expected: forwarded({ ...f, has: { X_A: 'b' } }) },
      ],
    },
    {
      row: 'Expect: 100-continue is forwarded; the 100 is asked for after 1 s at the latest; others 417',
      cases: [
        {
          name: 'the upstream says nothing until it has the body',
          sends: post('Expect: 100-continue\r\nContent-Length: 5\r\n'),
          sendsNext: 'hello',
          expected: { kind: 'forwarded', requests: [{ asked: 'POST /f', body: 'hello' }], interim: [100] },
        },
        {
          name: 'Expect: a-miracle',
          sends: request('GET /f', 'Expect: a-miracle\r\n'),
          expected: answered(417),
        },
      ],
    },
    {
      row: 'upgrades: for WebSockets; h2c is taken out and the request served as 1.1',
      cases: [
        {
          name: 'a WebSocket',
          sends: request('GET /f', upgrade('websocket')),
          upstream: { bytes: switching, leaves: 'keep' },
          expected: relayed({ status: 101, has: { Upgrade: 'websocket' } }),
        },
        {
          name: 'h2c',
          sends: request('GET /f', upgrade('h2c')),
          expected: forwarded({ ...f, lacks: ['Upgrade', 'HTTP2-Settings'] }),
        },
      ],
    },
    {
      row: 'Max-Forwards on OPTIONS: answered at 0, else decremented',
      cases: [
        { name: '0', sends: request('OPTIONS /f', 'Max-Forwards: 0\r\n'), expected: answered(200) },
        {
          name: '3',
          sends: request('OPTIONS /f', 'Max-Forwards: 3\r\n'),
          expected: forwarded({ asked: 'OPTIONS /f', has: { 'Max-Forwards': '2' } }),
        },
      ],
    },
    {
      row: 'pipelined requests are answered in order; owed answers come before a refusal',
      cases: [
        {
          name: 'three requests in one write',
          sends: request('GET /1') + request('GET /2') + request('GET /3'),
          expected: forwarded({ asked: 'GET /1' }, { asked: 'GET /2' }, { asked: 'GET /3' }),
        },
        {
          name: 'two requests, then one that is refused, then another',
          sends: `${get + get}GET /f HTTP/1.1\r\nHost: app.test\r\nX-A : b\r\n\r\n${smuggled}`,
          expected: { kind: 'refused', statuses: [400], closes: true, owed: 2 },
        },
        {
          name: 'bytes behind a request with Connection: close',
          sends: request('GET /f', 'Connection: close\r\n') + smuggled,
          expected: forwarded(f),
        },
      ],
    },
    {
      row: 'a client that goes away: the upstream attempt is aborted',
      cases: [
        {
          name: 'a reset while the upstream works',
          sends: request('GET /f'),
          clientLeaves: true,
          upstream: { bytes: '', leaves: 'keep', always: true },
          expected: { kind: 'abandoned' },
        },
      ],
    },
  ],
};
