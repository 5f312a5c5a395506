import t from 'tap';
import { codeOf, filesBelow } from './source-files.ts';

const LINES_MAX = 450;

const code = filesBelow('src', 'bench', 'test', 'bin').filter(({ path }) => /\.(ts|js)$/.test(path));
const sources = code.filter(({ path }) => path.startsWith('src/'));

/** Spelled in two parts so that this file does not find itself. */
const UNFINISHED = new RegExp(
  `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b|not ${'implemented'}`,
);
const MACHINE = new RegExp(['/wo' + 'rk/', '/ro' + 'ot/', 'registry\\.' + 'npm', 'deb\\.' + 'debian'].join('|'));

t.test('a file is one concept: none is longer than it should be', async (t) => {
  t.ok(sources.length > 50, 'the sources are found');
  for (const { path, text } of code) {
    const lines = text.split('\n').length;
    if (lines > LINES_MAX) t.fail(`${path} has ${lines} lines`);
  }
});

t.test('every source file opens with what it decides or owns', async (t) => {
  for (const { path, text } of sources) if (!/^\/\*\*\n \* \S/.test(text)) t.fail(`${path} has no header`);
});

t.test('names say what a thing is', async (t) => {
  for (const { path } of code) {
    if (/\b(utils?|helpers?|managers?|misc|common)\b/i.test(path)) t.fail(`${path} is named for nothing`);
    if (!/^[a-z0-9.\-/]+$/.test(path)) t.fail(`${path} is not in kebab-case`);
  }
});

t.test('nothing is left unfinished, and no test is switched off', async (t) => {
  for (const { path, text } of code) {
    const word = UNFINISHED.exec(text);
    if (word !== null) t.fail(`${path} says ${word[0]}`);
    if (path.startsWith('test/') && /\b(t|test|tap)\.(skip|todo|only)\(|\{\s*(skip|todo|only):\s*true/.test(text)) {
      t.fail(`${path} has a test that does not run`);
    }
  }
});

t.test('what the style bans is not there: any, enums, namespaces, default exports', async (t) => {
  for (const { path, text } of sources) {
    const banned =
      /(:\s*any\b|\bas any\b|<any>|^\s*(export\s+)?(const\s+)?enum\s|^\s*(export\s+)?namespace\s|^export default)/m.exec(
        codeOf(text),
      );
    if (banned !== null) t.fail(`${path} has ${banned[0].trim()}`);
  }
});

t.test('no file names the machine it was written on', async (t) => {
  for (const { path, text } of filesBelow('.')) {
    const place = MACHINE.exec(text);
    if (place !== null) t.fail(`${path} names ${place[0]}`);
  }
});
