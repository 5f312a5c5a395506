#!/usr/bin/env node
/*
 * The door: checks that this Node can run Tidegate, then opens the real program.
 *
 * Everything behind the door uses syntax that an old Node cannot even parse, and a SyntaxError helps nobody. So this
 * file alone is plain JavaScript as Node 12 reads it: no `node:` imports, no `?.`, no top-level await.
 *
 * A checkout runs `src/main.ts` by type stripping. A published package holds `dist/` only, because Node strips no
 * types below `node_modules`; a checkout that was built still runs its sources, so that nobody debugs a stale build.
 */

// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
import { existsSync, readFileSync } from 'fs';
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
import module from 'module';
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
import { fileURLToPath } from 'url';

const REQUIRED_MAJOR = 24;
const EXIT_USAGE = 2;

if (major(process.versions.node) < REQUIRED_MAJOR) {
  refuse(nodeTooOld(process.versions.node));
} else {
  silenceSqliteWarning();
  keepCompiled();
  open();
}

function open() {
  const source = new URL('../src/main.ts', import.meta.url);
  const built = new URL('../dist/main.js', import.meta.url);
  const main = exists(source) ? source : built;
  if (!exists(main)) {
    refuse('This installation of Tidegate has neither src/ nor dist/: install it again, or run `npm run build`.');
    return;
  }
  import(main.href).then((program) => program.start());
}

function nodeTooOld(found) {
  const needs = `Tidegate needs Node ${REQUIRED_MAJOR} or newer and was started with Node ${found}`;
  const here = nodeOfCheckout();
  if (here !== null) {
    return `${needs}: this checkout has Node ${here}, which \`npm start\` and \`npm run demo\` find by themselves, and which runs any verb as \`node_modules/.bin/node bin/tidegate.js\`.`;
  }
  return `${needs}: in a checkout, \`npm ci\` brings the right one and npm scripts find it first; elsewhere install Node ${REQUIRED_MAJOR} LTS or newer from https://nodejs.org.`;
}

/** The version of the `node` package that npm scripts of this checkout run on; null if there is none that is new enough. */
function nodeOfCheckout() {
  if (!exists(new URL('../node_modules/.bin/node', import.meta.url))) return null;
  try {
    const text = readFileSync(fileURLToPath(new URL('../node_modules/node/package.json', import.meta.url)), 'utf8');
    const version = String(JSON.parse(text).version);
    return major(version) >= REQUIRED_MAJOR ? version : null;
  } catch (_) {
    return null;
  }
}

/**
 * Keeps what Node makes of the program (types stripped, bytecode) in `.cache/` beside it, so that the next start takes half
 * the time. Not in the system's temporary directory, which is Node's default: there, others could lay ready what we run.
 * Who may write beside the program may write the program; where we may not, there is no cache. Data threads and children
 * take the directory from the environment. `NODE_COMPILE_CACHE` chooses another one, `NODE_DISABLE_COMPILE_CACHE=1` none.
 */
function keepCompiled() {
  const directory = fileURLToPath(new URL('../.cache', import.meta.url));
  const { status } = module.enableCompileCache(directory);
  if (status === module.constants.compileCacheStatus.ENABLED) process.env.NODE_COMPILE_CACHE = directory;
}

/** `node:sqlite` says on each start that it is experimental. Users cannot act on that; every other warning stays. */
function silenceSqliteWarning() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const kind = rest[0];
    const type = kind !== null && typeof kind === 'object' ? kind.type : kind;
    if (type === 'ExperimentalWarning' && /^SQLite is an experimental feature/.test(String(warning))) return;
    emitWarning.call(process, warning, ...rest);
  };
}

function major(version) {
  return Number(version.split('.')[0]);
}

function exists(url) {
  return existsSync(fileURLToPath(url));
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = EXIT_USAGE;
}
