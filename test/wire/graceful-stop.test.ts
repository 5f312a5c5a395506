/** An orderly stop: what is in flight is answered, and the client can read the whole of it. */
import t from 'tap';
import { distinctText } from './stage/distinct-text.ts';
import { GET, OK, OK_RELAYED, OK_RELAYED_LAST } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

t.test('a request in flight is answered with Connection: close; idle connections end', async (t) => {
  const rig = await Rig.start(t);
  const idle = await rig.client();
  idle.send(GET);
  await idle.until('the answer', (text) => text === OK_RELAYED);
  const fresh = await rig.client();
  const busy = await rig.client();
  rig.upstream.hold();
  busy.send(GET);
  const { end } = await rig.upstream.request();

  const stopped = rig.plane.stop();
  t.equal(await idle.ended(), 'end');
  t.equal(await fresh.ended(), 'end');
  t.equal(busy.received, '');
  end.send(OK);
  t.equal(await busy.ended(), 'end');
  t.equal(busy.received, OK_RELAYED_LAST);
  await stopped;
});

t.test('a client reads the whole of a large last response, though it goes on sending', async (t) => {
  const rig = await Rig.start(t);
  const client = await rig.client();
  rig.upstream.hold();
  client.send(GET);
  const { end } = await rig.upstream.request();
  const stopped = rig.plane.stop();
  const body = distinctText('last', 4 * 1024 * 1024);
  client.socket.pause();
  end.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  client.send(GET.repeat(100));
  client.socket.resume();
  t.equal(await client.ended(), 'end');
  t.equal(client.received.endsWith(`\r\nConnection: close\r\n\r\n${body}`), true);
  await stopped;
});

t.test('a head that has begun to come is still read and answered', async (t) => {
  const rig = await Rig.start(t);
  const client = await rig.client();
  client.send('GET / HTTP/1.1\r\n');
  await rig.settled();
  const stopped = rig.plane.stop();
  client.send('Host: app.test\r\n\r\n');
  t.equal(await client.ended(), 'end');
  t.equal(client.received, OK_RELAYED_LAST);
  await stopped;
});
