/**
 * The long run of the fuzzers.
 *
 *     npm run fuzz -- --minutes N [--seed S] [--only NAME] [--cases N]
 *
 * Each fuzzer goes on for N minutes, or until it has done so many cases. The seed is random unless it is given, and printed:
 * with the same seed and the same code, the same cases are made. It ends with 1 when there were findings; each is printed
 * with a reproduction that can be put into the corpus.
 */
import { parseArgs } from 'node:util';
import type { Account } from './fuzzer.ts';
import { FUZZERS } from './fuzzers.ts';
import { Random } from './stage/random.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    only: { type: 'string' },
    cases: { type: 'string', default: 'Infinity' },
  },
});

const minutes = Number(values.minutes);
const casesMax = Number(values.cases);
const seed = Number(values.seed);
const names = values.only === undefined ? Object.keys(FUZZERS) : values.only.split(',');
const unknown = names.find((name) => !Object.hasOwn(FUZZERS, name));

function show(name: string, { cases, counts, findings }: Account, seconds: number): void {
  const details = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  console.log(
    `${name}: ${cases} cases in ${seconds.toFixed(0)} s, ${findings.length} findings (${details.join(', ')})`,
  );
  for (const { what, reproduction } of findings) console.log(`\n${name}: ${what}\n${reproduction}\n`);
}

if (unknown !== undefined || !(minutes > 0) || !Number.isInteger(seed) || !(casesMax > 0)) {
  console.error('usage: run.ts --minutes N [--seed S] [--only NAME] [--cases N]');
  console.error(`fuzzers: ${Object.keys(FUZZERS).join(', ')}`);
  process.exitCode = 2;
} else {
  console.log(`seed ${seed}, ${minutes} minutes for each of ${names.join(', ')}`);
  for (const name of names) {
    const startedAt = performance.now();
    const endsAt = startedAt + minutes * 60_000;
    const goesOn = (cases: number): boolean => cases < casesMax && performance.now() < endsAt;
    const account = await FUZZERS[name]!({ random: new Random(seed), goesOn });
    show(name, account, (performance.now() - startedAt) / 1000);
    if (account.findings.length > 0) process.exitCode = 1;
  }
}
