/**
 * The published package: what `npm pack` makes of a checkout runs by itself, as plain JavaScript.
 *
 * The checkout is copied, so that no build lands in it. The tarball is unpacked where npm would put it instead of being
 * installed, because a test must not depend on a registry; the dependencies are those of the checkout.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { exchange } from './stage/exchange.ts';
import { withoutHook } from './stage/own-environment.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { Tidegate, temporaryDirectory } from './stage/tidegate.ts';
import { Upstream } from './stage/upstream.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const DEPENDENCIES = join(CHECKOUT, 'node_modules');
/** Everything that a checkout has and that the package is made of. */
const SOURCES = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'bin', 'src', 'config', 'LICENSE'];
const COMMAND_MS_MAX = 120_000;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const path = [join(DEPENDENCIES, '.bin'), process.env.PATH].join(delimiter);
  const options = { cwd, env: { HOME: process.env.HOME, PATH: path }, timeout: COMMAND_MS_MAX };
  return new Promise((resolve) => {
    execFile(...withoutHook(program, args), options, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
    });
  });
}

t.test('a packed tarball runs from node_modules', async (t) => {
  const directory = await temporaryDirectory(t);
  const [copy, project] = [join(directory, 'copy'), join(directory, 'project')];
  await mkdir(copy);
  await Promise.all(SOURCES.map((name) => cp(join(CHECKOUT, name), join(copy, name), { recursive: true })));
  await symlink(DEPENDENCIES, join(copy, 'node_modules'));
  const packed = await run('npm', ['pack', '--offline', '--loglevel=error', '--pack-destination', directory], copy);
  t.equal(packed.code, 0, `npm pack: ${packed.err}${packed.code === 0 ? '' : packed.out}`);
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'))!;

  const installed = join(project, 'node_modules', 'tidegate');
  await mkdir(join(project, 'node_modules', '.bin'), { recursive: true });
  await mkdir(installed);
  const unpacked = await run(
    'tar',
    ['-xzf', join(directory, tarball), '-C', installed, '--strip-components=1'],
    directory,
  );
  t.equal(unpacked.code, 0, unpacked.err);
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly bin: Readonly<Record<string, string>>;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  for (const name of Object.keys(manifest.dependencies)) {
    const place = join(project, 'node_modules', name);
    await mkdir(join(place, '..'), { recursive: true });
    await symlink(join(DEPENDENCIES, name), place);
  }
  // What npm does with `bin`.
  const program = join(installed, manifest.bin.tidegate!);
  await chmod(program, 0o755);
  await symlink(program, join(project, 'node_modules', '.bin', 'tidegate'));

  await t.test('it holds plain JavaScript with types, and no sources', async (t) => {
    const names = await readdir(installed, { recursive: true });
    t.ok(names.includes(join('dist', 'main.js')) && names.includes(join('dist', 'main.d.ts')));
    t.ok(names.includes(join('dist', 'proxy', 'thread.js')));
    t.same(
      names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')),
      [],
    );
    t.same(
      names.filter((name) => /^(?:src|test|bench|node_modules)\b/.test(name)),
      [],
    );
  });

  const npx = (...words: string[]): Promise<Outcome> =>
    run('npx', ['--offline', '--no', '--', 'tidegate', ...words], project);

  await t.test('npx tidegate --version says which one it is', async (t) => {
    const { code, out, err } = await npx('--version');
    t.equal(code, 0, err);
    t.match(out, manifest.version);
  });

  const upstream = await Upstream.start(t, 'v1');
  const file = join(project, 'tidegate.yaml');
  await writeFile(file, shopConfig({ pools: blueAndGreen(upstream.address, '127.0.0.1:9'), traffic: 'blue' }));

  await t.test('npx tidegate validate reads a good config, and refuses a bad one with its position', async (t) => {
    t.equal((await npx('validate', 'tidegate.yaml')).code, 0);
    await writeFile(join(project, 'bad.yaml'), 'listeners: 1\n');
    const { code, out, err } = await npx('validate', 'bad.yaml');
    t.equal(code, 1);
    t.match(out + err, /bad\.yaml:1:12: listeners/);
  });

  await t.test('tidegate run serves a request, with type stripping switched off', async (t) => {
    const link = join(project, 'node_modules', '.bin', 'tidegate');
    const tidegate = await Tidegate.start(t, file, { program: link, nodeArgs: ['--no-strip-types'] });
    const answer = await exchange(tidegate.port, '/');
    t.same([answer.status, answer.body], [200, 'v1\n']);
    t.equal((await tidegate.admin.metrics()).sum('tidegate_build_info', { version: manifest.version }), 1);
    t.equal((await npx('flip', 'shop', '--to', 'green', '--admin', `http://127.0.0.1:${tidegate.admin.port}`)).code, 0);
    t.same((await tidegate.admin.service()).traffic, { blue: 0, green: 100 });
    tidegate.signal('SIGTERM');
    t.same(await tidegate.exited, { code: 0, signal: null });
  });
});
