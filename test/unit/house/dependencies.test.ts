/** What is installed with Tidegate is listed in the docs, with licences that may be given on, and is fixed by a hash. */
import { readFileSync } from 'node:fs';
import t from 'tap';

interface Locked {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Licences that ask for no more than to be named. */
const LICENCES = ['Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT'];
const AT = 'node_modules/';

const packages = (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> })
  .packages;
const direct = Object.keys(packages['']!.dependencies ?? {});
const running = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional);
const nameOf = (path: string): string => path.slice(path.lastIndexOf(AT) + AT.length);

/** The rows of the page's tables, by package: its other two cells. */
const listed = new Map(
  [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| (\S+) \| ([^|]+) \| ([^|]+) \|$/gm)]
    .filter(([, name]) => name !== 'package' && name !== '---')
    .map(([, name, licence, reason]) => [name!, { licence: licence!, reason: reason! }]),
);

t.test('every package that runs in Tidegate is on the page of dependencies, and no other', async (t) => {
  t.ok(running.length > 20, 'the packages are found');
  t.strictSame([...listed.keys()].sort(), [...new Set(running.map(([path]) => nameOf(path)))].sort());
  for (const [name, { licence, reason }] of listed) {
    const same = running.filter(([path]) => nameOf(path) === name);
    t.equal(licence, [...new Set(same.map(([, { license }]) => license))].sort().join(', '), name);
    if (direct.includes(name)) continue;
    const wantedBy = running.filter(([, { dependencies = {}, optionalDependencies = {} }]) =>
      Object.hasOwn({ ...dependencies, ...optionalDependencies }, name),
    );
    t.equal(reason, [...new Set(wantedBy.map(([path]) => nameOf(path)))].sort().join(', '), `${name} is wanted by`);
  }
});

t.test('each may be given on, is fixed by a hash, and runs nothing when it is installed', async (t) => {
  for (const [path, { license, integrity, hasInstallScript }] of running) {
    t.ok(LICENCES.includes(license ?? ''), `${path}: ${license}`);
    t.match(integrity, /^sha512-/, path);
    t.notOk(hasInstallScript, path);
  }
});
