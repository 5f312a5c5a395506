/** Drawing in place: what is written to the terminal, exactly. */

import t from 'tap';
import { LiveScreen } from '../../../src/cli/live-screen.ts';

const screen = { columns: 10, rows: 6 };

t.test(
  'the first frame hides the cursor, the next goes up by as many lines as stand there, the end restores',
  async (t) => {
    const live = new LiveScreen();
    t.equal(live.frame('one\ntwo\n', screen), '\x1b[?25lone\x1b[K\ntwo\x1b[K\n\x1b[J');
    t.equal(live.frame('three\n', screen), '\x1b[2A\rthree\x1b[K\n\x1b[J');
    t.equal(live.frame('four\n', screen), '\x1b[1A\rfour\x1b[K\n\x1b[J');
    t.equal(live.end(), '\x1b[?25h');
    t.equal(live.end(), '', 'once');
  },
);

t.test('lines that a narrower terminal has wrapped are counted, colours are not', async (t) => {
  const live = new LiveScreen();
  live.frame('\x1b[31m0123456789\x1b[0m\n\n', screen);
  t.equal(live.frame('x\n', { columns: 4, rows: 6 }), '\x1b[4A\rx\x1b[K\n\x1b[J');
});

t.test('a frame is never taller than the terminal', async (t) => {
  const live = new LiveScreen();
  const text = live.frame('1\n2\n3\n4\n5\n6\n7\n', screen);
  t.match(text, '4\x1b[K\n(3 more lines)\x1b[K\n');
  t.notMatch(text, '5\x1b[K');
  t.match(live.frame('x', screen), /^\x1b\[5A\r/);
});

t.test('nothing drawn, nothing to restore', async (t) => {
  t.equal(new LiveScreen().end(), '');
});
