/** What a request may have at most, and what is answered when it has more. Nothing is ever dropped silently. */
import t from 'tap';
import { CLIENT_LIMITS, readClientLimits } from '../../src/stats/listener-cells.ts';
import { until } from '../scenario/stage/until.ts';
import { forwarded, masked, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { testForwards, testRefusals } from './stage/tables.ts';

const BODY_MAX = 1024;
const TOO_LARGE = own(413, 'The body is too large.');

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t, { limits: { body: `${BODY_MAX}B` } });
});

const get = (target: string, fields = '') => `GET ${target} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
const manyFields = (count: number) => Array.from({ length: count }, (_, at) => `X-${at}: y\r\n`).join('');
/** A head of exactly this many bytes. */
function headOf(bytes: number): string {
  const empty = get('/', 'X: \r\n');
  return get('/', `X: ${'y'.repeat(bytes - empty.length)}\r\n`);
}

const longest = `/${'a'.repeat(8191)}`;
testForwards(t, () => rig, [
  ['a target of 8 KiB is forwarded', get(longest), forwarded({ line: `GET ${longest} HTTP/1.1` })],
  ['128 fields are forwarded', get('/', manyFields(127)), forwarded({ lines: manyFields(127) })],
  [
    'a head of 16 KiB is forwarded',
    headOf(16_384),
    forwarded({ lines: `X: ${'y'.repeat(16_384 - get('/', 'X: \r\n').length)}\r\n` }),
  ],
]);

testRefusals(t, () => rig, [
  ['a target over 8 KiB is answered with 414', get(`/${'a'.repeat(8192)}`), 414, 'target-too-long'],
  ['a target over 16 KiB is answered with 414 too', get(`/${'a'.repeat(20_000)}`), 414, 'target-too-long'],
  ['a head over 16 KiB is answered with 431', headOf(16_385), 431, 'head-too-large'],
  ['a head far over 16 KiB is answered with 431', headOf(60_000), 431, 'head-too-large'],
  ['129 fields are answered with 431', get('/', manyFields(128)), 431, 'fields-too-many'],
  [
    'a field name alone over 16 KiB is answered with 431',
    get('/', `${'x'.repeat(17_000)}: y\r\n`),
    431,
    'head-too-large',
  ],
]);

t.test('a head that never ends is answered with 431 as soon as it is too long', async (t) => {
  const client = await rig.client();
  client.send(`GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'y'.repeat(17_000)}`);
  await client.ended();
  t.match(client.received, /^HTTP\/1\.1 431 /);
  t.strictSame(await rig.seen(), []);
});

const post = (framing: string, body: string) => `POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n\r\n${body}`;

t.test('a body that is announced as too large is answered with 413 at once, closes and reaches nobody', async (t) => {
  t.equal(await rig.untilEnd(post(`Content-Length: ${BODY_MAX + 1}`, '')), TOO_LARGE);
  t.equal(await rig.untilEnd(post(`Content-Length: ${BODY_MAX + 1}`, 'x'.repeat(BODY_MAX + 1))), TOO_LARGE);
  t.strictSame(await rig.seen(), []);
});

t.test(
  'a chunked body is answered with 413 once it is too large, closes, and its request never becomes whole',
  async (t) => {
    const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
    t.equal(await rig.untilEnd(post('Transfer-Encoding: chunked', chunk.repeat(3))), TOO_LARGE);
    t.equal(await rig.untilEnd([post('Transfer-Encoding: chunked', chunk), chunk, chunk, '0\r\n\r\n']), TOO_LARGE);
    t.notMatch(await rig.seen(), [/\r\n0\r\n\r\n/]);
  },
);

t.test('each limit that a client meets is counted under its name', async (t) => {
  const count = (limit: (typeof CLIENT_LIMITS)[number]) => {
    const { board } = rig.plane.metrics().listeners.find(({ name }) => name === 'plain')!;
    return readClientLimits(board)[CLIENT_LIMITS.indexOf(limit)]!;
  };
  const rows = [
    ['target-too-long', get(`/${'a'.repeat(8192)}`)],
    ['head-too-large', headOf(16_385)],
    ['fields-too-many', get('/', manyFields(128))],
    ['body-too-large', post(`Content-Length: ${BODY_MAX + 1}`, '')],
  ] as const;
  for (const [limit, bytes] of rows) {
    const before = count(limit);
    await rig.untilEnd(bytes);
    await until(`${limit} is counted`, () => count(limit) === before + 1);
  }
  t.equal(count('head-timeout'), 0);
});

t.test('a body of exactly the limit is forwarded', async (t) => {
  const body = 'x'.repeat(BODY_MAX);
  await rig.ask(post(`Content-Length: ${BODY_MAX}`, body));
  t.strictSame(rig.upstream.take().map(masked), [
    forwarded({ line: 'POST / HTTP/1.1', framing: `Content-Length: ${BODY_MAX}\r\n`, body }),
  ]);
});
