import t from 'tap';
import { LABELS_MAX, LINE_MAX, readNumber, readPage, SAMPLES_MAX } from '../../../src/signals/prometheus-text.ts';
import { seededRandom } from '../../scenario/stage/seeded.ts';

const WANTED = new Set(['up', 'latency_bucket']);

function read(text: string) {
  const page = readPage(text, WANTED);
  if (!page.ok) return `${page.line}: ${page.problem}`;
  return page.samples.map(({ name, labels, value }) => [name, Object.fromEntries(labels), value]);
}

t.test('samples of what is wanted are read as they are written', async (t) => {
  const text = [
    '# HELP up Whether it is up: 50% # of the time',
    '# TYPE up gauge',
    'up 1',
    'up{zone="a",note="says \\"hi\\",\\n{and} \\\\ goes"} 2.5e3 1700000000000',
    '\tup { zone = "b" , } +Inf ',
    'other{le="0.1"} 3',
    '',
    'latency_bucket{le="+Inf"} .5',
    '',
  ].join('\n');
  t.strictSame(read(text), [
    ['up', {}, 1],
    ['up', { zone: 'a', note: 'says "hi",\n{and} \\ goes' }, 2500],
    ['up', { zone: 'b' }, Number.POSITIVE_INFINITY],
    ['latency_bucket', { le: '+Inf' }, 0.5],
  ]);
});

t.test('a metric that is declared and has no sample yet is known to be there', async (t) => {
  const page = readPage('# TYPE up counter\n# TYPE other gauge\n', WANTED);
  t.ok(page.ok && page.declared.has('up') && page.declared.size === 1);
  t.strictSame(readPage('', WANTED), { ok: true, samples: [], declared: new Set() });
});

const HOSTILE: readonly (readonly [title: string, text: string, problem: string])[] = [
  ['an error page', '<html>\n', '1: a sample begins with the name of its metric'],
  ['a cut page', 'up 1\nup{zone="a"} 2', '2: the last line does not end'],
  ['a carriage return', 'up 1\r\n', '1: the value is no number'],
  ['no value', 'up\n', '1: a space is missing after the name of the metric'],
  ['no value after labels', 'up{a="b"}\n', '1: the value is no number'],
  ['a value that is code', 'up 0x10\n', '1: the value is no number'],
  ['digits with underscores', 'up 1_000\n', '1: the value is no number'],
  ['two numbers that are no time', 'up 1 2.5\n', '1: the value is no number'],
  ['an exemplar, which is of another format', 'up 1 # {trace="a"} 1\n', '1: the value is no number'],
  ['a line without a wanted name that is broken', 'up 1\nother{ 2\n', '2: the labels are not as they should be'],
  ['a label without quotes', 'up{a=b} 1\n', '1: the labels are not as they should be'],
  ['a label that does not end', 'up{a="b} 1\n', '1: the labels are not as they should be'],
  ['an escape that is none', 'up{a="\\x"} 1\n', '1: the labels are not as they should be'],
  ['labels without a comma', 'up{a="b"c="d"} 1\n', '1: the labels are not as they should be'],
  ['a label twice', 'up{a="b",a="c"} 1\n', '1: the label a is there twice'],
  ['a sample twice', 'up{a="b",c="d"} 1\nup{c="d",a="b"} 2\n', '2: up is there twice with the same labels'],
  ['a line without end', `up{a="${'x'.repeat(LINE_MAX)}"} 1\n`, `1: the line is longer than ${LINE_MAX} characters`],
  [
    'labels without end',
    `up{${Array.from({ length: LABELS_MAX + 1 }, (_, index) => `l${index}="1"`).join(',')}} 1\n`,
    `1: a sample has more than ${LABELS_MAX} labels`,
  ],
];

for (const [title, text, problem] of HOSTILE) {
  t.test(`${title} is refused, with its line`, async (t) => t.equal(read(text), problem));
}

t.test('samples beyond the limit are refused', async (t) => {
  const lines = Array.from({ length: SAMPLES_MAX + 1 }, (_, index) => `up{i="${index}"} 1\n`);
  t.match(read(lines.join('')), /more than 10000 samples/);
  t.equal(read(lines.slice(1).join('')).length, SAMPLES_MAX);
});

t.test('names that JavaScript knows are labels like others', async (t) => {
  t.strictSame(read('up{__proto__="a",constructor="b"} 1\n').length, 1);
});

t.test('numbers are those of the format, and nothing else is one', async (t) => {
  for (const [text, value] of [
    ['0', 0],
    ['-1.5E-3', -0.0015],
    ['1.', 1],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['NaN', Number.NaN],
  ] as const) {
    t.same(readNumber(text), value, text);
  }
  for (const text of ['', ' ', '.', '1e', '--1', '1,5', 'Infinity', '٣']) t.equal(readNumber(text), undefined, text);
});

t.test('whatever is damaged, there is an answer, and what is read was on the page', async (t) => {
  const random = seededRandom();
  t.comment(`seed ${random.seed}`);
  const good = '# TYPE up gauge\nup{zone="a",x="y\\"z"} 12.5\nup 7\nlatency_bucket{le="0.1"} 3\n';
  let refused = 0;
  for (let round = 0; round < 3000; round += 1) {
    const bytes = Buffer.from(good);
    for (let flips = 0; flips < 2; flips += 1) {
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    }
    const page = readPage(bytes.toString('latin1'), WANTED);
    if (!page.ok) refused += 1;
    else for (const { name } of page.samples) if (!WANTED.has(name)) t.fail(name);
  }
  t.ok(refused > 500 && refused < 3000, `${refused} refused`);
});
