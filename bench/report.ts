/**
 * Turns samples into tables and sentences. Pure: the same results give the same text, and no figure is ever typed.
 *
 * Every figure is a median over rounds, and every ratio a median of ratios inside the rounds (see `statistics.ts`).
 * What was not measured is a dash and is never guessed. Whether a target is met is computed here from the same numbers
 * that the table shows.
 */
import type { CutoverResult } from './cutover/scenario.ts';
import type { Circumstances } from './machine.ts';
import type { RaceResult, Sample, Track } from './race.ts';
import { targetShape } from './shapes.ts';
import { median, range, ratioByRound } from './statistics.ts';

/** The most that Tidegate may cost in CPU per request, as a multiple of nginx in the same run. */
export const targetRatio = 1.5;

/** Everything that one run of the bench has measured; the content of `results/<name>.json`. */
export interface BenchResults {
  readonly circumstances: Circumstances;
  readonly races: readonly RaceResult[];
  readonly cutovers: readonly CutoverResult[];
  /** Contenders and switches that are installed but could not be started, or refused the switch. */
  readonly leftOut: readonly string[];
}

/** The figures of one contender in one race; null is what was not measured. */
export interface Standing {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly cpuUs: number | null;
  readonly timesNginx: number | null;
  readonly timesRelay: number | null;
  readonly requestsPerSecond: number | null;
  readonly latencyP50Us: number | null;
  readonly latencyP99Us: number | null;
  /** Sum over all rounds. */
  readonly failed: number;
}

/** The contenders of a race, the cheapest first; those without a single good round last. */
export function standings(race: RaceResult): Standing[] {
  const nginx = cpuByRound(race.tracks.find((track) => track.name === 'nginx'));
  const relay = cpuByRound(race.tracks.find((track) => track.name === 'blind-relay'));
  const rows = race.tracks.map((track) => {
    const cpu = cpuByRound(track);
    return {
      name: track.name,
      title: track.title,
      version: track.version,
      cpuUs: middle(track, (sample) => sample.cpuUsPerRequest),
      timesNginx: ratioByRound(cpu, nginx),
      timesRelay: ratioByRound(cpu, relay),
      requestsPerSecond: middle(track, (sample) => sample.requestsPerSecond),
      latencyP50Us: middle(track, (sample) => sample.latencyP50Us),
      latencyP99Us: middle(track, (sample) => sample.latencyP99Us),
      failed: track.samples.reduce((sum, sample) => sum + (sample?.failed ?? 0), 0),
    };
  });
  return rows.sort((left, right) => (left.cpuUs ?? Number.MAX_VALUE) - (right.cpuUs ?? Number.MAX_VALUE));
}

function cpuByRound(track: Track | undefined): (number | null)[] {
  return track?.samples.map((sample) => sample?.cpuUsPerRequest ?? null) ?? [];
}

function middle(track: Track, pick: (sample: Sample) => number | null): number | null {
  return median(track.samples.flatMap((sample) => (sample === null ? [] : (pick(sample) ?? []))));
}

/** The table of one race. */
export function raceTable(race: RaceResult): string {
  const head = [
    'proxy',
    'version',
    'µs/request',
    'x nginx',
    'x blind relay',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'failed',
  ];
  const rows = standings(race).map((row) => [
    row.title,
    row.version,
    figure(row.cpuUs, 1),
    figure(row.timesNginx, 2),
    figure(row.timesRelay, 2),
    figure(row.requestsPerSecond, 0),
    figure(row.latencyP50Us === null ? null : row.latencyP50Us / 1_000, 2),
    figure(row.latencyP99Us === null ? null : row.latencyP99Us / 1_000, 2),
    String(row.failed),
  ]);
  return table(head, rows);
}

/**
 * The table of the cutover scenario; ranges run over all switches of a row. Losses from before the first switch are no
 * switch's doing, and are told below the table.
 */
