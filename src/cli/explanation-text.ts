/**
 * The story of a rollout for people: moment by moment what happened, each change of the verdict with the numbers of every signal, and
 * at the end whether the log, judged again, agrees with what was recorded.
 */

import type { Explanation, Moment } from '../control/operations.ts';
import { span } from './figures.ts';
import { paint, type Tone } from './paint.ts';
import { candidateText } from './rollout-card.ts';
import { opinionTone, type Sides, signalLines } from './signal-text.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, fit, plain, when, wrapped } from './terminal-text.ts';

const TIME_COLUMNS = '12:00:00Z'.length;
const WHAT_COLUMNS = 'approval-needed'.length;
const INDENT = 2;
const WIDTH_MOST = 120;

/** The whole story; ends with a line break. */
export function explanationText(explanation: Explanation, style: TableStyle): string {
  const wide = { ...style, width: Math.min(WIDTH_MOST, Math.max(60, style.width)) };
  const { rollout, moments, momentsLeftOut } = explanation;
  const head = `  rollout ${rollout.id} to ${candidateText(rollout)}, ${plain(rollout.plan)}, by ${plain(rollout.startedBy)}, ${when(rollout.startedAt)}`;
  const lines = [paint(plain(rollout.service), 'bold', style.colour) + head];
  for (const moment of moments) lines.push(...momentLines(moment, rollout, wide));
  if (momentsLeftOut > 0) lines.push(`  (and ${momentsLeftOut} more)`);
  const text = `${lines.join('\n')}\n`;
  return style.unicode ? text : ascii(text);
}

/** Whether what was recorded is what the log says. */
export function agrees({ agreement }: Explanation): boolean {
  return agreement === null || (agreement.differing === 0 && agreement.isLastSame);
}

/** One line that says so, or where they differ. */
export function agreementLine(explanation: Explanation): string {
  const { looks, agreement } = explanation;
  if (agreement === null) return `${looks} looks judged again under other settings`;
  const judged = `${looks} looks judged again from the log`;
  if (looks === 0) return 'the judge has not looked: there is nothing to judge again';
  if (agrees(explanation)) return `${judged}: each verdict is the recorded one, the last one to the last digit`;
  const first = agreement.looks[0];
  if (first === undefined) return `${judged}: the last verdict is NOT the recorded one in all of its numbers`;
  const at = `the first after ${span(first.atMs)}: recorded as ${plain(first.recorded)}, judged ${plain(first.replayed)}`;
  return `${judged}: ${agreement.differing} verdicts are NOT the recorded ones, ${at}`;
}

function momentLines(moment: Moment, sides: Sides, style: TableStyle): string[] {
  const time = when(moment.at).slice(-TIME_COLUMNS);
  switch (moment.kind) {
    case 'verdict': {
      const { kind, sentence } = moment.verdict;
      const narrow = { ...style, width: style.width - INDENT - TIME_COLUMNS };
      const below = signalLines(moment.verdict, sides, narrow).map((line) => ' '.repeat(INDENT + TIME_COLUMNS) + line);
      return [...entry(time, 'verdict', sentence, opinionTone(kind), style), ...below];
    }
    case 'told':
      return entry(time, moment.what, moment.text, 'none', style);
    case 'verification': {
      const { ok, text, results } = moment.verification;
      const failed = results
        .filter((one) => !one.ok)
        .flatMap(({ endpoint, check, detail }) => entry('', '', `${endpoint} ${check}: ${detail}`, 'none', style));
      return [...entry(time, 'verification', ok ? text : 'not verified', ok ? 'none' : 'red', style), ...failed];
    }
    default:
      return moment satisfies never;
  }
}

function entry(time: string, what: string, text: string, tone: Tone, style: TableStyle): string[] {
  const before = INDENT + TIME_COLUMNS + 2 + WHAT_COLUMNS + 2;
  return wrapped(plain(text), style.width - before).map((line, index) => {
    const [at, label] = index === 0 ? [time, what] : ['', ''];
    const head = `${fit(at, TIME_COLUMNS, 'left', '~')}  ${fit(plain(label), WHAT_COLUMNS, 'left', '~')}`;
    return `${' '.repeat(INDENT)}${head}  ${paint(line, tone, style.colour)}`;
  });
}
