import { readFileSync } from 'node:fs';
import t from 'tap';
import { runSeed } from '../../unit/routing/seeded.ts';
import { DETECTION, SHARES, simulateDetection, simulateProof } from './detection.ts';
import { Draws } from './draws.ts';
import { simulateLatency } from './slow-tail.ts';

const FACTOR = 1.3;

/** Fails unless the found number is within the factor of the expected one, either way. */
function isNear(found: number, expected: number): boolean {
  return found <= expected * FACTOR && found >= expected / FACTOR;
}

for (const row of DETECTION) {
  const name = `${row.active * 100}% against ${row.candidate * 100}%`;
  t.test(`${name}: found in as many requests as the table says (seed ${runSeed})`, async (t) => {
    const draws = new Draws(runSeed);
    for (const [index, share] of SHARES.entries()) {
      const [requests, failed] = row.expected[index]!;
      const found = simulateDetection(row, share, 0.01, 3001, draws);
      t.ok(isNear(found.requests, requests), `share ${share}: ${found.requests} requests, expected ${requests}`);
      t.ok(Math.abs(found.failed - failed) <= 1, `share ${share}: ${found.failed} failed, expected ${failed}`);
    }
  });
}

t.test(`a harmless candidate is shown to be one in as many bad events as expected (seed ${runSeed})`, async (t) => {
  const draws = new Draws(runSeed);
  for (const [margin, expected] of [
    [2, [176, 90, 52, 37]],
    [3, [54, 35, 18, 18]],
  ] as const) {
    for (const [index, share] of [0.05, 0.1, 0.25, 0.5].entries()) {
      const events = simulateProof(share, margin, 0.05, 1001, draws);
      t.ok(
        isNear(events, expected[index]!),
        `margin ${margin}, share ${share}: ${events}, expected ${expected[index]}`,
      );
    }
  }
});

t.test(`one request in a hundred that takes a second longer is found (seed ${runSeed})`, async (t) => {
  const draws = new Draws(runSeed);
  for (const [share, expected] of [
    [0.5, 2600],
    [0.1, 4700],
  ] as const) {
    const requests = simulateLatency(share, 0.01, 0.01, 201, draws);
    t.ok(isNear(requests, expected), `share ${share}: ${requests}, expected ${expected}`);
  }
});

t.test('the published table is this table', async (t) => {
  const page = readFileSync('docs/judge.md', 'utf8');
  for (const row of DETECTION) {
    const line = page.split('\n').find((text) => text.startsWith(`| ${row.active * 100}% → ${row.candidate * 100}% |`));
    const cells = [...(line ?? '').matchAll(/([\d,]+) \((\d+)\)/g)].map((cell) => Number(cell[1]!.replaceAll(',', '')));
    t.equal(cells.length, SHARES.length, `${row.active} against ${row.candidate}`);
    for (const [index, found] of cells.entries()) t.ok(isNear(found, row.expected[index]![0]), `${line}`);
  }
});
