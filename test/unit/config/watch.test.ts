/** Every way of saving a file ends in exactly one text, and nothing that is half there is taken for a text. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { appendFile, chmod, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { wayTo } from '../../../src/config/links.ts';
import { type ConfigWatch, type WatchEvents, watchConfig } from '../../../src/config/watch.ts';

type Given = Pick<WatchEvents, 'known' | 'nothingStillMs'>;

/** Longer than any save takes, however busy the machine is. */
const LONG_MS = 60_000;

/** What a watch told, in order, and a way to wait for the next. */
class Told {
  readonly all: string[] = [];
  readonly watch: ConfigWatch;
  #read = 0;
  #next: (() => void) | undefined;

  constructor(path: string, given: Given = {}) {
    const tell = (text: string): void => {
      this.all.push(text);
      this.#next?.();
    };
    this.watch = watchConfig(path, { onSettled: tell, onError: (message) => tell(`error: ${message}`), ...given });
  }

  /** The next thing that is told; waits for it. */
  async next(): Promise<string> {
    while (this.all.length === this.#read) {
      await new Promise<void>((resolve) => {
        this.#next = resolve;
      });
    }
    this.#read += 1;
    return this.all[this.#read - 1]!;
  }
}

async function watching(t: Test, path: string, given?: Given): Promise<Told> {
  const told = new Told(path, given);
  t.teardown(() => told.watch.close());
  await told.watch.ready;
  return told;
}

t.test('a file that is written in place', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path, { nothingStillMs: LONG_MS });
  await writeFile(path, 'a: 1\n');
  t.equal(await told.next(), 'a: 1\n');
  await appendFile(path, 'b: 1\n');
  t.equal(await told.next(), 'a: 1\nb: 1\n');
  t.equal(told.all.length, 2);
});

t.test('a file that another is renamed over, again and again', async (t) => {
  const directory = t.testdir({ 'a.yaml': 'a: 0\n' });
  const path = join(directory, 'a.yaml');
  const told = await watching(t, path);
  for (let round = 1; round <= 4; round += 1) {
    await writeFile(join(directory, 'a.yaml.tmp'), `a: ${round}\n`);
    await rename(join(directory, 'a.yaml.tmp'), path);
    t.equal(await told.next(), `a: ${round}\n`);
  }
  await writeFile(path, 'in place after all\n');
  t.equal(await told.next(), 'in place after all\n');
});

t.test('a file that vim saves: the old one moved away, a new one written, the old one deleted', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path, { nothingStillMs: LONG_MS });
  for (const text of ['a: 1\n', 'a: 2\n']) {
    await rename(path, `${path}~`);
    await writeFile(path, text);
    await unlink(`${path}~`);
    t.equal(await told.next(), text);
  }
  t.same(told.all, ['a: 1\n', 'a: 2\n'], 'the moment without a file is not told');
});

t.test('a mounted ConfigMap: the ..data link is swapped, and the directory before is removed', async (t) => {
  const mount = t.testdir({ '..v0': { 'a.yaml': 'a: 0\n' } });
  await symlink('..v0', join(mount, '..data'));
  await symlink('..data/a.yaml', join(mount, 'a.yaml'));
  const told = await watching(t, join(mount, 'a.yaml'));
  for (let round = 1; round <= 4; round += 1) {
    await mkdir(join(mount, `..v${round}`));
    await writeFile(join(mount, `..v${round}`, 'a.yaml'), `a: ${round}\n`);
    await symlink(`..v${round}`, join(mount, '..data_tmp'));
    await rename(join(mount, '..data_tmp'), join(mount, '..data'));
    await rm(join(mount, `..v${round - 1}`), { recursive: true });
    t.equal(await told.next(), `a: ${round}\n`);
  }
  await writeFile(join(mount, '..v4', 'a.yaml'), 'behind the links\n');
  t.equal(await told.next(), 'behind the links\n');
});

t.test('a link in the middle of the path is swapped', async (t) => {
  const root = t.testdir({ one: { etc: { 'a.yaml': 'a: 1\n' } }, two: { etc: { 'a.yaml': 'a: 2\n' } } });
  await symlink('one', join(root, 'current'));
  const told = await watching(t, join(root, 'current', 'etc', 'a.yaml'));
  await symlink('two', join(root, 'next'));
  await rename(join(root, 'next'), join(root, 'current'));
  t.equal(await told.next(), 'a: 2\n');
});

t.test('a file that is removed is told once, and its return with another text too', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path);
  await unlink(path);
  t.equal(await told.next(), 'error: there is no such file');
  await told.watch.check();
  await writeFile(path, 'a: 1\n');
  t.equal(await told.next(), 'a: 1\n');
  t.equal(told.all.length, 2);
});

t.test('the directory is replaced by another one of the same name', async (t) => {
  const root = t.testdir({ etc: { 'a.yaml': 'a: 0\n' }, other: { 'a.yaml': 'a: 1\n' } });
  const told = await watching(t, join(root, 'etc', 'a.yaml'));
  await rename(join(root, 'etc'), join(root, 'before'));
  t.equal(await told.next(), 'error: there is no such file');
  await rename(join(root, 'other'), join(root, 'etc'));
  t.equal(await told.next(), 'a: 1\n');
  await writeFile(join(root, 'etc', 'a.yaml'), 'a: 2\n');
  t.equal(await told.next(), 'a: 2\n');
});

