/** The runner of the tests itself: whatever becomes of a file, what is counted is what happened, and silence is no success. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const TAP = "import t from 'tap';";

function runOf(t: Test, files: Readonly<Record<string, string>>) {
  const folder = t.testdir(files);
  const paths = Object.keys(files).map((name) => join(folder, name));
  const { status, stdout } = spawnSync(process.execPath, ['test/run.ts', ...paths], { encoding: 'utf8' });
  return { status, stdout, last: stdout.trimEnd().split('\n').at(-1)! };
}

t.test('every assertion of every file is counted, on one line at the end', async (t) => {
  const nested = `${TAP} t.test('one', async (t) => { t.pass(); t.pass(); }); t.pass();`;
  t.match(runOf(t, { 'a.ts': nested, 'b.ts': `${TAP} t.pass();` }), { status: 0, last: '4 passed, 0 failed' });
});

t.test('a file that ends in any other way than well is a failure, and says what it said last', async (t) => {
  const ends: Readonly<Record<string, string>> = {
    'fails.ts': `${TAP} t.equal(1, 2, 'the sum'); t.pass();`,
    'throws.ts': "throw new Error('a mishap');",
    'killed.ts': `${TAP} t.pass(); process.kill(process.pid, 'SIGKILL');`,
    'silent.ts': '',
    'exits.ts': `${TAP} t.test('left', async (t) => { t.pass(); process.exit(0); });`,
    'late.ts': `${TAP} t.pass(); process.on('exit', () => { process.exitCode = 3; });`,
    'unplanned.ts': `${TAP} t.plan(2); t.pass();`,
  };
  const { status, stdout, last } = runOf(t, ends);
  t.equal(status, 1);
  for (const name of Object.keys(ends)) t.match(stdout, new RegExp(`^not ok \\S+/${name} `, 'm'), name);
  t.match(stdout, /not ok 1 - the sum/);
  t.match(stdout, /Error: a mishap/);
  const [, failed] = /^\d+ passed, (\d+) failed$/.exec(last)!;
  t.ok(Number(failed) >= Object.keys(ends).length, last);
});

t.test('a file that is not there is a failure too', async (t) => {
  t.match(runOf(t, { 'a.ts': `${TAP} t.pass();` }).status, 0);
  const { status, stdout } = spawnSync(process.execPath, ['test/run.ts', 'test/unit/none.test.ts'], {
    encoding: 'utf8',
  });
  t.match([status, stdout], [1, /0 passed, 1 failed\n$/]);
});
