/** Field lines of requests: what is not in the grammar is refused, and the rest goes on as sent. */
import t from 'tap';
import { forwarded } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type ForwardRow, type RefusalRow, testForwards, testRefusals } from './stage/tables.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});

/** A request with these bytes after its Host line. */
const after = (fields: string) => `GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
/** A request with these bytes before its Host line. */
const before = (fields: string) => `GET / HTTP/1.1\r\n${fields}Host: app.test\r\n\r\n`;

const BAD_NAME_CHARACTERS = [
  '"',
  '(',
  ')',
  ',',
  '/',
  ';',
  '<',
  '=',
  '>',
  '?',
  '@',
  '[',
  '\\',
  ']',
  '{',
  '}',
  '\x80',
  '\xff',
];
const CONTROLS = ['\0', '\x01', '\x08', '\x0b', '\x0c', '\x0e', '\x1b', '\x1f', '\x7f'];
const named = (character: string) => `0x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

const rows: RefusalRow[] = [
  ['a space before the colon is refused', after('X-A : b\r\n'), 400, 'space-before-colon'],
  ['a tab before the colon is refused', after('X-A\t: b\r\n'), 400, 'space-before-colon'],
  ['a space inside a name is refused', after('X A: b\r\n'), 400, 'space-before-colon'],
  ['an empty name is refused', after(': b\r\n'), 400, 'field-name-malformed'],
  ['a line without colon is refused', after('X-A\r\n'), 400, 'field-without-colon'],
  ['a line of words without colon is refused', after('X-A b\r\n'), 400, 'field-without-colon'],
  ['white space before the first field is refused', before(' X-A: b\r\n'), 400, 'space-before-field'],
  ['a tab before the first field is refused', before('\tX-A: b\r\n'), 400, 'space-before-field'],
  ['a line of white space alone is refused', after(' \r\n'), 400, 'obs-fold'],
  ['a field folded with a space is refused', after('X-A: b\r\n c\r\n'), 400, 'obs-fold'],
  ['a field folded with a tab is refused', after('X-A: b\r\n\tc\r\n'), 400, 'obs-fold'],
  ['a folded Host is refused', 'GET / HTTP/1.1\r\nHost:\r\n app.test\r\n\r\n', 400, 'obs-fold'],
  ['an LF alone as the end of a field is refused', after('X-A: b\nX-C: d\r\n'), 400, 'bare-line-feed'],
  [
    'an LF alone as the end of the request line is refused',
    'GET / HTTP/1.1\nHost: app.test\r\n\r\n',
    400,
    'bare-line-feed',
  ],
  ['a CR alone inside a value is refused', after('X-A: b\rc\r\n'), 400, 'bare-carriage-return'],
  ['a CR alone before a line end is refused', after('X-A: b\r\r\n'), 400, 'bare-carriage-return'],
  ['a CR alone inside a name is refused', after('X\rA: b\r\n'), 400, 'bare-carriage-return'],
  [
    'a CR alone as the end of the request line is refused',
    'GET / HTTP/1.1\rHost: app.test\r\n\r\n',
    400,
    'bare-carriage-return',
  ],
  ...BAD_NAME_CHARACTERS.map(
    (character): RefusalRow => [
      `a name with ${named(character)} is refused`,
      after(`X${character}A: b\r\n`),
      400,
      'field-name-malformed',
    ],
  ),
  ...CONTROLS.map(
    (character): RefusalRow => [
      `a value with ${named(character)} is refused`,
      after(`X-A: b${character}c\r\n`),
      400,
      'field-value-control',
    ],
  ),
  ['a name with NUL is refused', after('X\0A: b\r\n'), 400, 'field-name-malformed'],
  ['an unknown expectation is answered with 417', after('Expect: a-miracle\r\n'), 417, 'expectation-unknown'],
  [
    'an unknown expectation beside a known one is answered with 417',
    after('Expect: 100-continue, x\r\n'),
    417,
    'expectation-unknown',
  ],
];
testRefusals(t, () => rig, rows);

const kept = (title: string, lines: string): ForwardRow => [title, after(lines), forwarded({ lines })];
testForwards(t, () => rig, [
  kept('the order and the case of fields stay as sent', 'X-b: 1\r\nx-A: 2\r\nACCEPT: */*\r\nx-a: 3\r\n'),
  kept('the spacing of values stays as sent', 'X-A:b\r\nX-B:  c  \r\nX-C:\t\td\t\r\n'),
  kept('empty values stay as sent', 'X-A:\r\nX-B: \r\n'),
  kept('the bytes 0x80 to 0xFF of a value stay as sent', 'X-A: caf\xc3\xa9 \x80\xa0\xff\r\n'),
  kept('a tab inside a value stays as sent', 'X-A: b\tc\r\n'),
  kept('names with an underscore are forwarded', 'X_A: b\r\n_: c\r\n'),
  kept('every character of a token may stand in a name', "!#$%&'*+-.^_`|~09azAZ: b\r\n"),
  kept('several cookies stay several', 'Cookie: a=b\r\nCookie: c=d\r\n'),
  kept('colons and commas in a value mean nothing', 'X-A: :b: c,,d\r\n'),
  ['fields before Host stay in their order after it', before('X-A: b\r\n'), forwarded({ lines: 'X-A: b\r\n' })],
]);

t.test('a request id and a trace of the client go on; without them there are new ones', async (t) => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await rig.ask(after(`X-Request-Id: mine\r\ntraceparent: ${trace}\r\n`));
  t.match(rig.upstream.take(), [`\r\nX-Request-Id: mine\r\ntraceparent: ${trace}\r\n\r\n`]);
  await rig.ask(after('X-Request-Id: not one\r\ntraceparent: x\r\n'));
  t.match(rig.upstream.take(), [
    /\r\nX-Request-Id: [0-9a-f]{32}\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n\r\n$/,
  ]);
});

t.test('a refusal is counted, apart from what endpoints answered', async (t) => {
  const before = rig.refusals();
  await rig.untilEnd(after('X-A : b\r\n'));
  await rig.settled();
  t.equal(rig.refusals(), before + 1);
});
