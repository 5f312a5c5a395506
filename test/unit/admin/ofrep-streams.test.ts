/** Change streams as a client reads them from its socket. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ChangeStreams } from '../../../src/admin/ofrep-streams.ts';
import { EventStreamClient } from './event-stream-client.ts';
import { type Given, type Harness, start } from './harness.ts';
import { flagSpec } from './scripted-flags.ts';

const EVENTS = '/ofrep/v1/events';

async function startStreams(t: Test, given: Given = {}): Promise<Harness> {
  const admin = await start(t, { changeStreams: { paceMs: 1 }, ...given });
  admin.flags.say([flagSpec('banner', true, false)]);
  return admin;
}

/** Reads what comes, frame by frame, as text. */
class Listener {
  readonly client: EventStreamClient;
  #text = '';
  #wake = (): void => {};

  constructor(client: EventStreamClient) {
    this.client = client;
    client.socket.on('data', (part: Buffer) => {
      this.#text += part;
      this.#wake();
    });
  }

  /** The next frame that fits; those before it are passed over. */
  async frame(fits: (frame: string) => boolean): Promise<string> {
    for (;;) {
      for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
        const frame = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        if (fits(frame)) return frame;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function open(admin: Harness, fields = ''): Promise<Listener> {
  const socket = await admin.connect();
  const listener = new Listener(new EventStreamClient(socket));
  socket.write(`GET ${EVENTS} HTTP/1.0\r\nHost: ${admin.own}\r\n${fields}\r\n`);
  return listener;
}

const isChange = (frame: string): boolean => frame.includes('"etag"');
const dataOf = (frame: string): unknown => JSON.parse(/^data: (.*)$/m.exec(frame)![1]!);

t.test('who opens a stream is told to ask at once, since something may have changed meanwhile', async (t) => {
  const admin = await startStreams(t);
  const listener = await open(admin);
  const first = await listener.frame((frame) => frame.includes('data:'));
  t.match(first, /^retry: [123]\d{3}$/m);
  t.match(first, /^event: message$/m);
  t.match(first, new RegExp(`^id: ${admin.flags.revision}$`, 'm'));
  t.strictSame(dataOf(first), { type: 'refetchEvaluation' }, 'without a tag, so that the question is conditional');
});

t.test('who comes back is told to ask, since a schedule may have passed that no revision knows of', async (t) => {
  const admin = await startStreams(t);
  const same = await open(admin, `Last-Event-ID: ${admin.flags.revision}\r\n`);
  t.match(await same.frame((frame) => frame.includes('retry:')), /data: /);
});

/** A response that nobody reads, and whether it was cut off. */
function response(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

t.test('when all places are taken, who has fewer gets the oldest place of who has most', async (t) => {
  const streams = new ChangeStreams(() => 'r1', pino({ enabled: false }));
  t.teardown(() => streams.close());
  const enter = (client: string): ServerResponse | null => {
    const res = response();
    if (!streams.admit(client, 4)) return null;
    streams.open(res, client);
    return res;
  };
  const hoard = Array.from({ length: 4 }, () => enter('192.0.2.1')!);
  t.equal(enter('192.0.2.1'), null, 'who has all of them gets no more');
  t.ok(enter('192.0.2.2'));
  t.ok(enter('192.0.2.3'));
  t.strictSame(
    hoard.map(({ destroyed }) => destroyed),
    [true, true, false, false],
  );
  t.equal(enter('192.0.2.3'), null, 'with one less than who has most there is nothing to gain');
  t.equal(enter('192.0.2.1'), null, 'and nobody takes a place back');
  t.match(streams.figures(), { open: 4, displaced: 2, dropped: 0 });
  t.notOk(streams.admit('192.0.2.4', 3), 'where fewer places were configured meanwhile, nobody comes in');
});

t.test('every client is told of a change, with the revision that is then in force', async (t) => {
  const admin = await startStreams(t);
  const listeners = await Promise.all(Array.from({ length: 45 }, () => open(admin)));
  await Promise.all(listeners.map((listener) => listener.frame((frame) => frame.includes('retry:'))));
  t.equal(admin.ofrep.figures().streams.open, 45);
  admin.flags.kill('banner');
  for (const listener of listeners) {
    t.strictSame(dataOf(await listener.frame(isChange)), { type: 'refetchEvaluation', etag: admin.flags.revision });
  }
});

t.test('changes that come while clients are being told are told once more, and as one', async (t) => {
  const admin = await startStreams(t, { changeStreams: { paceMs: 20 } });
  const listener = await open(admin);
  await listener.frame((frame) => frame.includes('retry:'));
  const before = admin.ofrep.figures().streams.rounds;
  for (let change = 0; change < 20; change++) admin.flags.changed();
  const last = admin.flags.revision;
  while ((dataOf(await listener.frame(isChange)) as { etag: string }).etag !== last);
  t.ok(admin.ofrep.figures().streams.rounds - before <= 3, 'twenty changes are no twenty messages');
});

t.test('there are as many streams as may be, and a place is free again when its client goes', async (t) => {
  const limits = { bodyBytes: 65_536, attributes: 256, depth: 8, streams: 2 };
  const admin = await startStreams(t, { ofrep: { limits } });
  const [first] = await Promise.all(
    [open(admin), open(admin)].map(async (opening) => {
      const listener = await opening;
      await listener.frame((frame) => frame.includes('retry:'));
      return listener;
    }),
  );
  const refused = await admin.ask({ path: EVENTS });
  t.match(refused, { status: 503, headers: { 'retry-after': '10' } });
  t.match(JSON.parse(refused.text), { errorCode: 'GENERAL', errorDetails: /As many clients/ });
  first!.client.socket.destroy();
  while (admin.ofrep.figures().streams.open > 1) await new Promise((resolve) => setImmediate(resolve));
  const next = await open(admin);
  t.ok(await next.frame((frame) => frame.includes('retry:')));
});

t.test('a client that does not read is cut off and counted', async (t) => {
  const admin = await startStreams(t, { changeStreams: { paceMs: 1, bufferedBytesMax: 8 } });
  const socket = await admin.connect();
  socket.pause();
  socket.write(`GET ${EVENTS} HTTP/1.1\r\nHost: ${admin.own}\r\n\r\n`);
  while (admin.ofrep.figures().streams.dropped === 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(admin.ofrep.figures().streams.open, 0);
  t.equal(admin.lines('dropped').length, 1);
  socket.destroy();
});

t.test('comments keep a stream alive', async (t) => {
  const admin = await startStreams(t, { changeStreams: { paceMs: 1, heartbeatMs: 5 } });
  const listener = await open(admin);
  t.equal(await listener.frame((frame) => frame === ':'), ':');
});

t.test('a schedule tells of itself when its moment has come', async (t) => {
  const admin = await startStreams(t);
  const listener = await open(admin);
  await listener.frame((frame) => frame.includes('retry:'));
  const from = new Date(Date.now() + 50).toISOString();
  admin.flags.definitions = [{ strategy: 'all', schedule: { from } }];
  admin.flags.changed();
  await listener.frame(isChange);
  t.ok(await listener.frame(isChange), 'nobody has changed anything');
});

t.test('a stop ends every stream', async (t) => {
  const admin = await startStreams(t);
  const listener = await open(admin);
  await listener.frame((frame) => frame.includes('retry:'));
  admin.ofrep.close();
  await admin.server.close();
  await listener.client.closed;
  t.equal(admin.ofrep.figures().streams.open, 0);
});
