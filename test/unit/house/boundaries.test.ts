import { posix } from 'node:path';
import t from 'tap';
import { codeOf, filesBelow, importsOf } from './source-files.ts';

/** Pure rooms: time and chance come in as arguments. */
const CORE = ['routing', 'judge', 'rollout', 'flags', 'http1', 'stats', 'signals'];

/** Which rooms each room may import from, beside itself. Paths name single files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(CORE.map((room) => [room, CORE])),
  proxy: CORE,
  config: ['routing/address.ts', 'signals/template.ts'],
  health: [],
  control: [...CORE, 'config', 'health', 'proxy/messages.ts'],
  admin: [...CORE, 'config', 'control/operations.ts'],
  cli: [
    'admin',
    'config',
    'control',
    'judge/figures.ts',
    'rollout/plan.ts',
    'flags/flag.ts',
    'flags/explanation.ts',
    'flags/override.ts',
    'flags/import-report.ts',
    'flags/import-unleash.ts',
    'flags/import-growthbook.ts',
    'flags/import-flagd.ts',
  ],
  '.': ['cli', 'config'],
};

/** What CORE has from outside: pure functions, each for the one file that needs it. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'src/flags/condition-test.ts': ['re2js'],
  'src/flags/launchdarkly-buckets.ts': ['node:crypto'],
  'src/flags/override.ts': ['node:crypto'],
};

const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|setImmediate|queueMicrotask|console\.|fetch\(|crypto\.|globalThis)/;

const sources = filesBelow('src');

function roomOf(path: string): string {
  const parts = path.split('/');
  return parts.length === 2 ? '.' : parts[1]!;
}

t.test('every room imports only what it may', async (t) => {
  t.ok(sources.length > 50, 'the sources are found');
  for (const { path, text } of sources) {
    const room = roomOf(path);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      t.fail(`${path}: the room ${room} has no line in the table of boundaries`);
      continue;
    }
    for (const imported of importsOf(text).filter((name) => name.startsWith('.'))) {
      const target = posix.join(posix.dirname(path), imported);
      const inSrc = target.replace(/^src\//, '');
      const targetRoom = roomOf(target);
      const isAllowed = targetRoom === room || allowed.includes(targetRoom) || allowed.includes(inSrc);
      if (!isAllowed) t.fail(`${path} may not import ${inSrc}`);
    }
  }
});

t.test('CORE uses no clock, no chance, no timer, no environment and no I/O', async (t) => {
  const core = sources.filter(({ path }) => CORE.includes(roomOf(path)));
  t.ok(core.length > 20, 'the pure rooms are found');
  for (const { path, text } of core) {
    const impure = IMPURE.exec(codeOf(text));
    if (impure !== null) t.fail(`${path} uses ${impure[0]}`);
    const pure = PURE_PACKAGES[path] ?? [];
    const foreign = importsOf(text).filter((name) => !name.startsWith('.') && !pure.includes(name));
    if (foreign.length > 0) t.fail(`${path} imports ${foreign.join(', ')}`);
  }
});

t.test('only config/watch.ts and config/load.ts of the config room touch the disk', async (t) => {
  const touching = sources
    .filter(
      ({ path, text }) => roomOf(path) === 'config' && importsOf(text).some((name) => /^node:fs|^chokidar/.test(name)),
    )
    .map(({ path }) => path);
  t.same(
    touching.filter((path) => !/\/(watch|load|links|generate)\.ts$/.test(path)),
    [],
  );
});

t.test('what CORE has from outside is used, and of node:crypto it is a hash only', async (t) => {
  for (const [path, names] of Object.entries(PURE_PACKAGES)) {
    const text = sources.find((source) => source.path === path)?.text ?? '';
    for (const name of names) t.ok(importsOf(text).includes(name), `${path} imports ${name}`);
    t.match(text, /^(?!.*(randomBytes|randomUUID|getRandomValues|webcrypto))/s, `${path} takes no chance from it`);
  }
});
