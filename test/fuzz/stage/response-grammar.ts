/**
 * Responses as upstreams send them, good and bad: interim heads, framings, bodies that are complete or not.
 *
 * Source: RFC 9112, sections 4 and 6; RFC 9110, section 15.
 */
import { mutated } from './mutations.ts';
import type { Random } from './random.ts';
import { chunkedBody, generalFields, shuffled } from './request-grammar.ts';

const STATUSES = [
  '200',
  '200',
  '200',
  '201',
  '204',
  '206',
  '301',
  '304',
  '404',
  '426',
  '500',
  '599',
  '600',
  '099',
  '20',
];
const REASONS = [' OK', ' ', '', ' Not Modified', ' caf\xe9', ' a\tb', ' a\x01b'];
const INTERIM = ['100', '102', '103', '199', '101'];

const SPECIAL_FIELDS = [
  'Connection: close\r\n',
  'Connection: keep-alive\r\nKeep-Alive: max=5, timeout=7\r\n',
  'Keep-Alive: timeout=x\r\n',
  'Connection: x-a\r\n',
  'Connection: host\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Trailer: X-Sum\r\n',
  'Proxy-Authenticate: Basic\r\n',
  'Via: 1.1 behind\r\n',
  'Via: 1.0 a, 1.1 b\r\n',
  'TE: trailers\r\n',
  'Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n',
  'Server: x\r\n',
];

function framingAndBody(random: Random): readonly [lines: string, body: string] {
  const kind = random.below(20);
  const body = random.text('abc019\r\n\0\xff', random.below(40));
  if (kind < 3) return ['', body];
  if (kind < 9) return [`Content-Length: ${body.length}\r\n`, body];
  if (kind < 10) return [`Content-Length: ${body.length}\r\ncontent-length:${body.length}\r\n`, body];
  if (kind < 11) return [`Content-Length: ${body.length + 1}\r\n`, body];
  if (kind < 12) return [`Content-Length: ${random.pick(['+1', '01', '1,1', '-1', '', '1 1', '0x1'])}\r\n`, body];
  if (kind < 18) return ['Transfer-Encoding: chunked\r\n', chunkedBody(random)];
  if (kind < 19) return [`Transfer-Encoding: ${random.pick(['gzip', 'Chunked', 'chunked, chunked', ''])}\r\n`, body];
  return ['Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', chunkedBody(random)];
}

/** One final response of the grammar with the interim ones before it, about half of all with damage done to them. */
export function generateResponse(random: Random): string {
  let text = '';
  for (let interim = random.chance(0.2) ? 1 + random.below(2) : 0; interim > 0; interim--) {
    text += `HTTP/1.1 ${random.pick(INTERIM)}${random.pick(REASONS.slice(0, 3))}\r\n${generalFields(random, 1)}\r\n`;
  }
  const version = random.chance(0.1) ? random.pick(['1.0', '1.0', '1.2', '2.0']) : '1.1';
  const [framing, body] = framingAndBody(random);
  const lines = [generalFields(random, 4), framing];
  if (random.chance(0.4)) lines.push(random.pick(SPECIAL_FIELDS));
  if (random.chance(0.1)) lines.push(random.pick(SPECIAL_FIELDS));
  if (random.chance(0.003)) lines.push('X-Many: 1\r\n'.repeat(520));
  text += `HTTP/${version} ${random.pick(STATUSES)}${random.pick(REASONS)}\r\n${shuffled(lines, random).join('')}\r\n${body}`;
  return random.chance(0.5) ? mutated(text, random) : text;
}

/** The method of the request that a response answers. */
export function generateAskedMethod(random: Random): string {
  return random.chance(0.15) ? 'HEAD' : 'GET';
}
