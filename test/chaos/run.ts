/**
 * `npm run chaos`: every scenario with real processes, each with its account, each promise held against Tidegate.
 *
 *   --only NAME[,NAME]  those scenarios only        --seed N      repeat a run's random choices
 *   --seconds N         how long a fault lasts
 *   --minutes N         how long memory is watched  --rivals      nginx, HAProxy and Caddy under the same faults
 *   --short             a second or two of each, as in the tests
 *
 * All but a short run is kept: its outcomes take the place of earlier ones in `docs/reliability.md`. The exit code is 1 when a
 * promise is broken and 2 for a wrong option.
 */
import { parseArgs } from 'node:util';
import { exitOnSignals } from '../../bench/processes.ts';
import { totalOf } from './account.ts';
import { keep, writePage } from './page.ts';
import { type Outcome, runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios/all.ts';
import { FULL, type Scale, SHORT } from './scene.ts';
import { SUBJECTS, type SubjectName, versionOf } from './subject.ts';

const MINUTES_MAX = 24 * 60;
const SECONDS_MAX = 600;

interface Options {
  readonly chosen: readonly Scenario[];
  readonly seed: number;
  readonly scale: Scale;
  readonly rivals: boolean;
  /** Whether the outcomes go to the page. */
  readonly isKept: boolean;
}

/** Reads the command line; a string is what is wrong with it. */
function readOptions(words: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      rivals: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
    },
  });
  const names = values.only?.split(',') ?? scenarios.map(({ name }) => name);
  const stranger = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (stranger !== undefined) {
    return `There is no scenario ${stranger}; there are ${scenarios.map(({ name }) => name).join(', ')}.`;
  }
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  if (!Number.isInteger(seed) || seed < 0) return '--seed is a whole number from 0.';
  const minutes = values.minutes === undefined ? null : Number(values.minutes);
  if (minutes !== null && !(minutes > 0 && minutes <= MINUTES_MAX))
    return `--minutes is a number up to ${MINUTES_MAX}.`;
  const whole = values.short ? SHORT : FULL;
  const seconds = Number(values.seconds ?? whole.seconds);
  if (!(seconds > 0 && seconds <= SECONDS_MAX)) return `--seconds is a number up to ${SECONDS_MAX}.`;
  const scale = { ...whole, seconds };
  return {
    chosen: scenarios.filter(({ name }) => names.includes(name)),
    seed,
    scale: minutes === null ? scale : { ...scale, memorySeconds: minutes * 60 },
    rivals: values.rivals,
    isKept: !values.short,
  };
}

function print({ scenario, subject, account, broken }: Outcome, seed: number): void {
  const { sent, answered, refused, lost, cut, wrong } = totalOf(account);
  const figures = `${sent} sent, ${answered} answered, ${account.retried ?? '–'} retried, ${refused} refused, ${cut} cut, ${lost} lost, ${wrong} wrong, ${account.twice} twice`;
  const measures = Object.entries(account.measures).map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`);
  console.log(`${scenario} · ${subject}: ${[figures, `p99 ${account.p99Ms.toFixed(1)} ms`, ...measures].join(', ')}`);
  for (const [reason, count] of Object.entries(account.reasons)) console.log(`    ${count} x ${reason}`);
  for (const says of broken) console.log(`    BROKEN (seed ${seed}): it does not hold that ${says}`);
}

async function chaos({ chosen, seed, scale, rivals, isKept }: Options): Promise<number> {
  const present = SUBJECTS.filter((name) => name === 'tidegate' || (rivals && versionOf(name) !== null));
  console.log(`seed ${seed}; ${chosen.length} scenarios for ${present.join(', ')}`);
  const failures: string[] = [];
  for (const scenario of chosen) {
    const subjects: readonly SubjectName[] = scenario.rivals ? present : ['tidegate'];
    for (const subject of subjects) {
      try {
        const outcome = await runScenario(scenario, subject, seed, scale);
        if (isKept) keep([outcome], seed);
        print(outcome, seed);
        for (const says of outcome.broken) failures.push(`${scenario.name}: it does not hold that ${says}`);
      } catch (cause) {
        const words = `${scenario.name} · ${subject} could not be carried out: ${cause instanceof Error ? cause.message : cause}`;
        console.log(`    ${words}`);
        if (subject === 'tidegate') failures.push(words);
      }
    }
  }
  if (isKept) writePage();
  console.log(
    failures.length === 0
      ? 'Every promise was kept.'
      : `\n${failures.length} broken (seed ${seed}):\n${failures.join('\n')}`,
  );
  return failures.length === 0 ? 0 : 1;
}

exitOnSignals();
const options = readOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options);
  process.exit(2);
}
process.exitCode = await chaos(options);
