/**
 * What a question about a flag costs: time, and bytes of garbage.
 *
 *     npm run bench:flags
 *
 * Each kind of question is asked a million times, of 4,096 contexts in turn, so that nothing can be kept from one question to the
 * next; several rounds, of which the median counts. Time is that of the processor for this thread, so that whoever else uses
 * the machine counts for little; bytes are those that V8 has allocated meanwhile, by its own account. What the loop itself costs is
 * measured with a question that is none, and is not taken away.
 */

import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { createDialMemory, Dial } from '../src/flags/dial.ts';
import { FlagEvaluator } from '../src/flags/evaluator.ts';
import type { Bucketing, EvaluationContext, FlagRule, FlagSpec, Strategy } from '../src/flags/flag.ts';
import { describeCircumstances } from './machine.ts';

const QUESTIONS = 1_000_000;
const ROUNDS = 5;
/** Rounds that do not count: the compiler works beside them. */
const EARLY_ROUNDS = 3;
const CONTEXTS = 4096;
const TARGET_NS = 1000;

interface Figure {
  readonly what: string;
  readonly ns: number;
  readonly bytes: number;
}

const nowMs = Date.now();
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const contexts = Array.from({ length: CONTEXTS }, (_, index): EvaluationContext => {
  const key = `${hex(Math.imul(index, 0x9e3779b1) >>> 0, 8)}-6f8e-4f0b-9a57-${hex(Math.imul(index, 0x85ebca6b) >>> 0, 12)}`;
  const attributes = new Map<string, unknown>([
    ['email', `user-${index}@${index % 7 === 0 ? 'acme.com' : 'mail.test'}`],
    ['country', ['DE', 'AT', 'CH', 'US'][index % 4]],
    ['version', `1.${index % 20}.0`],
  ]);
  return { key, attribute: (name) => attributes.get(name) };
});

function specOf(strategy: Strategy, bucketing: Bucketing = 'tidegate', rules: readonly FlagRule[] = []): FlagSpec {
  const dial = createDialMemory();
  new Dial(dial).set({ share: 'share' in strategy ? strategy.share : 0, slot: 0, killed: false });
  const plain = { weight: 1, pool: null, rewrite: null, redirect: null };
  return {
    ...{ name: 'new-checkout', revision: 'r1', off: 0, on: 1, strategy, rules, bucketing, salt: 'new-checkout', dial },
    ...{ requires: [], schedule: null, ramp: null, bucketBy: null },
    variants: [
      { name: 'off', value: false, ...plain },
      { name: 'on', value: true, ...plain },
    ],
  };
}

/** A million questions; what one of them took. */
function measure(what: string, ask: (context: EvaluationContext) => number): Figure {
  const rounds: Figure[] = [];
  let sum = 0;
  for (let round = 0; round < EARLY_ROUNDS + ROUNDS; round += 1) {
    const bytesBefore = getHeapStatistics().total_allocated_bytes;
    const before = process.threadCpuUsage();
    for (let i = 0; i < QUESTIONS; i += 1) sum += ask(contexts[i & (CONTEXTS - 1)]!);
    const { user, system } = process.threadCpuUsage(before);
    const ns = ((user + system) * 1000) / QUESTIONS;
    const bytes = (getHeapStatistics().total_allocated_bytes - bytesBefore) / QUESTIONS;
    if (round >= EARLY_ROUNDS) rounds.push({ what, ns, bytes });
  }
  if (!Number.isFinite(sum)) throw new Error('the answers are no numbers');
  const middle = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  return { what, ns: middle(rounds.map(({ ns }) => ns)), bytes: middle(rounds.map(({ bytes }) => bytes)) };
}

function asking(spec: FlagSpec): (context: EvaluationContext) => number {
  const evaluator = new FlagEvaluator([spec]);
  return (context) => evaluator.evaluateAt(0, context, nowMs).index;
}

const percentage: Strategy = { kind: 'percentage', share: 25_000 };
const rule = (name: string, when: FlagRule['when']): FlagRule => ({
  name,
  when,
  strategy: { kind: 'all' },
  variant: null,
});
const rules = [
  rule('staff', [{ attribute: 'email', negate: false, test: { kind: 'suffix', value: '@nobody.test' } }]),
  rule('nordic', [{ attribute: 'country', negate: false, test: { kind: 'in', values: ['DK', 'NO', 'SE'] } }]),
  rule('mail', [{ attribute: 'email', negate: false, test: { kind: 'matches', source: '^[a-z.]+@acme\\.test$' } }]),
];

const figures: readonly Figure[] = [
  measure('nothing: the loop alone', (context) => context.key!.length),
  measure('all', asking(specOf({ kind: 'all' }))),
  measure('percentage', asking(specOf(percentage))),
  measure('variants', asking(specOf({ kind: 'variants', share: 50_000 }))),
  measure('percentage behind 2 rules (suffix, in)', asking(specOf(percentage, 'tidegate', rules.slice(0, 2)))),
  measure('percentage behind 3 rules (suffix, in, matches)', asking(specOf(percentage, 'tidegate', rules))),
  ...(['unleash', 'growthbook-v1', 'growthbook-v2', 'flagd', 'launchdarkly'] as const).map((mode) =>
    measure(`percentage, ${mode}`, asking(specOf(percentage, mode))),
  ),
];

const at = describeCircumstances('npm run bench:flags', { name: 'none', version: '' }, 'not pinned', []);
const own = figures.find(({ what }) => what === 'percentage')!;
const verdict = own.ns < TARGET_NS ? 'Met' : 'Missed';
const rows = figures.map(({ what, ns, bytes }) => `| ${what} | ${ns.toFixed(0)} | ${bytes.toFixed(1)} |`);
const page = `# Flags: what a question costs

- Date: ${at.date}
- Command: \`${at.command}\`
- Machine: ${at.cpu}, ${at.cores} cores, ${at.kernel}; Node ${at.node}
- Load average of the minute before: ${loadavg()[0]!.toFixed(1)}. Above a few tenths, others have had a part of the cores and of their caches.

${verdict}: less than ${TARGET_NS} ns for a percentage flag. It takes ${own.ns.toFixed(0)} ns and leaves ${own.bytes.toFixed(1)} bytes of garbage.

Keys are UUIDs of 36 characters. Time is processor time of one thread. Each figure is the median of ${ROUNDS} rounds of a million questions, of ${CONTEXTS.toLocaleString('en')} contexts in turn.

| question | ns | bytes allocated |
| --- | --: | --: |
${rows.join('\n')}
`;
writeFileSync('bench/results/flags.md', page);
process.stdout.write(page);
