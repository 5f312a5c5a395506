// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** Damaged configs: whatever the damage, there is an answer, and a rejection has a place. */
import t, { type Test } from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { decodeConfig } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { accept, LARGE, read } from './texts.ts';

const seed = Number(process.env.TIDEGATE_SEED ?? 20_260_101);
t.comment(`seed ${seed}; set TIDEGATE_SEED for another`);

/** Mulberry32: enough for damage, and the same everywhere. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(seed);
const below = (most: number): number => Math.floor(random() * most);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
const good = accept(LARGE);
const env = { TIDEGATE_TOKEN: 'hunter2-admin', PREVIEW_TOKEN: 'hunter2-preview' };

function judge(t: Test, text: string): void {
  const { config, problems, redacted } = read(text, env);
  const errors = problems.filter((problem) => problem.severity === 'error');
  if ((config === undefined) !== errors.length > 0)
    t.fail('a config is there exactly when there is no error', { text });
  const lines = text.split('\n').length;
  for (const { line, column, message } of problems) {
    const placed = Number.isInteger(line) && line >= 1 && line <= lines && Number.isInteger(column) && column >= 1;
    if (!placed || message === '') t.fail(`${line}:${column} is no place, or nothing is said`, { text });
  }
  const shown = redacted + problems.map(formatProblem).join('\n');
  if (shown.includes('hunter2')) t.fail('a secret is shown', { text });
  if (config !== undefined) differences(good, config);
}

t.test('cut after every 37th byte', async (t) => {
  const bytes = Buffer.from(LARGE);
  for (let end = 0; end < bytes.length; end += 37) judge(t, decodeConfig(bytes.subarray(0, end)));
  t.pass();
});

t.test('bytes that were changed', async (t) => {
  for (let round = 0; round < 300; round += 1) {
    const bytes = Buffer.from(LARGE);
    for (let flips = 1 + below(4); flips > 0; flips -= 1) bytes[below(bytes.length)] = below(256);
    judge(t, decodeConfig(bytes));
  }
  t.pass();
});

t.test('lines that were lost, doubled, moved or indented', async (t) => {
  for (let round = 0; round < 200; round += 1) {
    const lines = LARGE.split('\n');
    const at = below(lines.length);
    const line = lines[at] ?? '';
    const damage = [
      () => lines.splice(at, 1),
      () => lines.splice(at, 0, line),
      () => lines.splice(at, 1, `  ${line}`),
      () => lines.splice(at, 1, line.trimStart()),
      () => lines.push(line),
    ];
    pick(damage)();
    judge(t, lines.join('\n'));
  }
  t.pass();
});

t.test('values of another kind', async (t) => {
  const values = [
    '5',
    '-1',
    '.inf',
    '.nan',
    'null',
    '~',
    'true',
    '""',
    '[]',
    '{}',
    '[[]]',
    '{ a: 1 }',
    '[1, 2]',
    '${NOPE}',
    '${TIDEGATE_TOKEN}',
    '*x',
    '!t x',
    '&a x',
    '0x10',
    '1e999',
    "'\\'",
    '"\\u0000"',
    'constructor',
    '__proto__',
    `"${'x'.repeat(5000)}"`,
  ];
  const places = [...LARGE.matchAll(/(?<=: )(?:\[[^\]\n]*\]|[^\s,{}[\]]+)/g)];
  t.ok(places.length > 40);
  for (let round = 0; round < 500; round += 1) {
    const place = pick(places);
    judge(t, LARGE.slice(0, place.index) + pick(values) + LARGE.slice(place.index + place[0].length));
  }
  t.pass();
});

t.test('keys of another kind', async (t) => {
  const keys = [
    'constructor',
    '__proto__',
    'toString',
    '<<',
    '1',
    '""',
    '"a b"',
    '? x',
    '*k',
    '"\\n"',
    'é',
    'x'.repeat(300),
  ];
  const places = [...LARGE.matchAll(/[A-Za-z]+(?=: )/g)];
  for (let round = 0; round < 300; round += 1) {
    const place = pick(places);
    judge(t, LARGE.slice(0, place.index) + pick(keys) + LARGE.slice(place.index + place[0].length));
  }
  t.pass();
});
