/**
 * Writes `docs/reliability.md`: the words are here, the figures come from `bench/results/chaos.json`.
 *
 * A run replaces the outcomes that it has made again and leaves the others, each with the day and seed of its own run: so
 * the half hour of memory can be run apart from the rest. `node test/chaos/page.ts` writes the page again when only the
 * words have changed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { type Account, totalOf } from './account.ts';
import type { Outcome } from './run-scenario.ts';
import { ALWAYS, type Scenario } from './scenario.ts';
import { scenarios } from './scenarios/all.ts';
import { SUBJECTS, type SubjectName, versionOf } from './subject.ts';

const root = join(import.meta.dirname, '..', '..');
const RESULTS = join(root, 'bench', 'results', 'chaos.json');
const PAGE = join(root, 'docs', 'reliability.md');

const TITLES: Readonly<Record<SubjectName, string>> = {
  tidegate: '**Tidegate**',
  nginx: 'nginx',
  haproxy: 'HAProxy',
  caddy: 'Caddy',
};

/** An outcome with where and when it came about. */
export interface Kept extends Outcome {
  /** UTC, ISO 8601. */
  readonly date: string;
  readonly seed: number;
  readonly version: string;
  readonly machine: string;
  readonly node: string;
}

/** All outcomes that are kept, in no order. */
export function readKept(): readonly Kept[] {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Kept[]) : [];
}

/** Keeps the outcomes of a run in place of earlier ones of the same scenario and proxy. */
export function keep(outcomes: readonly Outcome[], seed: number): void {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${type()} ${release()}`;
  const made = outcomes.map((outcome): Kept => {
    const version = versionOf(outcome.subject) ?? 'unknown';
    return { ...outcome, date: new Date().toISOString(), seed, version, machine, node: process.version };
  });
  const isMadeAgain = (kept: Kept) =>
    made.some(({ scenario, subject }) => scenario === kept.scenario && subject === kept.subject);
  const all = [...readKept().filter((kept) => !isMadeAgain(kept)), ...made];
  writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
}

/** Writes the page from what is kept. */
export function writePage(): void {
  writeFileSync(PAGE, reliabilityPage(readKept()));
}

/** The text of the page. Pure: the same outcomes give the same text. */
export function reliabilityPage(kept: readonly Kept[]): string {
  const own = kept.filter(({ subject }) => subject === 'tidegate');
  const broken = own.flatMap(({ scenario, broken: sentences }) => sentences.map((says) => `- ${scenario}: ${says}`));
  const sections = scenarios.flatMap((scenario) => section(scenario, kept));
  return `# Reliability

This page is written by \`npm run chaos -- --rivals\`, which breaks things on purpose, with real processes and under load, and
accounts for every request. No figure here is typed.

Each answer of an endpoint follows byte for byte from the identity of its request, and every client compares the whole of it;
endpoints compare the bodies of POSTs in the same way and write down what they have done. So these can be told apart:

| word | what it means |
| --- | --- |
| answered | the whole answer, byte for byte the one that was asked for |
| retried | answered after a further attempt, as Tidegate's metrics say; a dash where a proxy does not tell |
| refused | an honest error, where nothing better was possible: no endpoint was up, or a POST had been sent and cannot be sent twice |
| cut | the answer had begun, and the client saw that it broke off |
| lost | an error where an answer was possible: another endpoint was well, and asking it could not have done anything twice |
| wrong | looked whole, and was altered, cut short, or no answer to this request at all |
| twice | a POST that endpoints have done more than once |

**Lost, wrong and twice are to be 0.** Refused and cut are what a fault costs at least; how many there are depends on what was in
flight at that moment and differs from run to run. All proxies stand in front of the same endpoints, with the same time
limits, passive health checks, and retries as their manuals recommend them (\`test/chaos/rivals/\`, \`test/chaos/subject.ts\`). Their runs
follow one another on one machine, so latencies compare roughly at most.

Every promise of each scenario is held against Tidegate, and the run fails when one is broken. In every scenario:
${ALWAYS.map(({ says }) => says).join('; ')}.

${broken.length === 0 ? `All promises were kept in the runs below (${own.length} of ${scenarios.length} scenarios).` : `**Broken in the runs below:**\n\n${broken.join('\n')}`}

${sections.join('\n\n')}

## What cannot be had

- An endpoint that sends a second answer later, when its connection carries another request, cannot be told from one that answers
  that request. No proxy that reuses connections to endpoints can; the scenario \`two-responses\` sends both at once.
- A connection cannot be left waiting unaccepted when file descriptors run out, because Node offers no way to pause
  \`accept\`. Idle clients give way, and who finds no room is closed at once: \`docs/decisions/0015-chaos.md\`.

## Run it yourself

\`\`\`
npm run chaos                                    # Tidegate, every scenario, some minutes
npm run chaos -- --rivals                        # the other proxies too, where they are installed
npm run chaos -- --only kill-under-gets --seed 7 # one of them, with the random choices of an earlier run
npm run chaos -- --only memory --minutes 30      # memory for half an hour; --seconds N for longer faults
npm run chaos -- --short                         # a second or two of each, as in \`npm test\`; nothing is kept
\`\`\`

It needs Linux, stays on the loopback interface, and ends every process that it starts.
`;
}

