/**
 * Requests as the grammar allows them, in its odder corners: target forms, versions, framings, extensions, trailers.
 *
 * Most of what comes out is valid. The rest is what generation does not check on purpose (a field twice, a protected name
 * in Connection), so that whole messages are refused too and not only damaged ones.
 *
 * Source: RFC 9112, sections 2, 3, 6 and 7; RFC 9110, section 5.
 */
import { mutated } from './mutations.ts';
import type { Random } from './random.ts';

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'M-SEARCH'];
const ODD_METHODS = ['TRACE', 'CONNECT', 'get', 'BREW', '!#$', 'G', 'PRI', 'QUERY'];

const TARGETS = [
  '/',
  '/a/b?c=d&e=%20f',
  '//evil.test/x',
  '/a/../b/./c',
  '/%2e%2e/%2F/x',
  '/a\\b',
  '/?',
  '/a?b?c',
  '/;p=1',
  '/%zz',
  '/%00',
  '/a#f',
  '*',
  'http://b.test/x?y',
  'HTTPS://b.test:443',
  'http://[::1]:8080/',
  'http://[1:2::3.4.5.6]?q',
  'http://u@b.test/',
  'ftp://b.test/',
  'http:///x',
  'b.test:80',
  '/\xe4',
];

const HOSTS = [
  'a.test',
  'A.Test:80',
  'a.test:',
  '',
  '[::1]:8080',
  '[::ffff:1.2.3.4]',
  '[1:2:3:4:5:6:7:8]',
  '[1::2::3]',
  '[::1.2.3.400]',
  'a.test:70000',
  'a.test:x',
  'a,b',
  'u@a',
  'a_b.test',
  '1.2.3.4:1',
];

const NAMES = ['Accept', 'X-A', 'x_b', "!#$%&'*+-.^_`|~1", 'User-Agent', 'Date', '__proto__', 'Content-Type', 'Server'];
const VALUES = ['', 'x', ' a ', '\tb\t', 'a, b', '"q;\\""', 'caf\xe9', '\xff\x80', 'a:b', '0', 'text/html; q=0.5'];

const SPECIAL_FIELDS = [
  'Connection: keep-alive\r\n',
  'Connection: close\r\n',
  'connection: x-a, TE\r\n',
  'Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, foo/2\r\n',
  'Connection: upgrade\r\nUpgrade: a b\r\n',
  'Connection: expect, max-forwards, x-request-id, traceparent\r\n',
  'Connection: content-length\r\n',
  'Connection: a b\r\n',
  'Keep-Alive: timeout=5\r\n',
  'Proxy-Connection: close\r\n',
  'Proxy-Authorization: Basic eA==\r\n',
  'TE: trailers, deflate\r\nConnection: TE\r\n',
  'TE: gzip\r\n',
  'Trailer: X-Sum, Content-Length\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 200-ok\r\n',
  'Max-Forwards: 1\r\n',
  'Max-Forwards: x\r\n',
  'Cookie: a=b; tg=1; c="d"\r\n',
  'Cookie: tg=2\r\n',
  'Via: 1.1 first, 1.0 tidegate\r\n',
  'Via: 1.1 tidegate, 1.1 tidegate:80\r\n',
  'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n',
  'X-Forwarded-Host: c.test\r\nX-Forwarded-Port: 444\r\nX-Forwarded-For: ::1\r\n',
  'Forwarded: for=1.2.3.4\r\n',
  'X-Request-Id: 7\r\ntraceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n',
  'Host: second.test\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
];

const ODD_LENGTHS = ['+3', '-1', '03', '0x3', '3, 3', '3 3', '9007199254740993', '', '3;'];
const ODD_ENCODINGS = [
  'Chunked',
  'gzip, chunked',
  'chunked, chunked',
  'identity',
  'xchunked',
  '"chunked"',
  'chunked;a',
  '',
];
const BODY = 'abcXYZ019 \r\n\t;:\0\x80\xff';

/** The lines of random fields that concern nobody in particular, each with CRLF. */
export function generalFields(random: Random, most: number): string {
  let lines = '';
  for (let count = random.below(most + 1); count > 0; count--) {
    lines += `${random.pick(NAMES)}:${random.pick(['', ' ', '  ', '\t'])}${random.pick(VALUES)}\r\n`;
  }
  return lines;
}

