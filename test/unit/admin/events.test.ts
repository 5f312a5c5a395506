import t from 'tap';
import { eventAnswer } from '../../../src/admin/schemas.ts';
import type { TidegateEvent } from '../../../src/control/operations.ts';
import { listen } from './event-stream-client.ts';
import { errorOf, start } from './harness.ts';
import { makeEvent } from './scripted-operations.ts';

const ids = (events: readonly (TidegateEvent | null)[]): (number | undefined)[] => events.map((event) => event?.id);

t.test('without an id a client gets what happens from now on, as documented', async (t) => {
  const admin = await start(t);
  admin.operations.emit('before');
  const client = await listen(admin, '/api/events');
  t.same(await client.live(), []);
  t.match(client.head, /^HTTP\/1\.1 200 /);
  t.match(client.head, /Content-Type: text\/event-stream; charset=utf-8/i);
  const sent = admin.operations.emit('line\nbreak', { of: 'data' });
  const frame = await client.next();
  t.equal(frame?.id, 2);
  t.same(eventAnswer.parse(frame?.event), sent);
  client.socket.destroy();
});

t.test('?since replays what came after it, in order and without a gap, and goes on live', async (t) => {
  const admin = await start(t);
  for (let count = 0; count < 350; count++) admin.operations.emit(`event ${count}`);
  const client = await listen(admin, '/api/events?since=50');
  t.same(
    ids(await client.live()),
    Array.from({ length: 300 }, (_, index) => 51 + index),
  );
  admin.operations.emit('live');
  admin.operations.emit('live');
  t.same(ids([await client.event(), await client.event()]), [351, 352]);
  client.socket.destroy();
});

t.test('Last-Event-ID goes before ?since, and one that is no id is ignored', async (t) => {
  const admin = await start(t);
  for (let count = 0; count < 10; count++) admin.operations.emit(`event ${count}`);
  const cases = [
    ['/api/events?since=0', { 'Last-Event-ID': '7' }, [8, 9, 10]],
    ['/api/events', { 'Last-Event-ID': '9' }, [10]],
    ['/api/events?since=8', { 'Last-Event-ID': 'x' }, [9, 10]],
    ['/api/events?since=8', { 'Last-Event-ID': '' }, [9, 10]],
    ['/api/events?since=99', {}, []],
  ] as const;
  for (const [path, headers, expected] of cases) {
    const client = await listen(admin, path, headers);
    t.same(ids(await client.live()), expected, `${path} ${JSON.stringify(headers)}`);
    client.socket.destroy();
  }
});

t.test('a client whose id is ahead of the log still gets what happens', async (t) => {
  const admin = await start(t);
  const client = await listen(admin, '/api/events?since=99');
  await client.live();
  admin.operations.emit('first');
  t.equal((await client.event())?.id, 1);
  client.socket.destroy();
});

t.test('a since that is no id is refused', async (t) => {
  const admin = await start(t);
  for (const query of ['since=x', 'since=-1', 'since=', 'since=1&since=2', 'sinse=1']) {
    const answer = await admin.ask({ path: `/api/events?${query}` });
    t.equal(answer.status, 400, query);
    t.equal(errorOf(answer).code, 'invalid-request', query);
  }
});

t.test('events that come while a slow client replays are sent once, after the replay and in order', async (t) => {
  const admin = await start(t);
  const large = 'x'.repeat(64 * 1024);
  for (let count = 0; count < 400; count++) admin.operations.emit('large', large);
  const client = await listen(admin, '/api/events?since=0');
  client.socket.pause();
  await admin.ask({ path: '/healthz' });
  // 26 MB do not fit into the socket, so the replay stands still here.
  for (let count = 0; count < 5; count++) admin.operations.emit('meanwhile');
  // An event that the log could not keep is known to those who listen only.
  admin.operations.tell(makeEvent(406, 'not in the log'));
  client.socket.resume();
  t.same(
    ids(await client.live()),
    Array.from({ length: 406 }, (_, index) => index + 1),
  );
  client.socket.destroy();
});