t.test('an editor that truncates first: the empty file is not told', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path, { nothingStillMs: LONG_MS });
  const expected: string[] = [];
  for (let round = 1; round <= 10; round += 1) {
    await writeFile(path, '');
    // Work of the disk, and no clock, gives the watch its turns while the file is empty.
    for (let turn = 0; turn < 20; turn += 1) await wayTo(path);
    await writeFile(path, `a: ${round}\n`);
    expected.push(`a: ${round}\n`);
    t.equal(await told.next(), `a: ${round}\n`);
  }
  t.same(told.all, expected);
});

t.test('a text that is still being written is not told in parts', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path);
  let whole = '';
  const file = openSync(path, 'w');
  // The watch reads on another thread while this one writes, and sees what there is.
  const checked = told.watch.check();
  for (let line = 0; line < 2000; line += 1) {
    const text = `key${line}: ${'x'.repeat(200)}\n`;
    whole += text;
    writeSync(file, text);
  }
  closeSync(file);
  t.equal(await told.next(), whole);
  await checked;
  t.equal(told.all.length, 1);
});

t.test('the same text twice is told once, however it is saved', async (t) => {
  const directory = t.testdir({ 'a.yaml': 'a: 0\n' });
  const path = join(directory, 'a.yaml');
  const told = await watching(t, path);
  await writeFile(path, 'a: 0\n');
  await told.watch.check();
  await writeFile(join(directory, 'new'), 'a: 0\n');
  await rename(join(directory, 'new'), path);
  await told.watch.check();
  t.same(told.all, []);
  await writeFile(path, 'a: 1\n');
  await told.watch.check();
  await told.watch.check();
  t.same(told.all, ['a: 1\n']);
});

t.test('many saves in a row are told in their order, and the last one always', async (t) => {
  const path = join(t.testdir({ 'a.yaml': '0\n' }), 'a.yaml');
  const told = await watching(t, path, { nothingStillMs: LONG_MS });
  const last = 60;
  for (let round = 1; round <= last; round += 1) await writeFile(path, `${round}\n`);
  while ((await told.next()) !== `${last}\n`);
  const numbers = told.all.map(Number);
  t.same(
    numbers,
    numbers.toSorted((left, right) => left - right),
  );
});

t.test('a text that was saved before the watch began is told when it is not the known one', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 1\n' }), 'a.yaml');
  const told = await watching(t, path, { known: 'a: 0\n' });
  t.equal(await told.next(), 'a: 1\n');
});

t.test('a file that does not exist yet is an error once, and is told when it comes', async (t) => {
  const path = join(t.testdir({}), 'later', 'a.yaml');
  const told = await watching(t, path);
  t.equal(await told.next(), 'error: there is no such file');
  await mkdir(join(path, '..'));
  await writeFile(path, 'a: 1\n');
  t.equal(await told.next(), 'a: 1\n');
});

t.test(
  'a file that may not be read is an error once',
  { skip: process.getuid?.() === 0 && 'root may read everything' },
  async (t) => {
    const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
    const told = await watching(t, path);
    await chmod(path, 0);
    await told.watch.check();
    await told.watch.check();
    t.same(told.all, ['error: this process may not read the file']);
    await chmod(path, 0o600);
    await writeFile(path, 'a: 1\n');
    await told.watch.check();
    t.equal(told.all.at(-1), 'a: 1\n');
  },
);

t.test('a directory in the place of the file is an error and no crash', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path);
  await unlink(path);
  await mkdir(path);
  t.match(await told.next(), /^error: /);
  await rm(path, { recursive: true });
  await writeFile(path, 'a: 1\n');
  while ((await told.next()) !== 'a: 1\n');
});

t.test('bytes that are no UTF-8 arrive as replacement characters, which the parser refuses', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const told = await watching(t, path);
  await writeFile(path, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0x0a]));
  t.equal(await told.next(), 'a: \ufffd\n');
});

t.test('after it is closed nothing is told, and closing twice is harmless', async (t) => {
  const path = join(t.testdir({ 'a.yaml': 'a: 0\n' }), 'a.yaml');
  const closed = new Told(path);
  await closed.watch.ready;
  await writeFile(path, 'a: 1\n');
  await closed.watch.close();
  await closed.watch.close();
  const count = closed.all.length;
  const other = await watching(t, path);
  await writeFile(path, 'a: 2\n');
  await other.next();
  t.equal(closed.all.length, count);
});

t.test('the way of a path has every directory with a link, and ends where nothing is', async (t) => {
  const root = t.testdir({ real: { 'a.yaml': '' } });
  await symlink('real', join(root, 'link'));
  await symlink('loop', join(root, 'loop'));
  const way = await wayTo(join(root, 'link', 'a.yaml'));
  t.same(
    new Set([...way.directories].filter((directory) => directory.startsWith(root))),
    new Set([root, join(root, 'real')]),
  );
  t.ok(way.entries.has(join(root, 'link')) && way.entries.has(join(root, 'real', 'a.yaml')));
  const missing = await wayTo(join(root, 'no', 'such', 'file'));
  t.ok(missing.directories.has(root) && missing.entries.has(join(root, 'no')));
  const loop = await wayTo(join(root, 'loop', 'a.yaml'));
  t.ok(loop.directories.has(root), 'a link to itself ends the way');
});