/** A chunked body of random chunks, extensions and trailers. */
export function chunkedBody(random: Random): string {
  let body = '';
  for (let chunks = random.below(4); chunks > 0; chunks--) {
    const data = random.text(BODY, 1 + random.below(random.chance(0.1) ? 300 : 12));
    body += `${chunkSize(data.length, random)}${extension(random)}\r\n${data}\r\n`;
  }
  return `${body}${random.pick(['0', '0', '00', '0000'])}${extension(random)}\r\n${trailers(random)}\r\n`;
}

function chunkSize(size: number, random: Random): string {
  const digits = random.chance(0.3) ? size.toString(16).toUpperCase() : size.toString(16);
  return random.chance(0.2) ? digits.padStart(random.below(19), '0') : digits;
}

function extension(random: Random): string {
  if (!random.chance(0.3)) return '';
  if (random.chance(0.03)) return `;long=${'x'.repeat(random.pick([240, 249, 250, 251, 260]))}`;
  return random.pick([
    ';a',
    ';a=b',
    ';a="b;\\" c"',
    ';a=b;c',
    ';a="\x80\t"',
    ';',
    ';a=',
    ' ;a',
    ';a="',
    ';a b',
    ';a="\\\0"',
  ]);
}

function trailers(random: Random): string {
  if (!random.chance(0.3)) return '';
  if (random.chance(0.02)) return 'X: 1\r\n'.repeat(130);
  return random.pick([
    'X-Sum: 1\r\n',
    'X-Sum: 1\r\nx-b: \xe4\r\n',
    'Content-Length: 5\r\nX-Sum: 2\r\n',
    'Host: evil\r\n',
    'X: a\r\n b\r\n',
    'X : a\r\n',
    'bad\r\n',
  ]);
}

function framingAndBody(random: Random): readonly [lines: string, body: string] {
  const kind = random.below(20);
  if (kind < 8) return ['', ''];
  if (kind < 13) {
    const body = random.text(BODY, random.below(40));
    return [`Content-Length: ${body.length}\r\n`, body];
  }
  if (kind < 18)
    return [`Transfer-Encoding: ${random.pick(['chunked', 'chunked', 'CHUNKED'])}\r\n`, chunkedBody(random)];
  if (kind === 18) return [`Content-Length: ${random.pick(ODD_LENGTHS)}\r\n`, 'abc'];
  return [`Transfer-Encoding: ${random.pick(ODD_ENCODINGS)}\r\n`, chunkedBody(random)];
}

/** One request of the grammar, mostly valid, with its body. */
export function generateRequest(random: Random): string {
  const method = random.chance(0.05) ? random.pick(ODD_METHODS) : random.pick(METHODS);
  let target = random.chance(0.7) ? random.pick(TARGETS.slice(0, 6)) : random.pick(TARGETS);
  if (random.chance(0.005)) target = `/${'t'.repeat(random.pick([8190, 8191, 8192]))}`;
  const version = random.chance(0.1) ? '1.0' : random.chance(0.02) ? random.pick(['1.2', '2.0', '0.9', '11']) : '1.1';
  const host = random.chance(0.85) ? random.pick(HOSTS.slice(0, 3)) : random.pick(HOSTS);
  const [framing, body] = framingAndBody(random);
  const lines = [generalFields(random, 4), random.chance(0.02) ? '' : `Host: ${host}\r\n`, framing];
  if (random.chance(0.3)) lines.push(random.pick(SPECIAL_FIELDS));
  if (random.chance(0.1)) lines.push(random.pick(SPECIAL_FIELDS));
  if (random.chance(0.005)) lines.push('X-Many: 1\r\n'.repeat(random.pick([120, 126, 130])));
  if (random.chance(0.003)) lines.push(`X-Long: ${'v'.repeat(random.pick([16_000, 16_384]))}\r\n`);
  const empty = random.chance(0.03) ? '\r\n'.repeat(1 + random.below(3)) : '';
  return `${empty}${method} ${target} HTTP/${version}\r\n${shuffled(lines, random).join('')}\r\n${body}`;
}

/** One to four requests one after another, half of all with damage done to them. */
export function generateRequests(random: Random): string {
  let text = generateRequest(random);
  for (let more = random.chance(0.3) ? 1 + random.below(3) : 0; more > 0; more--) text += generateRequest(random);
  return random.chance(0.5) ? mutated(text, random) : text;
}

/** The members in random order. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let at = result.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}
