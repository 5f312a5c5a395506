/** The way in: the check of Node, the verbs and their help, suggestions, exit codes of wrong usage. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap from 'tap';
import { start, tidegate } from './tidegate.ts';

const BIN = fileURLToPath(new URL('../../../bin/tidegate.js', import.meta.url));

/** Makes a process believe that it is another Node. */
const pretend = (version: string) =>
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;

/** A package with its own copy of the door, and whatever files a test puts beside it. */
function packageWith(t: Pick<typeof tap, 'testdir'>, files: Parameters<typeof tap.testdir>[0]): string {
  const folder = t.testdir({ 'package.json': '{"type":"module","version":"9.9.9"}', ...(files as object) });
  mkdirSync(join(folder, 'bin'));
  cpSync(BIN, join(folder, 'bin/tidegate.js'));
  return folder;
}

function enter(folder: string, nodeArgs: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, join(folder, 'bin/tidegate.js')], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const program = (name: string) => `export function start() { console.log(${JSON.stringify(name)}); }\n`;

tap.test('a Node that is too old gets one sentence and exit code 2', async (t) => {
  const { status, stdout, stderr } = enter(packageWith(t, {}), ['--import', pretend('20.19.0')]);
  t.same([status, stdout], [2, '']);
  t.equal(
    stderr,
    'Tidegate needs Node 24 or newer and was started with Node 20.19.0: in a checkout, `npm ci` brings the right one and npm scripts find it first; elsewhere install Node 24 LTS or newer from https://nodejs.org.\n',
  );
});

tap.test('a checkout that has the right Node says that npm scripts use it', async (t) => {
  const modules = { '.bin': { node: '' }, node: { 'package.json': '{"version":"26.1.0"}' } };
  const { status, stderr } = enter(packageWith(t, { node_modules: modules }), ['--import', pretend('22.1.0')]);
  t.equal(status, 2);
  t.match(
    stderr,
    /^Tidegate needs Node 24 .* this checkout has Node 26\.1\.0, which `npm start` and `npm run demo` find/,
  );
});

tap.test('a checkout whose own Node is too old too is told to get another', async (t) => {
  const modules = { '.bin': { node: '' }, node: { 'package.json': '{"version":"18.0.0"}' } };
  const { stderr } = enter(packageWith(t, { node_modules: modules }), ['--import', pretend('22.1.0')]);
  t.match(stderr, 'in a checkout, `npm ci` brings the right one');
});

tap.test('the sources run where they are, and dist where they are not', async (t) => {
  const both = packageWith(t, { src: { 'main.ts': program('src') }, dist: { 'main.js': program('dist') } });
  t.same(enter(both), { status: 0, stdout: 'src\n', stderr: '' });
});

tap.test('a package without sources runs dist', async (t) => {
  const folder = packageWith(t, { dist: { 'main.js': program('dist') } });
  t.same(enter(folder), { status: 0, stdout: 'dist\n', stderr: '' });
});

tap.test('a package with neither says so', async (t) => {
  const { status, stderr } = enter(packageWith(t, {}));
  t.equal(status, 2);
  t.match(stderr, 'neither src/ nor dist/');
});

tap.test('only the warning about SQLite is kept silent', async (t) => {
  const folder = packageWith(t, { src: {} });
  writeFileSync(
    join(folder, 'src/main.ts'),
    `export function start() {
      process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
      process.emitWarning('Something else is an experimental feature', 'ExperimentalWarning');
      process.emitWarning('SQLite is an experimental feature, said by somebody else');
    }\n`,
  );
  // tap's own runner silences the warnings of its children.
  const { stderr } = enter(folder, ['--warnings']);
  t.notMatch(stderr, 'might change');
  t.match(stderr, 'Something else');
  t.match(stderr, 'said by somebody else');
});

