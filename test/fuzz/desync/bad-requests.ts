/**
 * Requests with which proxies and servers have been taken apart, each with another request hidden in it that one of two
 * parsers might see. What they have in common: all must be refused, and nothing of the hidden one may ever be served.
 */
import type { Random } from '../stage/random.ts';
import { NAME_FIELD } from './script.ts';

type Attack = (line: string, fields: string, hidden: string) => string;

const withLines =
  (lines: string): Attack =>
  (line, fields, hidden) =>
    `${line}${fields}${lines}\r\n0\r\n\r\n${hidden}`;

const ATTACKS: readonly Attack[] = [
  withLines('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
  withLines('Transfer-Encoding: chunked\r\nContent-Length: 60\r\n'),
  withLines('Content-Length: 0\r\nContent-Length: 60\r\n'),
  withLines('Content-Length: 5\r\nContent-Length: 5\r\n'),
  withLines('Content-Length: 5, 5\r\n'),
  withLines('Content-Length: +5\r\n'),
  withLines('Content-Length: 0x5\r\n'),
  withLines('Content-Length: 05\r\n'),
  withLines('Content-Length:\r\n'),
  withLines('Content-Length: 9007199254740993\r\n'),
  withLines('Transfer-Encoding: xchunked\r\n'),
  withLines('Transfer-Encoding: chunked, identity\r\n'),
  withLines('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n'),
  withLines('Transfer-Encoding:\x0bchunked\r\n'),
  withLines('Transfer-Encoding : chunked\r\n'),
  withLines(' Transfer-Encoding: chunked\r\n'),
  withLines('X: y\r\n Transfer-Encoding: chunked\r\n'),
  withLines('X: y\nTransfer-Encoding: chunked\r\n'),
  withLines('X: y\rTransfer-Encoding: chunked\r\n'),
  withLines('X: y\0\r\n'),
  withLines('Transfer-Encoding\r\n'),
  withLines('Transfer\xadEncoding: chunked\r\n'),
  withLines('Host: other.test\r\n'),
  withLines('Connection: content-length\r\nContent-Length: 5\r\n'),
  withLines('Expect: 200-ok\r\n'),
  withLines('X: 1\r\n'.repeat(130)),
  withLines(`X: ${'x'.repeat(17_000)}\r\n`),
  (line, fields, hidden) => `${line}${fields}\r\r\n${hidden}`,
  (line, fields, hidden) => `${line}${fields}\n${hidden}`,
  (line, fields, hidden) => `\r\n\r\n\r\n${line}${fields}\r\n${hidden}`,
  (line, fields, hidden) =>
    `${line.replace('HTTP/1.1', 'HTTP/1.0')}${fields}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  (line, fields, hidden) => `${line.replace('HTTP/1.1', 'HTTP/2.0')}${fields}\r\n${hidden}`,
  (line, fields, hidden) => `${line.replace(' HTTP/1.1', '')}${fields}\r\n${hidden}`,
  (line, fields, hidden) => `${line.replace('GET', 'CONNECT')}${fields}\r\n${hidden}`,
  (line, fields, hidden) => `${line.replace(' HTTP', '#x HTTP')}${fields}\r\n${hidden}`,
  (line, fields, hidden) => `${line.replace(' ', '  ')}${fields}\r\n${hidden}`,
];

// In these the head is good and the chunks are not.
const CHUNK_ATTACKS: readonly string[] = [
  '5\r\nabcdeX\r\n0\r\n\r\n',
  '5\nabcde\r\n0\r\n\r\n',
  '5\r\nabcde\n0\r\n\r\n',
  '0x5\r\nabcde\r\n0\r\n\r\n',
  '-5\r\nabcde\r\n0\r\n\r\n',
  '5 \r\nabcde\r\n0\r\n\r\n',
  '5;a\nb\r\nabcde\r\n0\r\n\r\n',
  '5;\r\nabcde\r\n0\r\n\r\n',
  'fffffffffffffffff\r\nabcde\r\n0\r\n\r\n',
  '\r\n0\r\n\r\n',
  '5\r\nabcde\r\n0\r\n\r\r\n',
  '5\r\nabcde\r\n0\r\nX : y\r\n\r\n',
  `5;${'x'.repeat(300)}\r\nabcde\r\n0\r\n\r\n`,
  `0\r\n${'X: 1\r\n'.repeat(130)}\r\n`,
];

/** One of the attacks; the visible request has this name, and the hidden one a name that must never be seen. */
export function generateBadRequest(random: Random, name: string): string {
  const hidden = `GET /f/smuggled-${name}? HTTP/1.1\r\nHost: app.test\r\n${NAME_FIELD}: smuggled-${name}\r\n\r\n`;
  const line = `GET /f/${name}?bad HTTP/1.1\r\n`;
  const fields = `Host: app.test\r\n${NAME_FIELD}: ${name}\r\n`;
  if (random.chance(0.7)) return random.pick(ATTACKS)(line, fields, hidden);
  return `${line.replace('GET', 'POST')}${fields}Transfer-Encoding: chunked\r\n\r\n${random.pick(CHUNK_ATTACKS)}${hidden}`;
}