t.test('a replay takes from the log only what the client reads', async (t) => {
  const admin = await start(t);
  const megabyte = 'x'.repeat(1024 * 1024);
  let written = 0;
  const data = {
    toJSON: () => {
      written++;
      return megabyte;
    },
  };
  for (let count = 0; count < 100; count++) admin.operations.emit('large', data);
  const client = await listen(admin, '/api/events?since=0');
  client.socket.pause();
  for (let count = 0; count < 5; count++) await admin.ask({ path: '/healthz' });
  t.ok(written < 50, `${written} of 100 MB were written to a client that reads nothing`);
  client.socket.destroy();
});

t.test('a client that does not read is cut off and counted; the others do not notice', async (t) => {
  const admin = await start(t, { streamLimits: { bufferedBytesMax: 256 * 1024 } });
  const slow = await listen(admin, '/api/events');
  const quick = await listen(admin, '/api/events');
  await slow.live();
  await quick.live();
  slow.socket.pause();
  const large = 'x'.repeat(64 * 1024);
  let sent = 0;
  while (admin.lines('dropped').length === 0 && sent < 2_000) {
    const { id } = admin.operations.emit('large', large);
    t.equal((await quick.event())?.id, id) || t.bailout('the quick client lost an event');
    sent++;
  }
  t.ok(sent < 2_000, `cut off after ${sent} events`);
  t.match((await admin.ask({ path: '/metrics' })).text, /^tidegate_event_clients_dropped_total 1$/m);
  slow.socket.resume();
  await slow.closed;
  quick.socket.destroy();
});

t.test('a client that reads nothing for a whole heartbeat is cut off', async (t) => {
  const admin = await start(t, { streamLimits: { heartbeatMs: 25 } });
  for (let count = 0; count < 400; count++) admin.operations.emit('large', 'x'.repeat(64 * 1024));
  const client = await listen(admin, '/api/events?since=0');
  client.socket.pause();
  const dropped = async (): Promise<boolean> =>
    (await admin.ask({ path: '/metrics' })).text.includes('tidegate_event_clients_dropped_total 1');
  while (!(await dropped()));
  client.socket.resume();
  await client.closed;
  t.pass('the connection was ended');
});

t.test('a client that replays and gets too much meanwhile is cut off', async (t) => {
  const admin = await start(t, { streamLimits: { heldEventsMax: 10 } });
  for (let count = 0; count < 400; count++) admin.operations.emit('large', 'x'.repeat(64 * 1024));
  const client = await listen(admin, '/api/events?since=0');
  client.socket.pause();
  await admin.ask({ path: '/healthz' });
  for (let count = 0; count < 10; count++) admin.operations.emit('meanwhile');
  t.equal(admin.lines('dropped').length, 0);
  admin.operations.emit('one too many');
  t.equal(admin.lines('dropped').length, 1);
  client.socket.resume();
  await client.closed;
});

t.test('comments keep a silent stream alive', async (t) => {
  const admin = await start(t, { streamLimits: { heartbeatMs: 10 } });
  const client = await listen(admin, '/api/events');
  await client.live();
  t.equal((await client.next())?.comment, '');
  t.equal((await client.next())?.comment, '');
  client.socket.destroy();
});

t.test('only so many clients may listen, and one that leaves makes room', async (t) => {
  const admin = await start(t, { streamLimits: { clientsMax: 2 } });
  const first = await listen(admin, '/api/events');
  const second = await listen(admin, '/api/events');
  await first.live();
  await second.live();
  const third = await admin.ask({ path: '/api/events' });
  t.equal(third.status, 503);
  t.equal(errorOf(third).code, 'too-many-streams');
  first.socket.destroy();
  let clients = '';
  while (clients !== '1') {
    clients = /^tidegate_event_clients (\d+)$/m.exec((await admin.ask({ path: '/metrics' })).text)?.[1] ?? '';
  }
  const fourth = await listen(admin, '/api/events');
  await fourth.live();
  second.socket.destroy();
  fourth.socket.destroy();
});

t.test('closing the server ends the streams', async (t) => {
  const admin = await start(t);
  const client = await listen(admin, '/api/events');
  await client.live();
  await admin.server.close();
  t.equal(await client.next(), null);
  await client.closed;
});