/** Starts what is in the folder, with these variables and none that chooses a cache. */
function enterWith(folder: string, env: Readonly<Record<string, string>> = {}) {
  const bin = join(folder, 'bin/tidegate.js');
  const { stdout, stderr } = spawnSync(process.execPath, [bin], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  return { stdout, stderr };
}

const WORKER = `new Worker("setTimeout(() => console.log(require('module').getCompileCacheDir()))", { eval: true })`;
const ASKING = {
  src: {
    'main.ts': `import module from 'module'; import { Worker } from 'worker_threads'; import './other.ts';
      export function start() { console.log(module.getCompileCacheDir()); ${WORKER}; }`,
    'other.ts': 'export const other: number = 1;',
  },
};

tap.test('what Node compiles is kept beside the program, for threads too, or where the environment says', async (t) => {
  const folder = packageWith(t, ASKING);
  const cache = join(folder, '.cache');
  const asked = enterWith(folder);
  const [main, thread] = asked.stdout.trim().split('\n');
  t.equal(asked.stderr, '');
  t.ok(main!.startsWith(cache), asked.stdout);
  t.equal(thread, main);
  t.ok(readdirSync(main!).length > 0, 'and written');
  const elsewhere = join(folder, 'elsewhere');
  t.match(enterWith(folder, { NODE_COMPILE_CACHE: elsewhere }).stdout, elsewhere);
  t.same(enterWith(folder, { NODE_DISABLE_COMPILE_CACHE: '1' }), { stdout: 'undefined\nundefined\n', stderr: '' });
});

tap.test('where nothing can be kept, nothing is, and nothing is said', async (t) => {
  const folder = packageWith(t, { ...ASKING, '.cache': 'in the way' });
  t.same(enterWith(folder), { stdout: 'undefined\nundefined\n', stderr: '' });
});

tap.test('--version names the version of the package', async (t) => {
  const { code, out } = await tidegate(['--version']);
  t.equal(code, 0);
  t.match(out, /^tidegate \d+\.\d+\.\d+\n$/);
});

tap.test(
  'without a verb the overview goes to standard error with exit code 2, with --help to standard output',
  async (t) => {
    const none = await tidegate([]);
    t.same([none.code, none.out], [2, '']);
    const help = await tidegate(['--help']);
    t.same([help.code, help.err], [0, '']);
    t.equal(help.out, none.err);
    for (const verb of [
      'run',
      'validate',
      'status',
      'traffic',
      'flip',
      'rollback',
      'freeze',
      'receipt',
      'reload',
      'events',
      'demo',
    ]) {
      t.match(help.out, new RegExp(`^  ${verb} `, 'm'));
    }
  },
);

tap.test('every verb has help that names its options', async (t) => {
  const options: Readonly<Record<string, readonly string[]>> = {
    run: ['--config FILE'],
    validate: ['[FILE]'],
    status: ['--watch', '[SERVICE]'],
    traffic: ['POOL=WEIGHT', '--reason TEXT', '--if-epoch N', '--wait'],
    flip: ['--to POOL', '--no-verify', '--reason TEXT', '--if-epoch N', '--wait'],
    rollback: ['--reason TEXT', '--if-epoch N', '--wait'],
    freeze: ['--reason TEXT', '--until TIME', '--end'],
    receipt: ['SERVICE EPOCH'],
    reload: [],
    events: ['--since ID', '--follow'],
  };
  for (const [verb, own] of Object.entries(options)) {
    const { code, out, err } = await tidegate([verb, '--help']);
    t.same([code, err], [0, ''], verb);
    for (const option of [...own, '--admin URL', '--token TOKEN', '--json', '--help']) t.match(out, option);
    for (const line of out.split('\n')) if (line.length > 100) t.fail(`a line of ${line.length} columns: ${line}`);
    if (verb === 'flip') t.equal((await tidegate(['help', verb])).out, out);
  }
});

tap.test('wrong usage exits with 2 and suggests what may have been meant', async (t) => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['statsu'], 'there is no verb "statsu", did you mean `tidegate status`?'],
    [['xyzzy'], '`tidegate --help` lists the verbs'],
    [['toString'], 'there is no verb "toString"'],
    [['--json', 'status'], 'the verb comes first'],
    [['status', '--wacth'], 'there is no option --wacth, did you mean --watch?'],
    [['status', 'a', 'b'], 'more words than it takes'],
    [['traffic', 'shop'], 'something is missing'],
    [['traffic', 'shop', 'blue'], '"blue" is not POOL=WEIGHT'],
    [['flip', 'shop', '--if-epoch', 'x'], '--if-epoch needs the number of an epoch'],
    [['receipt', 'shop', 'last'], 'EPOCH has to be a number'],
    [['events', '--since', 'yesterday'], '--since needs the id of an event'],
    [['status', '--admin', 'ftp://x'], 'is no URL such as'],
    [['status', '--admin', 'http://me:hunter2@127.0.0.1:1'], 'must not hold a user or password'],
    [['status', '--token', 'hunter2\n'], 'the token has characters that cannot be sent'],
  ];
  for (const [args, wrong] of cases) {
    const { code, out, err } = await tidegate(args);
    t.same([code, out], [2, ''], args.join(' '));
    t.match(err, wrong);
    t.notMatch(err, 'hunter2');
  }
});

tap.test('the proxy is not loaded by a verb that only asks', async (t) => {
  const list = `data:text/javascript,import{registerHooks}from'node:module';registerHooks({load(url,c,n){if(url.includes('/src/'))process.stderr.write(url+'%5Cn');return n(url,c)}})`;
  const { err } = await start(['status', '--help'], {}, ['--import', list]).done;
  t.match(err, '/src/cli/status.ts');
  t.notMatch(err, /\/src\/(?:proxy|control|admin|routing|stats|http1)\//);
  t.notMatch(err, '/src/config/parse.ts');
});
