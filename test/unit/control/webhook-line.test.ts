/** One webhook's line, against real receivers that are slow, broken, hostile or gone. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import type { Webhook } from '../../../src/config/schema.ts';
import type { Delivery } from '../../../src/control/notify-store.ts';
import { pauseAfter, WAITING_MAX, WebhookLine } from '../../../src/control/webhook-line.ts';
import { Receiver } from '../../scenario/stage/receiver.ts';
import { until } from '../../scenario/stage/until.ts';
import { Clock, rolloutEvent, webhook } from './webhook-stage.ts';

interface Left {
  readonly id: string;
  readonly result: string;
  readonly why: string;
}

function delivery(id: number): Delivery {
  return { id: `msg_${id}`, webhook: 'chat', event: rolloutEvent(id) };
}

function lineOf(t: Test, settings: Partial<Webhook> & { readonly url: string }) {
  const clock = new Clock();
  const left: Left[] = [];
  const turns: string[] = [];
  const line = new WebhookLine(webhook(settings), {
    clock: clock.read,
    now: () => 1_767_225_600_000,
    random: () => 0.999999,
    linksFor: () => null,
    left: ({ id }, result, why) => left.push({ id, result, why }),
    turned: (isReached, why) => turns.push(`${isReached} ${why}`),
  });
  t.teardown(() => line.close());
  return { line, clock, left, turns };
}

t.test('messages are delivered one after the other, in their order, with the id and the time of the try', async (t) => {
  let open = 0;
  let most = 0;
  const receiver = await Receiver.start(t, (res) => {
    most = Math.max(most, ++open);
    line.tick();
    setImmediate(() => {
      open -= 1;
      res.writeHead(204).end();
    });
  });
  const { line, left } = lineOf(t, { url: receiver.url, secret: 'whsec_c2VjcmV0' });
  for (const id of [1, 2, 3]) line.add(delivery(id), 0);
  line.tick();
  await until('all have left', () => left.length === 3);
  t.match(
    left,
    [1, 2, 3].map((id) => ({ id: `msg_${id}`, result: 'delivered' })),
  );
  t.same(
    receiver.messages.map(({ id }) => id),
    ['msg_1', 'msg_2', 'msg_3'],
  );
  t.equal(most, 1);
  t.match(receiver.received[0], {
    method: 'POST',
    url: '/hook',
    headers: {
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1767225600',
      'webhook-signature': /^v1,[A-Za-z0-9+/]{43}=$/,
    },
  });
  t.same(line.results, { delivered: 3, failed: 0, refused: 0, 'given-up': 0, dropped: 0 });
});

t.test('a failing receiver is tried ever later under the same id, and told of once', async (t) => {
  const receiver = await Receiver.start(t, (res, _received, count) => res.writeHead(count < 4 ? 500 : 200).end('no'));
  const { line, clock, left, turns } = lineOf(t, { url: receiver.url });
  line.add(delivery(1), 0);
  line.tick();
  for (const [failures, pauseMs] of [1_000, 2_000, 4_000].entries()) {
    await until('a try has failed', () => line.results.failed === failures + 1);
    clock.ms += pauseMs - 1;
    line.tick();
    t.equal(receiver.received.length, failures + 1, `nothing before ${pauseMs} ms`);
    clock.ms += 1;
    line.tick();
    await receiver.arrived(failures + 2);
  }
  await until('it has left', () => left.length === 1);
  t.match(left, [{ id: 'msg_1', result: 'delivered' }]);
  t.same([...new Set(receiver.messages.map(({ id }) => id))], ['msg_1']);
  t.same(turns, ['false status 500', 'true status 200']);
});

t.test('half of a pause is by chance, and no pause is longer than five minutes', async (t) => {
  t.equal(pauseAfter(1, 0), 500);
  t.equal(pauseAfter(3, 0.5), 3_000);
  t.equal(pauseAfter(60, 0.999999999) <= 300_000, true);
  t.equal(pauseAfter(2_000, 0), 150_000);
});

t.test('a receiver that asks for patience gets it, up to an hour', async (t) => {
  const receiver = await Receiver.start(t, (res, _received, count) => {
    res.writeHead(429, { 'retry-after': count === 1 ? '60' : '999999' }).end();
  });
  const { line, clock } = lineOf(t, { url: receiver.url, giveUpAfterMs: 1e9 });
  line.add(delivery(1), 0);
  line.tick();
  await until('a try has failed', () => line.results.failed === 1);
  clock.ms += 59_999;
  line.tick();
  t.equal(receiver.received.length, 1);
  clock.ms += 1;
  line.tick();
  await until('a second try has failed', () => line.results.failed === 2);
  clock.ms += 3_600_000;
  line.tick();
  await receiver.arrived(3);
});

t.test('a message that is too old is given up with its next failure, never without a try', async (t) => {
  const receiver = await Receiver.start(t, (res, { body }) => {
    res.writeHead((JSON.parse(body) as { id: string }).id === 'msg_3' ? 200 : 503).end();
  });
  const { line, clock, left } = lineOf(t, { url: receiver.url, giveUpAfterMs: 60_000 });
  line.add(delivery(1), 60_000);
  line.add(delivery(2), 58_500);
  line.add(delivery(3), 90_000);
  line.tick();
  await until('the first is given up', () => left.length === 1);
  clock.ms += 1_000;
  line.tick();
  await until('the second has failed', () => line.results.failed === 2);
  t.equal(left.length, 1, 'it has half a second left');
  clock.ms += 2_000;
  line.tick();
  await until('the second is given up', () => left.length === 2);
  clock.ms += 4_000;
  line.tick();
  await until('the third has left', () => left.length === 3);
  t.match(left, [
    { id: 'msg_1', result: 'given-up', why: 'status 503' },
    { id: 'msg_2', result: 'given-up' },
    { id: 'msg_3', result: 'delivered' },
  ]);
});

for (const status of [400, 413, 415, 422]) {
  t.test(`a receiver that answers ${status} will not take this message, and gets the next one`, async (t) => {
    const receiver = await Receiver.start(t, (res, _received, count) =>
      res.writeHead(count === 1 ? status : 200).end(),
    );
    const { line, left } = lineOf(t, { url: receiver.url });
    for (const id of [1, 2]) line.add(delivery(id), 0);
    line.tick();
    await until('both have left', () => left.length === 2);
    t.match(left, [{ result: 'refused', why: `status ${status}` }, { result: 'delivered' }]);
  });
}

for (const status of [301, 302, 307, 308, 401, 403, 404, 410, 429, 500, 503]) {
  t.test(`after ${status} it is tried again, and a Location is never followed`, async (t) => {
    const elsewhere = await Receiver.start(t);
    const receiver = await Receiver.start(t, (res) => res.writeHead(status, { location: elsewhere.url }).end());
    const { line, left } = lineOf(t, { url: receiver.url });
    line.add(delivery(1), 0);
    line.tick();
    await until('it has failed', () => line.results.failed === 1);
    t.equal(line.length, 1);
    t.same(left, []);
    t.equal(elsewhere.received.length, 0);
  });
}

t.test('a receiver that never answers is left at the timeout, whatever it has begun', async (t) => {
  const hung = await Receiver.start(t, (res, _received, count) => {
    if (count === 2) res.writeHead(200).write('still');
  });
  const { line, clock } = lineOf(t, { url: hung.url, timeoutMs: 100 });
  line.add(delivery(1), 0);
  line.tick();
  await until('it has failed', () => line.results.failed === 1);
  clock.ms += 1_000;
  line.tick();
  await until('it has failed again', () => line.results.failed === 2);
  t.equal(hung.received.length, 2);
});

t.test('an endless answer is cut where it does not matter any more', async (t) => {
  let written = 0;
  const receiver = await Receiver.start(t, (res) => {
    res.writeHead(200);
    const pour = (): void => {
      while (!res.destroyed && res.write('x'.repeat(16_384))) written += 16_384;
    };
    res.on('drain', pour);
    pour();
  });
  const { line, left } = lineOf(t, { url: receiver.url });
  line.add(delivery(1), 0);
  line.tick();
  await until('it has left', () => left.length === 1);
  t.match(left, [{ result: 'delivered' }]);
  t.ok(written < 16 * 1024 * 1024, `${written} bytes were written`);
});

const BROKEN: readonly (readonly [title: string, bytes: string])[] = [
  ['closes without a word', ''],
  ['answers with garbage', '\u0000\u0001 garbage\r\n\r\n'],
  ['sends a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(64_000)}\r\n`],
  ['cuts its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab'],
];
for (const [title, bytes] of BROKEN) {
  t.test(`a receiver that ${title} is tried again`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(bytes, 'latin1'));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const { line } = lineOf(t, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    line.add(delivery(1), 0);
    line.tick();
    await until('it has failed', () => line.results.failed === 1);
    t.equal(line.length, 1);
  });
}

t.test('a receiver that is gone, or speaks no TLS, is told of in words that do not hold its URL', async (t) => {
  const receiver = await Receiver.start(t);
  const plain = lineOf(t, { url: `https://127.0.0.1:${receiver.port}/very-secret` });
  plain.line.add(delivery(1), 0);
  plain.line.tick();
  await until('it has failed', () => plain.turns.length === 1);
  const url = `http://127.0.0.1:${receiver.port}/very-secret`;
  await receiver.stop();
  const gone = lineOf(t, { url });
  gone.line.add(delivery(1), 0);
  gone.line.tick();
  await until('it has failed', () => gone.turns.length === 1);
  t.same(gone.turns, ['false ECONNREFUSED']);
  t.notMatch(plain.turns[0], /very-secret/);
});

t.test('beyond the most that may wait, the oldest that is not under way is dropped', async (t) => {
  const receiver = await Receiver.start(t, () => {});
  const { line, left } = lineOf(t, { url: receiver.url });
  line.add(delivery(0), 0);
  line.tick();
  for (let id = 1; id <= WAITING_MAX; id++) line.add(delivery(id), 0);
  t.match(left, [{ id: 'msg_1', result: 'dropped' }]);
  t.equal(line.length, WAITING_MAX);
});

t.test('other settings are tried at once', async (t) => {
  const broken = await Receiver.start(t, (res) => res.writeHead(500).end());
  const mended = await Receiver.start(t);
  const { line, left } = lineOf(t, { url: broken.url });
  line.add(delivery(1), 0);
  line.tick();
  await until('it has failed', () => line.results.failed === 1);
  line.follow(webhook({ url: mended.url, format: 'slack' }));
  line.tick();
  await until('it has left', () => left.length === 1);
  t.match(JSON.parse(mended.received[0]!.body), { text: 'news 1', unfurl_links: false });
});

t.test('closing ends a try under way, and says nothing of its message', async (t) => {
  const cut = Promise.withResolvers<void>();
  const receiver = await Receiver.start(t, (res) => res.on('close', cut.resolve));
  const { line, left, turns } = lineOf(t, { url: receiver.url });
  line.add(delivery(1), 0);
  line.tick();
  await receiver.arrived(1);
  line.close();
  await cut.promise;
  t.same([left, turns], [[], []]);
  t.equal(line.results.failed, 0);
});
