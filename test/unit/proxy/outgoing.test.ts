import type { Socket } from 'node:net';
import t from 'tap';
import { Outgoing } from '../../../src/proxy/outgoing.ts';

const AS_TEXT_MAX = 1024;
const COPY_MAX = 16 * 1024;

/** A socket that keeps what is written to it: one entry for each system call, and the buffers themselves. */
class Sink {
  destroyed = false;
  writableEnded = false;
  ready = true;
  readonly calls: string[] = [];
  readonly buffers: Buffer[] = [];
  #corked: string | null = null;

  write(data: string | Buffer, encoding?: BufferEncoding): boolean {
    if (typeof data === 'string' && encoding !== 'latin1') throw new Error('text is latin1');
    if (typeof data !== 'string') this.buffers.push(data);
    const text = data.toString('latin1');
    if (this.#corked === null) this.calls.push(text);
    else this.#corked += text;
    return this.ready;
  }

  cork(): void {
    this.#corked = '';
  }

  uncork(): void {
    this.calls.push(this.#corked!);
    this.#corked = null;
  }
}

function start(borrowed = false) {
  const sink = new Sink();
  return { sink, out: new Outgoing(sink as unknown as Socket, borrowed) };
}

const bytes = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) % 256));

t.test('what was collected leaves in one call, in order and byte-exactly, whatever its parts are', async (t) => {
  for (const borrowed of [false, true]) {
    for (const sizes of [[0], [1], [AS_TEXT_MAX], [AS_TEXT_MAX + 1], [COPY_MAX], [COPY_MAX + 1], [5, 70_000, 5]]) {
      const { sink, out } = start(borrowed);
      out.text('head\xff\r\n');
      let expected = 'head\xff\r\n';
      for (const size of sizes) {
        out.data(bytes(size));
        out.text('|');
        expected += `${bytes(size).toString('latin1')}|`;
      }
      t.equal(out.flush(), true);
      t.equal(sink.calls.length, 1, `${sizes} bytes, ${borrowed ? 'borrowed' : 'own'}`);
      t.equal(sink.calls[0] === expected, true);
      t.equal(out.sentBytes, expected.length);
    }
  }
});

t.test('nothing collected is nothing written', async (t) => {
  const { sink, out } = start();
  t.equal(out.empty, true);
  t.equal(out.flush(), true);
  out.text('');
  t.equal(out.flush(), true);
  t.strictSame([sink.calls, out.sentBytes], [[], 0]);
  out.text('x');
  t.equal(out.empty, false);
  out.flush();
  t.equal(out.empty, true);
  out.flush();
  t.strictSame(sink.calls, ['x'], 'and nothing is written twice');
});

t.test('borrowed bytes are copied by the flush, own ones are not', async (t) => {
  for (const borrowed of [false, true]) {
    for (const size of [AS_TEXT_MAX, AS_TEXT_MAX + 1, COPY_MAX + 1]) {
      const { sink, out } = start(borrowed);
      const data = bytes(size);
      out.data(data);
      out.flush();
      data.fill(1);
      const isShared = sink.buffers.some((buffer) => buffer[0] === 1);
      t.equal(isShared, !borrowed && size > AS_TEXT_MAX, `${size} bytes, ${borrowed ? 'borrowed' : 'own'}`);
    }
  }
});

t.test('short bytes are taken as they are when they are added', async (t) => {
  const { sink, out } = start();
  const data = Buffer.from('short');
  out.data(data);
  data.fill(0);
  out.flush();
  t.strictSame(sink.calls, ['short']);
});

t.test('a socket that cannot take more is reported, however the bytes were written', async (t) => {
  for (const size of [1, AS_TEXT_MAX + 1, COPY_MAX + 1]) {
    for (const withHead of [false, true]) {
      const { sink, out } = start();
      sink.ready = false;
      if (withHead) out.text('head');
      out.data(bytes(size));
      t.equal(out.flush(), false);
    }
  }
});

t.test('a socket that is gone or was ended gets nothing, and nobody waits for it', async (t) => {
  for (const state of ['destroyed', 'writableEnded'] as const) {
    const { sink, out } = start();
    sink[state] = true;
    sink.ready = false;
    out.text('late');
    t.equal(out.flush(), true);
    t.strictSame([sink.calls, out.empty, out.sentBytes], [[], true, 4]);
  }
});
