/**
 * The jobs and the script that people copy into their pipelines: they parse, and every command of tidegate in them is one
 * that there is, with options that it has. That they do what they say is shown by `test/scenario/release-examples.test.ts`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { tidegate } from './cli/tidegate.ts';

const DIRECTORY = 'config/examples/ci';
const FILES = readdirSync(DIRECTORY).map((name) => `${DIRECTORY}/${name}`);

/** What bash has against a script; empty when nothing. */
function complaint(script: string): string {
  return spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' }).stderr;
}

/** Every text below `script`, `after_script` and `run` of a pipeline. */
function scriptsIn(node: unknown, key = ''): string[] {
  if (typeof node === 'string') return /^(?:script|after_script|run)$/.test(key) ? [node] : [];
  if (Array.isArray(node)) return node.flatMap((item) => scriptsIn(item, key));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) => scriptsIn(value, name));
}

/** The commands of tidegate in a script, without comments; lines that go on are one. */
function commandsIn(script: string): { readonly verb: string[]; readonly options: string[] }[] {
  const lines = script
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => !/^\s*#/.test(line));
  const found = lines.flatMap((line) => [...line.matchAll(/(?:^|[\s(`])tidegate ((?:[a-z]+ ?){1,2})([^|;)]*)/g)]);
  return found.map(([, words, rest]) => {
    const [first, second] = words!.trim().split(' ');
    const verb = first === 'rollout' || first === 'judge' ? [first, second!] : [first!];
    return { verb, options: [...rest!.matchAll(/(?:^|\s)(--[a-z-]+)/g)].map((match) => match[1]!) };
  });
}

t.test('there is a pipeline for GitHub and one for GitLab, and a script for systemd', async (t) => {
  t.strictSame(FILES.map((file) => file.split('/').at(-1)).sort(), [
    'github-actions.yml',
    'gitlab-ci.yml',
    'systemd-release.sh',
  ]);
});

for (const file of FILES.filter((name) => name.endsWith('.yml'))) {
  t.test(`${file} is YAML without mistakes, and bash has nothing against its scripts`, async (t) => {
    const scripts = scriptsIn(parse(readFileSync(file, 'utf8'), { strict: true }));
    t.ok(scripts.length > 3);
    for (const script of scripts) t.equal(complaint(script), '', script);
  });
}

t.test('bash has nothing against the script for systemd, and it may be run', async (t) => {
  const file = `${DIRECTORY}/systemd-release.sh`;
  t.equal(complaint(readFileSync(file, 'utf8')), '');
  t.equal(statSync(file).mode & 0o111, 0o111);
  t.not(complaint('if true; then'), '', 'bash would have said so');
});

t.test('every command of tidegate in the pipelines is one that there is, with options that it has', async (t) => {
  const scripts = FILES.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return file.endsWith('.sh') ? [text] : scriptsIn(parse(text));
  });
  const used = new Map<string, Set<string>>();
  for (const { verb, options } of scripts.flatMap(commandsIn)) {
    const known = used.get(verb.join(' ')) ?? new Set<string>();
    for (const option of options) known.add(option);
    used.set(verb.join(' '), known);
  }
  for (const verb of ['rollout start', 'rollout abort', 'rollout explain', 'status', 'traffic', 'reload', 'rollback']) {
    t.ok(used.has(verb), `${verb} is used`);
  }
  t.match([...used.get('rollout start')!].sort(), ['--dry-run', '--plan', '--reason', '--to', '--version', '--wait']);
  for (const [verb, options] of used) {
    const { code, out } = await tidegate([...verb.split(' '), '--help']);
    t.equal(code, 0, `tidegate ${verb} --help`);
    for (const option of options) t.match(out, new RegExp(`^ +${option}\\b`, 'm'), `tidegate ${verb} has ${option}`);
  }
});
