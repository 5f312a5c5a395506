import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { SMALL } from './texts.ts';

function parse(...windows: readonly string[]) {
  const text = `${SMALL}freeze:\n${windows.map((window) => `  - { ${window} }`).join('\n')}\n`;
  const { config, problems } = parseConfig(text, { file: 'test.yaml', env: {} });
  return { config, freeze: config?.freeze, problems };
}

const FIRST_LINE = SMALL.split('\n').length + 1;

t.test('a freeze is a time of every week on the clock of a zone, or from one moment to another', async (t) => {
  const { freeze } = parse(
    'from: Fri 16:00, to: Mon 08:00, zone: Europe/Berlin, reason: nobody is there',
    'from: Mon 00:00, to: Mon 23:59, reason: Mondays',
    'from: 2026-12-20T00:00:00Z, to: 2027-01-03T08:00+01:00, reason: the holidays',
  );
  t.same(freeze, [
    { kind: 'weekly', from: 4 * 1440 + 960, to: 480, zone: 'Europe/Berlin', reason: 'nobody is there' },
    { kind: 'weekly', from: 0, to: 1439, zone: 'UTC', reason: 'Mondays' },
    {
      kind: 'once',
      fromMs: Date.UTC(2026, 11, 20),
      toMs: Date.UTC(2027, 0, 3, 7),
      reason: 'the holidays',
    },
  ]);
});

for (const [window, problem] of [
  ['from: Fri 16:00, to: Fri 16:00, reason: x', /freeze\[0\]\.to: ends when it begins/],
  ['from: Fri 16:00, to: 2026-12-20T00:00:00Z, reason: x', /freeze\[0\]\.to: is not of the kind of from/],
  ['from: 2026-12-20T00:00:00Z, to: 2026-12-19T00:00:00Z, reason: x', /freeze\[0\]\.to: is not after from/],
  ['from: Fri 16:00, to: Mon 08:00, zone: Europe/Berlim, reason: x', /zone: .*Europe\/Berlim.*time zone such as/],
  ['from: Fri 24:00, to: Mon 08:00, reason: x', /from: .*Fri 24:00.*a day and time such as Fri 16:00/],
  ['from: 2026-02-30T00:00:00Z, to: 2026-12-19T00:00:00Z, reason: x', /from: .*2026-02-30/],
  ['from: 2026-12-20T00:00:00, to: 2026-12-21T00:00:00Z, reason: x', /from: .*2026-12-20T00:00:00/],
  ['from: 2026-12-20T00:00:00Z, to: 2026-12-21T00:00:00Z, zone: UTC, reason: x', /zone: is not used by moments/],
  ['from: Fri 16:00, to: Mon 08:00', /freeze\[0\]\.reason: is missing/],
] as const) {
  t.test(`refused: ${window}`, async (t) => {
    const { config, problems } = parse(window);
    t.equal(config, undefined);
    t.equal(problems.length, 1);
    t.equal(problems[0]!.line, FIRST_LINE);
    t.match(`${problems[0]!.path}: ${problems[0]!.message}; ${problems[0]!.allowed}`, problem);
  });
}

t.test('a reload says what has changed about freezes in words that were written', async (t) => {
  const before = parse('from: Fri 16:00, to: Mon 08:00, zone: Europe/Berlin, reason: nobody is there').config!;
  const after = parse('from: Fri 12:30, to: Mon 08:00, reason: nobody is there').config!;
  t.same(
    differences(before, after).map(({ text }) => text),
    ['freeze [Fri 16:00 to Mon 08:00 Europe/Berlin: nobody is there]→[Fri 12:30 to Mon 08:00 UTC: nobody is there]'],
  );
});
