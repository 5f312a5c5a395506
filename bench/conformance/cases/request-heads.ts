/** Requests whose lines, fields, target or Host are not in the grammar, and such as only look so. */
import { answered, type Chapter, type ConformanceCase, type Expectation, forwarded, refused } from '../case.ts';
import { get, request } from './bytes.ts';

const lines = (name: string, fields: string, expected: Expectation = refused(400)): ConformanceCase => ({
  name,
  sends: request('GET /f', fields),
  expected,
});

const start = (line: string, expected: Expectation): ConformanceCase => ({
  name: JSON.stringify(line).slice(1, -1),
  sends: `${line}\r\nHost: app.test\r\n\r\n`,
  expected,
});

const hosts = (name: string, ...values: readonly string[]): ConformanceCase => ({
  name,
  sends: `GET /f HTTP/1.1\r\n${values.map((value) => `Host: ${value}\r\n`).join('')}\r\n`,
  expected: answered(400),
});

const target = (name: string, value: string, expected: Expectation = answered(400)): ConformanceCase => ({
  name,
  sends: request(`GET ${value}`),
  expected,
});

const asSent = (value: string): ConformanceCase => target(value, value, forwarded({ asked: `GET ${value}` }));

/** The rows of chapter 1 about heads. */
export const requestHeads: Chapter = {
  title: 'Requests: lines, fields, targets',
  rows: [
    {
      row: 'field lines that are none: 400, close',
      cases: [
        lines('a space before the colon', 'X-A : b\r\n'),
        lines('an empty name', ': b\r\n'),
        lines('a name with {', 'X{A: b\r\n'),
        lines('a name with 0x80', 'X\x80A: b\r\n'),
        lines('a line without colon', 'X-A\r\n'),
        {
          name: 'white space before the first field',
          sends: 'GET /f HTTP/1.1\r\n X-A: b\r\nHost: app.test\r\n\r\n',
          expected: refused(400),
        },
      ],
    },
    {
      row: 'obs-fold: 400, close',
      cases: [
        lines('folded with a space', 'X-A: b\r\n c\r\n'),
        lines('folded with a tab', 'X-A: b\r\n\tc\r\n'),
        {
          name: 'a folded Host',
          sends: 'GET /f HTTP/1.1\r\nHost:\r\n app.test\r\n\r\n',
          expected: refused(400),
        },
      ],
    },
    {
      row: 'LF or CR alone, NUL or another control: 400, close',
      cases: [
        lines('LF alone ends a field', 'X-A: b\nX-C: d\r\n'),
        { name: 'LF alone ends every line', sends: 'GET /f HTTP/1.1\nHost: app.test\n\n', expected: refused(400) },
        lines('CR alone in a value', 'X-A: b\rc\r\n'),
        lines('NUL in a value', 'X-A: b\0c\r\n'),
        lines('0x01 in a value', 'X-A: b\x01c\r\n'),
        lines('DEL in a value', 'X-A: b\x7fc\r\n'),
      ],
    },
    {
      row: 'bytes 0x80 to 0xFF in a value: forwarded unchanged',
      cases: [
        lines(
          'UTF-8 and 0xFF',
          'X-A: caf\xc3\xa9 \xff\r\n',
          forwarded({ asked: 'GET /f', has: { 'X-A': 'caf\xc3\xa9 \xff' } }),
        ),
      ],
    },
    {
      row: 'CRLF before the request line: up to two ignored',
      cases: [
        { name: 'two', sends: `\r\n\r\n${get}`, expected: forwarded({ asked: 'GET /next' }) },
        { name: 'three', sends: `\r\n\r\n\r\n${get}`, expected: refused(400) },
      ],
    },
    {
      row: 'methods: any token is forwarded, its case kept; CONNECT and TRACE: 405',
      cases: [
        start('get /f HTTP/1.1', forwarded({ asked: 'get /f' })),
        start('PURGE /f HTTP/1.1', forwarded({ asked: 'PURGE /f' })),
        start('M-SEARCH /f HTTP/1.1', forwarded({ asked: 'M-SEARCH /f' })),
        start('CONNECT app.test:443 HTTP/1.1', answered(405)),
        start('TRACE /f HTTP/1.1', answered(405)),
      ],
    },
    {
      row: 'request line: exactly one SP between its parts: 400',
      cases: ['GET  /f HTTP/1.1', 'GET /f  HTTP/1.1', 'GET /f HTTP/1.1 ', 'GET\t/f HTTP/1.1', 'GET /a b HTTP/1.1'].map(
        (line) => start(line, answered(400)),
      ),
    },
    {
      row: 'versions: none or malformed 400, another one 505; close',
      cases: [
        { name: 'HTTP/0.9', sends: 'GET /f\r\n', expected: refused(400) },
        start('GET /f HTTP/11', refused(400)),
        start('GET /f http/1.1', refused(400)),
        start('GET /f HTTP/1.2', refused(505)),
        start('GET /f HTTP/2.0', refused(505)),
        start('GET /f HTTP/0.9', refused(505)),
      ],
    },
    {
      row: 'Host: one, and `uri-host [":" port]`; else 400',
      cases: [
        hosts('none'),
        hosts('two equal', 'app.test', 'app.test'),
        hosts('two different', 'app.test', 'evil.test'),
        ...['a b', 'app.test/x', 'me@app.test', 'a,b', 'app.test:x', '[::1'].map((value) => hosts(value, value)),
      ],
    },
    {
      row: 'empty Host on 1.1: allowed with origin-form',
      cases: [{ ...hosts('empty', ''), expected: forwarded({ asked: 'GET /f' }) }],
    },
    {
      row: 'absolute-form: Host is rewritten to its authority, forwarded in origin-form; other schemes 400',
      cases: [
        {
          name: 'http://real.test/f?q beside another Host',
          sends: request('GET http://real.test/f?q'),
          expected: forwarded({ asked: 'GET /f?q', has: { Host: 'real.test' } }),
        },
        target('ftp://app.test/', 'ftp://app.test/'),
      ],
    },
    {
      row: 'targets with fragment, control, non-ASCII, `%00`: 400',
      cases: [
        target('fragment', '/a#b'),
        target('0x01', '/a\x01b'),
        target('DEL', '/a\x7fb'),
        target('raw UTF-8', '/caf\xc3\xa9'),
        target('%00', '/a%00b'),
        target('no path', 'a/b'),
      ],
    },
    {
      row: 'dot segments, `//`, backslash, where no route is changed by them: forwarded as sent',
      cases: ['/a/../b', '/a/%2e%2e/b', '//evil.test/x', '/a\\b', '/a%2Fb?c=%zz'].map(asSent),
    },
    {
      row: '`OPTIONS *`: 200 without Allow, or forwarded as `*`',
      cases: [
        {
          name: 'OPTIONS *',
          sends: request('OPTIONS *'),
          expected: { kind: 'either', of: [answered(200), forwarded({ asked: 'OPTIONS *' })] },
        },
      ],
    },
    {
      row: 'limits: target over 8 KiB 414; head over 16 KiB 431; more than 128 fields 431; close',
      cases: [
        { ...target('target of 8,193 bytes', `/${'a'.repeat(8192)}`), expected: refused(414) },
        lines('head of 20 KB in one field', `X: ${'y'.repeat(20_000)}\r\n`, refused(431)),
        lines('130 fields', 'X: y\r\n'.repeat(129), refused(431)),
        lines('1,100 fields', 'X: y\r\n'.repeat(1099), refused(431)),
      ],
    },
    {
      row: 'a head that takes longer than 10 s: 408, close',
      cases: [
        {
          name: 'half a head, then nothing for 12 s',
          sends: 'GET /f HTTP/1.1\r\nHost: app',
          expected: refused(408),
          patienceMs: 12_000,
        },
      ],
    },
  ],
};