export function cutoverTable(cutovers: readonly CutoverResult[]): string {
  const head = ['switch', 'version', 'switches', 'takes, ms', 'late requests', 'late for, ms', 'lost', 'of requests'];
  const rows = cutovers.map(({ title, version, switches, requests }) => [
    title,
    version,
    String(switches.length),
    span(switches, (each) => each.commandMs, 1),
    span(switches, (each) => each.late, 0),
    span(switches, (each) => each.lateForMs, 1),
    span(switches, (each) => each.lost, 0),
    figure(requests, 0),
  ]);
  const early = cutovers.filter(({ lostBefore }) => lostBefore > 0);
  const notes = early.map(({ title, lostBefore }) => `${title}: ${lostBefore} lost before the first switch.`);
  return [table(head, rows), ...notes].join('\n\n');
}

/** Whether a target is met, as a sentence that begins with `Met`, `Missed` or `Not measured`. */
export function targetVerdicts(results: BenchResults): readonly string[] {
  const race = results.races.find((each) => each.shape === targetShape);
  const ratio = race && standings(race).find((row) => row.name === 'tidegate')?.timesNginx;
  const cpu = `Tidegate uses at most ${targetRatio}x nginx's CPU per request (small GET)`;
  const verdicts: string[] = [];
  if (ratio == null) verdicts.push(`Not measured: ${cpu}; this run holds no figure for both.`);
  else verdicts.push(`${ratio <= targetRatio ? 'Met' : 'Missed'}: ${cpu}; it used ${ratio.toFixed(2)}x.`);

  for (const [name, way] of [
    ['tidegate-api', 'API'],
    ['tidegate-cli', 'command line'],
  ] as const) {
    const clean = `A cutover by the ${way} leaves no late request and loses none`;
    const cutover = results.cutovers.find((each) => each.name === name);
    if (cutover === undefined || cutover.switches.length === 0) {
      verdicts.push(`Not measured: ${clean}.`);
      continue;
    }
    const late = cutover.switches.reduce((sum, each) => sum + each.late, 0);
    const lost = cutover.switches.reduce((sum, each) => sum + each.lost, cutover.lostBefore);
    const seen = `${late} late, ${lost} lost of ${figure(cutover.requests, 0)} in ${cutover.switches.length} switches`;
    verdicts.push(`${late === 0 && lost === 0 ? 'Met' : 'Missed'}: ${clean}; ${seen}.`);
  }
  return verdicts;
}

/** Where and how a run was made, as a list. */
export function circumstancesList({ circumstances, leftOut }: BenchResults): string {
  const { missing } = circumstances;
  return [
    `- Date: ${circumstances.date}`,
    `- Command: \`${circumstances.command}\``,
    `- Machine: ${circumstances.cpu}, ${circumstances.cores} cores, ${circumstances.kernel}`,
    `- Node ${circumstances.node}; load by ${circumstances.load}`,
    `- ${circumstances.pinning}`,
    ...(leftOut.length === 0 ? [] : [`- Left out, because it failed: ${leftOut.join(', ')}.`]),
    `- ${missing.length === 0 ? 'Every program that the bench knows is installed.' : `Missing, because not installed here: ${missing.join(', ')}.`}`,
  ].join('\n');
}

/** All tables of a run with their circumstances; the content of `results/<name>.md`, without its first heading. */
export function resultsText(results: BenchResults): string {
  const parts = [circumstancesList(results), list(targetVerdicts(results))];
  for (const race of results.races) {
    parts.push(`## ${race.title}`, `${race.rounds} interleaved rounds of ${race.seconds} s.`, raceTable(race));
  }
  if (results.cutovers.length > 0) parts.push('## Cutover under load', cutoverTable(results.cutovers));
  return `${parts.join('\n\n')}\n`;
}

/** A Markdown list of sentences. */
export function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column < 2 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

function figure(value: number | null, digits: number): string {
  if (value === null) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function span<Item>(items: readonly Item[], pick: (item: Item) => number, digits: number): string {
  const ends = range(items.map(pick));
  if (ends === null) return '–';
  const [min, max] = [figure(ends.min, digits), figure(ends.max, digits)];
  return min === max ? min : `${min} to ${max}`;
}
