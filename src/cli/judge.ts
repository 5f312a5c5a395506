/**
 * `tidegate judge replay ID`: what the judge would have said of a past rollout under other settings.
 *
 * The exit code is that of the judgement, so that a script can try settings on all past releases: 0 where the candidate would have
 * been left alone, 1 where it would have been turned back.
 */

import type { Explanation } from '../control/operations.ts';
import { shareText } from '../judge/figures.ts';
import { adminOf, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { askExplanation } from './explanation-request.ts';
import { agreementLine, explanationText } from './explanation-text.ts';
import { span } from './figures.ts';
import { type CliIo, EXIT } from './io.ts';
import { endLine, rolloutLine } from './rollout-line.ts';
import { chanceOf, multipleOf } from './rollout-options.ts';
import { plain, shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'judge replay',
  usage: 'ID|SERVICE [--margin 1.5x] [--false-alarm 0.1%]',
  about: `Judges a past rollout again from its decision log, under other settings. What a bad
event is was decided when it happened, and what traffic would have done after another
decision nobody knows. Exits with 1 when the candidate would have been turned back.`,
  words: { least: 1, most: 1 },
  options: {
    margin: { value: 'N', help: 'how many times as many bad events are fine, such as 1.5x, for all signals' },
    'false-alarm': { value: 'SHARE', help: 'how often a harmless release may be turned back, such as 0.1%' },
  },
};

const USAGE = 'usage: tidegate judge replay ID|SERVICE [--margin 1.5x] [--false-alarm 0.1%]\n';

/** Runs the one verb that there is. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = args;
  if (first === 'replay') return replay(rest, io);
  if (first === '--help' || first === '-h') return replay(['--help'], io);
  io.err(first === undefined ? USAGE : `tidegate judge: there is no ${JSON.stringify(first)}\n${USAGE}`);
  return EXIT.usage;
}

async function replay(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const query: Record<string, string> = {};
  const margin = command.value('margin');
  if (margin !== undefined) {
    const value = multipleOf(margin);
    if (value === undefined) return misused(SPEC, '--margin needs a multiple such as 1.5x, from 1x to 100x', io);
    query.margin = String(value);
  }
  const falseAlarm = command.value('false-alarm');
  if (falseAlarm !== undefined) {
    const value = chanceOf(falseAlarm);
    if (value === undefined) return misused(SPEC, '--false-alarm needs a share between 0% and 100%, such as 0.1%', io);
    query.falseAlarm = String(value);
  }
  const json = command.has('json');
  const answer = await askExplanation(admin, { word: command.words[0]! }, query);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const explanation = answer.value;
  if (json) {
    io.out(`${JSON.stringify(explanation)}\n`);
  } else {
    const { columns, colour, unicode } = io.screen();
    const verdicts = explanation.moments.filter(({ kind }) => kind === 'verdict');
    io.out(explanationText({ ...explanation, moments: verdicts }, { width: columns, colour, unicode }));
    io.out(shown(`${agreementLine(explanation)}: ${settingsText(explanation)}`, io));
    const { rollout } = explanation;
    io.out(shown(`as it was: ${rollout.endedAt === null ? rolloutLine(rollout) : endLine(rollout)}`, io));
    io.out(shown(outcomeText(explanation), io));
  }
  return explanation.turnedBackAtMs === null ? EXIT.done : EXIT.refused;
}

function settingsText({ settings }: Explanation): string {
  const margins = settings.signals.flatMap((signal) =>
    signal.kind === 'compared' ? [`${plain(signal.name)} margin ${signal.margin}x`] : [],
  );
  return [`false alarms ${shareText(settings.falseAlarm)}`, ...margins].join(', ');
}

function outcomeText({ turnedBackAtMs, lastVerdict }: Explanation): string {
  if (turnedBackAtMs !== null) return `it would have been turned back after ${span(turnedBackAtMs)}`;
  const last = lastVerdict === null ? 'nothing was judged' : `in the end: ${plain(lastVerdict.sentence)}`;
  return `it would not have been turned back; ${last}`;
}