function section(scenario: Scenario, kept: readonly Kept[]): string[] {
  const rows = SUBJECTS.flatMap((name) => kept.filter((one) => one.scenario === scenario.name && one.subject === name));
  const first = rows[0];
  if (first === undefined) return [];
  const perSecond = Math.round(first.account.perSecond);
  const promises = scenario.vows.slice(ALWAYS.length).map(({ says }) => says);
  const measured = rows.flatMap(({ subject, account }) => {
    const words = measuresOf(account);
    return words === '' ? [] : [`${TITLES[subject]}: ${words}.`];
  });
  return [
    [
      `## ${scenario.name}`,
      `Fault: ${scenario.fault}. Load: ${scenario.load.replace('{rate}', perSecond.toLocaleString('en-US'))}.`,
      table(rows),
      ...(measured.length === 0 ? [] : [measured.map((line) => `- ${line}`).join('\n')]),
      ...[...new Set(rows.flatMap(({ account }) => account.notes))],
      ...(promises.length === 0 ? [] : [`Promised: ${promises.join('; ')}.`]),
      `${first.date.slice(0, 10)}, seed ${first.seed}; ${first.machine}; Node ${first.node}.`,
    ].join('\n\n'),
  ];
}

function table(rows: readonly Kept[]): string {
  const head = [
    'proxy',
    'version',
    'requests',
    'answered',
    'retried',
    'refused',
    'cut',
    'lost',
    'wrong',
    'twice',
    'p99 ms',
  ];
  const lines = rows.map(({ subject, version, account }) => {
    const { sent, answered, refused, cut, lost, wrong } = totalOf(account);
    const figures = [sent, answered, account.retried, refused, cut, lost, wrong, account.twice].map(figure);
    return [TITLES[subject], version, ...figures, account.p99Ms.toFixed(1)];
  });
  const rule = head.map((_, column) => (column < 2 ? '---' : '--:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function figure(value: number | null): string {
  return value === null ? '–' : value.toLocaleString('en-US');
}

/** The measures of an account in words: their names are read apart, `p99BeforeMs` as `p99 before ms`. */
function measuresOf({ measures }: Account): string {
  return Object.entries(measures)
    .map(([name, value]) => {
      const words = name.replace(
        /([a-z0-9])([A-Z])/g,
        (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
      );
      return `${words.replace(/ mi b$/, ' MiB')} ${figure(Math.round(value * 100) / 100)}`;
    })
    .join(', ');
}

if (import.meta.main) writePage();
