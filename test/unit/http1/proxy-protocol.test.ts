/** The PROXY header: what is read, what is refused, in whatever pieces it comes, and what is written. */
import t from 'tap';
import {
  buildLocalProxyHeader,
  buildProxyHeader,
  type ProxyHeader,
  ProxyHeaderReader,
  type ProxyReading,
  readProxyHeader,
  V2_BYTES_MAX,
} from '../../../src/http1/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const v2 = (rest: string): Buffer => Buffer.from((SIGNATURE + rest).replaceAll(' ', ''), 'hex');
const v1 = (line: string): Buffer => Buffer.from(`${line}\r\n`, 'latin1');

const addressed = (source: string, sourcePort: number, destination: string, destinationPort: number): ProxyHeader => ({
  kind: 'addressed',
  source,
  sourcePort,
  destination,
  destinationPort,
});

const TCP4 = '21 11 000c c0000201 c6336402 dd07 01bb';
const TCP6 = '21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 dd07 01bb';

const GOOD: readonly (readonly [name: string, bytes: Buffer, header: ProxyHeader])[] = [
  ['v1 TCP4', v1('PROXY TCP4 192.0.2.1 198.51.100.2 56583 443'), addressed('192.0.2.1', 56583, '198.51.100.2', 443)],
  [
    'v1 ports at both ends',
    v1('PROXY TCP4 0.0.0.0 255.255.255.255 0 65535'),
    addressed('0.0.0.0', 0, '255.255.255.255', 65535),
  ],
  ['v1 TCP6', v1('PROXY TCP6 2001:DB8::1 2001:db8:0:0::2 1 2'), addressed('2001:db8::1', 1, '2001:db8::2', 2)],
  [
    'v1 TCP6, the longest',
    v1(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    addressed(`${'ffff:'.repeat(7)}ffff`, 65535, `${'ffff:'.repeat(7)}ffff`, 65535),
  ],
  ['v1 UNKNOWN', v1('PROXY UNKNOWN'), { kind: 'unknown' }],
  [
    'v1 UNKNOWN with addresses',
    v1(`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    { kind: 'unknown' },
  ],
  ['v2 TCP4', v2(TCP4), addressed('192.0.2.1', 56583, '198.51.100.2', 443)],
  ['v2 TCP6', v2(TCP6), addressed('2001:db8::1', 56583, '2001:db8::2', 443)],
  [
    'v2 TCP6 with an IPv4 address in it',
    v2(`21 21 0024 00000000000000000000ffffc0000201 20010db8000000000000000000000002 0001 0002`),
    addressed('192.0.2.1', 1, '2001:db8::2', 2),
  ],
  [
    'v2 TCP4 with TLVs',
    v2(`21 11 0018 c0000201 c6336402 dd07 01bb 04 0009 000000000000000000`),
    addressed('192.0.2.1', 56583, '198.51.100.2', 443),
  ],
  ['v2 LOCAL', v2('20 00 0000'), { kind: 'local' }],
  ['v2 LOCAL with a family and a block', v2('20 11 000c c0000201 c6336402 dd07 01bb'), { kind: 'local' }],
  ['v2 LOCAL with a family that nobody knows', v2('20 ff 0001 00'), { kind: 'local' }],
  ['v2 UNSPEC', v2('21 00 0000'), { kind: 'unknown' }],
  ['v2 UNSPEC with TLVs', v2('21 00 0004 04 0001 00'), { kind: 'unknown' }],
  ['v2 Unix stream', v2(`21 31 00d8 ${'2f'.repeat(216)}`), { kind: 'unknown' }],
  [
    'v2 as long as is taken',
    v2(`21 11 0ff0 c0000201 c6336402 dd07 01bb${'00'.repeat(V2_BYTES_MAX - 28)}`),
    addressed('192.0.2.1', 56583, '198.51.100.2', 443),
  ],
];

const MALFORMED: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['v1 without a family', v1('PROXY ')],
  ['v1 with another family', v1('PROXY UDP4 192.0.2.1 198.51.100.2 1 2')],
  ['v1 in lower case', v1('PROXY tcp4 192.0.2.1 198.51.100.2 1 2')],
  ['v1 with two spaces', v1('PROXY TCP4  192.0.2.1 198.51.100.2 1 2')],
  ['v1 with a space at the end', v1('PROXY TCP4 192.0.2.1 198.51.100.2 1 2 ')],
  ['v1 without a port', v1('PROXY TCP4 192.0.2.1 198.51.100.2 1')],
  ['v1 with a port too many', v1('PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3')],
  ['v1 with a port beyond 65535', v1('PROXY TCP4 192.0.2.1 198.51.100.2 65536 2')],
  ['v1 with a leading zero in a port', v1('PROXY TCP4 192.0.2.1 198.51.100.2 01 2')],
  ['v1 with a sign', v1('PROXY TCP4 192.0.2.1 198.51.100.2 +1 2')],
  ['v1 with an octal part', v1('PROXY TCP4 192.0.2.010 198.51.100.2 1 2')],
  ['v1 with a short address', v1('PROXY TCP4 192.1 198.51.100.2 1 2')],
  ['v1 TCP4 with IPv6', v1('PROXY TCP4 2001:db8::1 198.51.100.2 1 2')],
  ['v1 TCP6 with IPv4', v1('PROXY TCP6 2001:db8::1 198.51.100.2 1 2')],
  ['v1 TCP6 with a zone', v1('PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2')],
  ['v1 with LF alone', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 1 2\nGET / HTTP/1.1\r\n')],
  ['v1 with CR inside', v1('PROXY TCP4 192.0.2.1 198.51.100.2\r1 2')],
  ['v1 with NUL', v1('PROXY UNKNOWN \0')],
  ['v1 of 108 bytes', v1(`PROXY UNKNOWN ${'x'.repeat(92)}`)],
  ['v1 without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`)],
  ['v2 of version 1', v2('11 11 000c c0000201 c6336402 dd07 01bb')],
  ['v2 with another command', v2('22 11 000c c0000201 c6336402 dd07 01bb')],
  ['v2 with another family', v2('21 41 000c c0000201 c6336402 dd07 01bb')],
  ['v2 with a datagram', v2('21 12 000c c0000201 c6336402 dd07 01bb')],
  ['v2 TCP4 that is too short', v2('21 11 000b c0000201 c6336402 dd07 01')],
  ['v2 TCP6 that is as long as TCP4', v2('21 21 000c c0000201 c6336402 dd07 01bb')],
  ['v2 Unix that is too short', v2(`21 31 00d7 ${'2f'.repeat(215)}`)],
  ['v2 that is longer than is taken', v2(`21 11 0ff1 c0000201 c6336402 dd07 01bb`)],
];

const ABSENT = [
  'GET / HTTP/1.1\r\n',
  'POST / HTTP/1.1\r\n',
  'PROPFIND / HTTP/1.1',
  '\r\nGET / HTTP/1.1\r\n',
  '\r\n\r\n\r\n',
  'PROXYX',
  'proxy ',
  'X',
];

const AFTER = Buffer.from('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');

t.test('every kind of header is read, and what follows it is left alone', async (t) => {
  for (const [name, bytes, header] of GOOD) {
    const expected: ProxyReading = { kind: 'header', header, length: bytes.length };
    t.strictSame(readProxyHeader(bytes), expected, name);
    t.strictSame(readProxyHeader(Buffer.concat([bytes, AFTER])), expected, `${name}, with a request after it`);
  }
});

t.test('a header that is cut at any byte means the same', async (t) => {
  for (const [name, bytes, header] of GOOD) {
    const whole = Buffer.concat([bytes, AFTER]);
    const wrong: string[] = [];
    for (let at = 1; at < bytes.length; at += 1) {
      if (readProxyHeader(bytes.subarray(0, at)).kind !== 'unfinished') wrong.push(`not unfinished at ${at}`);
      const reader = new ProxyHeaderReader();
      const first = reader.push(whole.subarray(0, at));
      const second = reader.push(whole.subarray(at));
      const found = second.kind === 'header' ? [second.header, at + second.length] : [];
      if (first.kind !== 'unfinished' || JSON.stringify(found) !== JSON.stringify([header, bytes.length])) {
        wrong.push(`at ${at}: ${first.kind}, ${JSON.stringify(second)}`);
      }
    }
    const reader = new ProxyHeaderReader();
    const readings = [...bytes].map((byte) => reader.push(Buffer.from([byte])));
    const last = readings.pop();
    if (readings.some(({ kind }) => kind !== 'unfinished')) wrong.push('dribbled: not unfinished');
    t.strictSame(last, { kind: 'header', header, length: 1 }, `${name}, byte by byte`);
    t.same(wrong, [], name);
  }
});

t.test('what begins a header and is none is malformed, however it is cut', async (t) => {
  for (const [name, bytes] of MALFORMED) {
    t.equal(readProxyHeader(bytes).kind, 'malformed', name);
    const reader = new ProxyHeaderReader();
    let kind = 'unfinished';
    for (let at = 0; at < bytes.length && kind === 'unfinished'; at += 1)
      kind = reader.push(bytes.subarray(at, at + 1)).kind;
    t.equal(kind, 'malformed', `${name}, byte by byte`);
  }
});

t.test('what begins no header is told apart at its first byte that differs, and nothing of it is lost', async (t) => {
  for (const text of ABSENT) {
    const bytes = Buffer.from(text, 'latin1');
    t.equal(readProxyHeader(bytes).kind, 'absent', JSON.stringify(text));
    const reader = new ProxyHeaderReader();
    let at = 0;
    while (reader.push(bytes.subarray(at, at + 1)).kind === 'unfinished') at += 1;
    t.equal(reader.held.toString('latin1') + text.slice(at), text, `${JSON.stringify(text)}, byte by byte`);
  }
  t.equal(new ProxyHeaderReader().push(Buffer.from('PROX')).kind, 'unfinished');
});

t.test('what is built is what is read, in both versions', async (t) => {
  for (const [name, , header] of GOOD) {
    if (header.kind !== 'addressed') continue;
    for (const version of ['v1', 'v2'] as const) {
      const bytes = buildProxyHeader(version, header);
      t.strictSame(readProxyHeader(bytes), { kind: 'header', header, length: bytes.length }, `${name} as ${version}`);
    }
  }
});

t.test('the bytes that are built are those of the specification', async (t) => {
  const ends = { source: '192.0.2.1', sourcePort: 56583, destination: '198.51.100.2', destinationPort: 443 };
  t.equal(buildProxyHeader('v1', ends).toString(), 'PROXY TCP4 192.0.2.1 198.51.100.2 56583 443\r\n');
  t.same(buildProxyHeader('v2', ends), v2(TCP4));
  const v6 = { ...ends, source: '2001:db8::1', destination: '2001:db8::2' };
  t.equal(buildProxyHeader('v1', v6).toString(), 'PROXY TCP6 2001:db8::1 2001:db8::2 56583 443\r\n');
  t.same(buildProxyHeader('v2', v6), v2(TCP6));
  t.equal(
    buildProxyHeader('v1', { ...v6, source: '192.0.2.1' }).toString(),
    'PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 56583 443\r\n',
    'ends of two families',
  );
  t.equal(buildProxyHeader('v1', null).toString(), 'PROXY UNKNOWN\r\n');
  t.same(buildProxyHeader('v2', null), v2('21 00 0000'));
  t.equal(buildLocalProxyHeader('v1').toString(), 'PROXY UNKNOWN\r\n');
  t.same(buildLocalProxyHeader('v2'), v2('20 00 0000'));
  t.throws(() => buildProxyHeader('v1', { ...ends, source: 'shop.internal' }));
});
