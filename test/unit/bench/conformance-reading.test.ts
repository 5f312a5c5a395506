import t from 'tap';
import { readRequests, readResponses, statusOf, valuesOf } from '../../../bench/conformance/reading.ts';

const noHead = () => false;
const head = (fields: string) => `POST /f HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

t.test('pipelined requests are read one after the other, each with its body', async (t) => {
  const chunked = `${head('Transfer-Encoding: chunked\r\n')}3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-T: 1\r\n\r\n`;
  const read = readRequests(`${head('Content-Length: 2\r\n')}hi${chunked}${head('')}`);
  t.match(read, [
    { state: 'whole', framing: 'length', body: 'hi' },
    { state: 'whole', framing: 'chunked', body: 'abcde', trailers: [['X-T', '1']] },
    { state: 'whole', framing: 'none', body: '' },
  ]);
  t.strictSame(valuesOf(read[0]!, 'HOST'), ['a']);
});

t.test('a request of which something is missing is cut', async (t) => {
  for (const bytes of [
    'GET /f HT',
    'GET /f HTTP/1.1\r\nHost: a\r\n',
    `${head('Content-Length: 3\r\n')}hi`,
    `${head('Transfer-Encoding: chunked\r\n')}3\r\nab`,
    `${head('Transfer-Encoding: chunked\r\n')}3\r\nabc\r\n0\r\n`,
  ]) {
    t.match(readRequests(bytes), [{ state: 'cut' }], JSON.stringify(bytes));
  }
});

t.test('what is not exactly a request is malformed, and nothing behind it is read', async (t) => {
  const chunks = (body: string) => head('Transfer-Encoding: chunked\r\n') + body;
  for (const bytes of [
    'GET  /f HTTP/1.1\r\n\r\n',
    'GET /f HTTP/2.0\r\n\r\n',
    head('Content-Length: 2\r\nContent-Length: 2\r\n'),
    head('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'),
    head('Transfer-Encoding: gzip, chunked\r\n'),
    head('Content-Length: +2\r\n'),
    head('X : a\r\n'),
    head('X: a\r\n b\r\n'),
    head('X: a\nY: b\r\n'),
    head('X: \0\r\n'),
    chunks('0x3\r\nabc\r\n0\r\n\r\n'),
    chunks('3 \r\nabc\r\n0\r\n\r\n'),
    chunks('3\r\nabcd\r\n0\r\n\r\n'),
    chunks('0\r\nX\r\n\r\n'),
  ]) {
    t.match(readRequests(bytes + head('')), [{ state: 'malformed' }], JSON.stringify(bytes));
    t.equal(readRequests(bytes + head('')).length, 1);
  }
});

t.test('a response without framing is whole only when its connection ended in order', async (t) => {
  const bytes = 'HTTP/1.1 200 OK\r\n\r\nabc';
  t.match(readResponses(bytes, noHead, true), [{ state: 'whole', framing: 'close', body: 'abc' }]);
  t.match(readResponses(bytes, noHead, false), [{ state: 'cut', framing: 'close', body: 'abc' }]);
});

t.test('interim responses, 204, 304 and answers to HEAD have no body', async (t) => {
  const announced = 'Content-Length: 9\r\n\r\n';
  const bytes = `HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n${announced}HTTP/1.1 304 No\r\n${announced}HTTP/1.1 204 No\r\n\r\n`;
  const read = readResponses(bytes, (index) => index === 0, false);
  t.strictSame(read.map(statusOf), [103, 200, 304, 204]);
  t.ok(read.every(({ state }) => state === 'whole'));
});

t.test('after a 101 nothing is read as HTTP', async (t) => {
  t.equal(readResponses('HTTP/1.1 101 Go\r\n\r\n\x81\x02hi', noHead, false).length, 1);
});

t.test('a status outside 100 to 599 is malformed and has status 0', async (t) => {
  t.strictSame(readResponses('HTTP/1.1 600 X\r\n\r\n', noHead, true).map(statusOf), [0]);
});
