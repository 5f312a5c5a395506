/**
 * Each deliberate difference between the engine and `node:http` is one: an example that we take and that is read otherwise
 * there. It shows that the comparison can fail, and a difference that Node has given up leaves the list.
 */
import t from 'tap';
import * as requests from './requests.ts';
import * as responses from './responses.ts';

const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n';

// In the order of the lists.
const REQUESTS = [
  'BREW / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n',
  `POST / HTTP/1.1\r\nHost: a\r\n${CHUNKED}`,
  'GET / HTTP/1.0\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n',
];

const RESPONSES = [
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n1\r\na\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
  'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  `HTTP/1.1 200 OK\r\n${CHUNKED}`,
];

t.test('every deliberate difference in requests is one', async (t) => {
  const names = Object.keys(requests.DIFFERENCES);
  t.equal(names.length, REQUESTS.length, 'each has an example');
  const found = await requests.differencesAsSent(REQUESTS);
  for (const [index, name] of names.entries()) t.not(found[index], '', name);
});

t.test('every deliberate difference in responses is one', async (t) => {
  const names = Object.keys(responses.DIFFERENCES);
  t.equal(names.length, RESPONSES.length, 'each has an example');
  const found = await responses.differencesAsSent(RESPONSES);
  for (const [index, name] of names.entries()) t.not(found[index], '', name);
});
