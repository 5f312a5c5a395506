/** Reading the words after a verb, weights, streams of events, and what a terminal can show. */

import t from 'tap';
import { type Command, readCommand, type VerbSpec } from '../../../src/cli/command.ts';
import { EventStreamReader } from '../../../src/cli/event-stream.ts';
import { type CliIo, hasUnicode, wantsColour } from '../../../src/cli/io.ts';
import { readWeights } from '../../../src/cli/traffic.ts';

const SPEC: VerbSpec = {
  name: 'move',
  usage: 'WHAT [--to POOL] [--fast]',
  about: 'Moves it.',
  words: { least: 1, most: 2 },
  options: { to: { value: 'POOL', help: 'where to' }, fast: { help: 'at once' } },
};

function read(...args: string[]): { answer: Command | number; out: string; err: string } {
  let [out, err] = ['', ''];
  const io: CliIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    isTerminal: false,
    screen: () => ({ columns: 80, rows: 24, colour: false, unicode: true }),
    onResize: () => () => {},
    interrupted: () => new AbortController().signal,
  };
  const answer = readCommand(SPEC, args, io);
  return { answer, out, err };
}

t.test('words and options may come in any order, and the last value counts', async (t) => {
  const { answer } = read('--to', 'blue', 'shop', '--fast', '--to=green');
  t.type(answer, 'object');
  const command = answer as Command;
  t.same(command.words, ['shop']);
  t.equal(command.value('to'), 'green');
  t.equal(command.has('fast'), true);
  t.equal(command.has('json'), false);
  t.equal(command.value('admin'), undefined);
});

t.test('after -- everything is a word, and an empty value is none', async (t) => {
  const command = read('--token=', '--', '--fast').answer as Command;
  t.same(command.words, ['--fast']);
  t.equal(command.value('token'), undefined);
});

t.test('what is wrong is said with the usage, and the exit code is 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /something is missing/],
    [['a', 'b', 'c'], /more words than it takes/],
    [['a', '--fsat'], /no option --fsat, did you mean --fast\?/],
    [['a', '--zzzzzz'], /no option --zzzzzz\n/],
    [['a', '-x'], /no option -x/],
    [['a', '--constructor'], /no option --constructor/],
    [['a', '--to'], /--to needs a value: --to=POOL/],
    [['a', '--to', '--fast'], /--to needs a value/],
    [['a', '--fast=yes'], /--fast takes no value/],
    [['a', '--no-fast'], /no option --no-fast/],
  ];
  for (const [args, wrong] of cases) {
    const { answer, out, err } = read(...args);
    t.equal(answer, 2, args.join(' '));
    t.match(err, wrong);
    t.match(err, 'usage: tidegate move WHAT [--to POOL] [--fast]');
    t.equal(out, '');
  }
});

t.test('a value is never repeated in a message: it may be a token that was put behind a misspelt option', async (t) => {
  for (const args of [
    ['a', '--tokn', 'hunter2', 'b'],
    ['a', '--tokn=hunter2'],
    ['a', '--json=hunter2'],
    ['--token=hunter2'],
  ]) {
    const { answer, out, err } = read(...args);
    t.equal(answer, 2);
    t.notMatch(out + err, 'hunter2');
  }
});

t.test('help goes to standard output and names every option, also when something else is missing', async (t) => {
  for (const flag of ['--help', '-h']) {
    const { answer, out, err } = read(flag);
    t.equal(answer, 0);
    for (const option of ['--to POOL', '--fast', '--admin URL', '--token TOKEN', '--json', '--help'])
      t.match(out, option);
    t.equal(err, '');
  }
});

t.test('weights are read as numbers, with or without a percent sign', async (t) => {
  t.same(readWeights(['blue=90', 'green=10%', 'red=.5', 'x=0']), { blue: 90, green: 10, red: 0.5, x: 0 });
  t.same(Object.keys(readWeights(['__proto__=5'])), ['__proto__'], 'a pool of any name is only a key');
  for (const bad of [
    'blue',
    'blue=',
    '=5',
    'blue=-1',
    'blue=1e3',
    'blue=NaN',
    'blue=Infinity',
    'blue==5',
    'blue=5%%',
  ]) {
    t.match(readWeights([bad]), /is not POOL=WEIGHT/, bad);
  }
  t.match(readWeights(['blue=1', 'blue=2']), /named twice/);
});

t.test('an event stream gives the same messages however its text is cut', async (t) => {
  const text = ':\n\nid: 1\ndata: {"a":1}\n\ndata: x\r\ndata:y\r\n\r\n: note\ndata\n\nid: 9\n\n';
  const expected = ['{"a":1}', 'x\ny', ''];
  for (let size = 1; size <= text.length; size += 1) {
    const reader = new EventStreamReader();
    const messages: string[] = [];
    for (let at = 0; at < text.length; at += size) messages.push(...reader.push(text.slice(at, at + size))!);
    t.same(messages, expected, `pieces of ${size}`);
  }
});

t.test('an event stream without end of line is given up before it fills the memory', async (t) => {
  const reader = new EventStreamReader();
  const piece = 'x'.repeat(100_000);
  let pushes = 0;
  while (reader.push(piece) !== undefined && pushes < 100) pushes += 1;
  t.ok(pushes < 12, `${pushes} pieces`);
  const lines = new EventStreamReader();
  pushes = 0;
  while (lines.push(`data: ${piece}\n`) !== undefined && pushes < 100) pushes += 1;
  t.ok(pushes < 12, `${pushes} lines`);
});

t.test('colours: FORCE_COLOR decides, then NO_COLOR, then the terminal', async (t) => {
  t.equal(wantsColour({}, true), true);
  t.equal(wantsColour({}, false), false);
  t.equal(wantsColour({ NO_COLOR: '1' }, true), false);
  t.equal(wantsColour({ NO_COLOR: '' }, true), true);
  t.equal(wantsColour({ FORCE_COLOR: '1', NO_COLOR: '1' }, false), true);
  t.equal(wantsColour({ FORCE_COLOR: '0' }, true), false);
});

t.test('a locale that is not UTF-8 gets ASCII; LC_ALL goes before LC_CTYPE before LANG', async (t) => {
  t.equal(hasUnicode({ LANG: 'de_DE.UTF-8' }, 'linux'), true);
  t.equal(hasUnicode({ LANG: 'en_US.utf8' }, 'linux'), true);
  t.equal(hasUnicode({ LANG: 'en_US.UTF-8', LC_ALL: 'C' }, 'linux'), false);
  t.equal(hasUnicode({ LANG: 'C', LC_CTYPE: 'C.UTF-8', LC_ALL: '' }, 'linux'), true);
  t.equal(hasUnicode({}, 'linux'), false);
  t.equal(hasUnicode({}, 'win32'), true);
});
