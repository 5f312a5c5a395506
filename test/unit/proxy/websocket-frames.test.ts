import t from 'tap';
import { CLOSE_TO_CLIENT, CLOSE_TO_ENDPOINT, FrameTracker } from '../../../src/proxy/websocket-frames.ts';

const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;

/** A frame (RFC 6455 section 5.2) with its length in the shortest form, or in the one that is asked for. */
function frame(
  opcode: number,
  payload: number,
  isMasked: boolean,
  form = payload < 126 ? 0 : payload < 65_536 ? 2 : 8,
) {
  const head = Buffer.alloc(2 + form + (isMasked ? 4 : 0), 0x88);
  head[0] = 0x80 | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (form === 0 ? payload : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(payload, 2);
  if (form === 8) head.writeBigUInt64BE(BigInt(payload), 2);
  // Payload and mask are full of bytes that would begin a close frame.
  return Buffer.concat([head, Buffer.alloc(payload, 0x88)]);
}

/** Where a tracker says that a frame may begin, over a stream that comes byte by byte: offsets from 0 to its end. */
function boundaries(stream: Buffer): number[] {
  const tracker = new FrameTracker();
  const found = tracker.between ? [0] : [];
  for (let at = 0; at < stream.length; at++) {
    tracker.pass(stream.subarray(at, at + 1));
    if (tracker.between) found.push(at + 1);
  }
  return found;
}

const lengths = [0, 1, 2, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000];

for (const isMasked of [false, true]) {
  t.test(`frames of every length form end where they end, ${isMasked ? 'masked' : 'not masked'}`, async (t) => {
    for (const length of lengths) {
      const one = frame(TEXT, length, isMasked);
      t.strictSame(boundaries(one), [0, one.length], `${length} bytes`);
    }
  });

  t.test(`a length may be written longer than it has to be, ${isMasked ? 'masked' : 'not masked'}`, async (t) => {
    for (const [length, form] of [
      [0, 2],
      [5, 2],
      [0, 8],
      [5, 8],
      [300, 8],
    ] as const) {
      const one = frame(TEXT, length, isMasked, form);
      t.strictSame(boundaries(one), [0, one.length], `${length} bytes in ${form}`);
    }
  });
}

t.test('a stream means the same wherever it is cut', async (t) => {
  const frames = [frame(TEXT, 0, true), frame(PING, 5, false), frame(TEXT, 130, true), frame(TEXT, 3, true, 8)];
  const stream = Buffer.concat(frames);
  let at = 0;
  const ends = [0, ...frames.map(({ length }) => (at += length))];
  t.strictSame(boundaries(stream), ends);
  for (let cut = 0; cut <= stream.length; cut++) {
    for (let second = cut; second <= stream.length; second += 7) {
      const tracker = new FrameTracker();
      tracker.pass(stream.subarray(0, cut));
      if (tracker.between !== ends.includes(cut)) t.fail(`between frames at ${cut}`);
      tracker.pass(stream.subarray(cut, second));
      if (tracker.between !== ends.includes(second)) t.fail(`between frames at ${second} after a cut at ${cut}`);
      tracker.pass(stream.subarray(second));
      if (!tracker.between) t.fail(`between frames at the end, cut at ${cut} and ${second}`);
    }
  }
});

t.test('a length of more than 4 GiB is counted down exactly', async (t) => {
  const payload = 2 ** 33 + 1;
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload), 2);
  const tracker = new FrameTracker();
  tracker.pass(head);
  const piece = Buffer.alloc(2 ** 24, 0x88);
  for (let count = 0; count < 2 ** 9; count++) tracker.pass(piece);
  t.equal(tracker.between, false);
  tracker.pass(piece.subarray(0, 1));
  t.equal(tracker.between, true);
});

t.test('after a close frame nothing more may be said', async (t) => {
  for (const close of [frame(CLOSE, 0, false), frame(CLOSE, 2, true), CLOSE_TO_CLIENT, CLOSE_TO_ENDPOINT]) {
    const stream = Buffer.concat([frame(TEXT, 5, false), close]);
    t.strictSame(boundaries(stream), [0, 7]);
    const tracker = new FrameTracker();
    tracker.pass(stream);
    tracker.pass(frame(TEXT, 5, false));
    t.equal(tracker.between, false);
  }
});

t.test('our own close frames are whole: unmasked with 1012 to clients, masked with 1001 to endpoints', async (t) => {
  t.equal(CLOSE_TO_CLIENT.readUInt16BE(2), 1012);
  t.equal(CLOSE_TO_ENDPOINT.readUInt16BE(6), 1001, 'the mask is zero');
  t.strictSame([CLOSE_TO_CLIENT.length, CLOSE_TO_ENDPOINT.length], [4, 8]);
  t.equal(CLOSE_TO_ENDPOINT[1]! & 0x80, 0x80);
});
