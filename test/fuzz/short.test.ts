/**
 * The short run of every fuzzer, from a seed that is always the same unless `TIDEGATE_SEED` gives another.
 */
import t, { type Test } from 'tap';
import type { Account } from './fuzzer.ts';
import { FUZZERS } from './fuzzers.ts';
import { Random } from './stage/random.ts';

const SEED = Number(process.env.TIDEGATE_SEED ?? 20_261_123);

async function run(t: Test, name: string, casesMax: number): Promise<Account> {
  t.comment(`TIDEGATE_SEED=${SEED}`);
  const account = await FUZZERS[name]!({ random: new Random(SEED), goesOn: (cases) => cases < casesMax });
  t.comment(`${account.cases} cases: ${JSON.stringify(account.counts)}`);
  t.same(account.findings, [], `nothing is found with the seed ${SEED}`);
  return account;
}

t.test('every entry of the corpus is read as it says, in whatever pieces it comes', async (t) => {
  const { counts } = await run(t, 'corpus', 1);
  t.ok(counts.requests! > 40 && counts.responses! > 15, 'the corpus is found');
});

t.test('the corpus and generated cases reach every branch of the engine', async (t) => {
  const { counts } = await run(t, 'coverage', 1);
  t.ok(counts.reached! > 500, 'the engine is found');
});

t.test('whatever request we accept, node:http accepts and reads the same, as sent and as forwarded', async (t) => {
  const { counts } = await run(t, 'requests', 3000);
  t.ok(counts.accepted! > 600 && counts.refused! > 600, 'both happen often');
});

t.test('whatever response we take for whole, node:http reads the same; what was cut it takes for cut', async (t) => {
  const { counts } = await run(t, 'responses', 3000);
  t.ok(counts.whole! > 400 && counts.cut! > 100 && counts.refused! > 600, 'all happen often');
});

t.test('requests and responses mean the same cut at every byte and dribbled byte by byte', async (t) => {
  const { counts } = await run(t, 'cuts', 700);
  t.ok(counts.requests! > 200 && counts.responses! > 200, 'both are cut');
});

t.test('through the whole data plane, nobody sees a request or a response that is not its own', async (t) => {
  const { counts } = await run(t, 'desync', 4000);
  t.ok(counts.relayed! > 1500, 'most requests are answered');
  t.ok(counts.refused! > 50 && counts.cut! > 10 && counts.failed! > 10, 'and the rest is tried too');
});
