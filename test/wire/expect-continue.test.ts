/** Expect: 100-continue: who asks the client for its body, and what becomes of it if nobody does. */
import t from 'tap';
import { forwarded, GET, masked, OK, OK_RELAYED, OK_RELAYED_LAST } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

const HEAD = 'POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';
const HEAD_FORWARDED = forwarded({
  line: 'POST / HTTP/1.1',
  lines: 'Expect: 100-continue\r\n',
  framing: 'Content-Length: 5\r\n',
});
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CONTINUE_RELAYED = 'HTTP/1.1 100 Continue\r\nVia: 1.1 tidegate\r\n\r\n';

t.test('the expectation is forwarded and the 100 of the endpoint relayed; then the client may go on', async (t) => {
  rig.upstream.respondToHead = ({ end }) => end.send(CONTINUE);
  const client = await rig.client();
  client.send(HEAD);
  const { bytes, end } = await rig.upstream.request();
  t.equal(masked(bytes), HEAD_FORWARDED);
  await client.until('the 100', (text) => text === CONTINUE_RELAYED);
  client.send('hello');
  await end.until('the body', (text) => text.endsWith('\r\n\r\nhello'));
  end.send(OK);
  await client.until('the answer', (text) => text === CONTINUE_RELAYED + OK_RELAYED);
  rig.upstream.answerOk();
  client.send(GET);
  await client.until('the next answer', (text) => text === CONTINUE_RELAYED + OK_RELAYED + OK_RELAYED);
});

t.test('when nothing comes for a second, we ask for the body; a later 100 is not relayed as well', async (t) => {
  rig.upstream.respondToHead = () => {};
  const client = await rig.client();
  client.send(HEAD);
  const { end } = await rig.upstream.request();
  await client.until('our 100', (text) => text === CONTINUE);
  client.send('hello');
  await end.until('the body', (text) => text.endsWith('\r\n\r\nhello'));
  end.send(CONTINUE + OK);
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), CONTINUE + OK_RELAYED);
});

t.test('a client that does not wait to be asked is not asked', async (t) => {
  t.equal(await rig.ask(`${HEAD}hello`), OK_RELAYED);
  t.match(rig.upstream.take(), [/\r\nExpect: 100-continue\r\n.*hello$/s]);
});

t.test(
  'a final response before the body is relayed and closes: what would follow could be the body or not',
  async (t) => {
    rig.upstream.respondToHead = ({ end }) => end.send(OK);
    t.equal(await rig.untilEnd(HEAD), OK_RELAYED_LAST);
  },
);

t.test('the word is known in any case', async (t) => {
  t.equal(await rig.ask(`${HEAD.replace('100-continue', '100-Continue')}hello`), OK_RELAYED);
});

t.test('an expectation of HTTP/1.0 is not forwarded: there is no 100 in it', async (t) => {
  const answer = await rig.untilEnd(`${HEAD.replace('HTTP/1.1', 'HTTP/1.0')}hello`);
  t.equal(answer, OK_RELAYED_LAST);
  t.notMatch(rig.upstream.take(), [/expect/i]);
});

t.test('a body that is too large is refused before it is asked for', async (t) => {
  const small = await Rig.start(t, { limits: { body: '4B' } });
  t.match(await small.untilEnd(HEAD), /^HTTP\/1\.1 413 .*\r\nConnection: close\r\n/s);
  t.strictSame(await small.seen(), []);
});
