/**
 * A rollout as a card: where it is, how long that lasts, who has which share, and what the judge says with its numbers.
 *
 * The same card is printed once by `rollout status` and drawn again and again while somebody waits. Sentences are wrapped and not
 * cut, because the end of a verdict says what is missing.
 */

import type { RolloutView } from '../control/operations.ts';
import { counted, percent, span } from './figures.ts';
import { seenLines } from './flag-guard-text.ts';
import { bar, paint, type Tone } from './paint.ts';
import { plainTable } from './plain-table.ts';
import { opinionTone, signalLines } from './signal-text.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, columnsOf, cut, plain, when, wrapped } from './terminal-text.ts';

const BAR_COLUMNS = 16;
const LABEL_COLUMNS = 8;
const DIGEST_SHOWN = 8;
/** A line of a card does not become longer on a wide terminal: sentences over 120 columns are hard to read. */
const WIDTH_MOST = 120;
/** What a signal's line needs; a narrower terminal wraps it. */
const WIDTH_LEAST = 60;

/** The card; `isLive` leaves out results that take many lines and say that all is well. Ends with a line break. */
export function rolloutCard(rollout: RolloutView, style: TableStyle, isLive: boolean): string {
  const wide = { ...style, width: Math.min(WIDTH_MOST, Math.max(WIDTH_LEAST, style.width)) };
  const lines = [
    heading(rollout, wide),
    ...sentence('steps', stepsText(rollout), 'none', wide),
    placeLine(rollout, wide),
    sharesLine(rollout, wide),
    ...reasonLines(rollout, wide),
    ...groupLines(rollout, wide),
    ...confirmationLines(rollout, wide),
    ...verdictLines(rollout, wide),
    ...flagLines(rollout),
    ...verificationLines(rollout, wide, isLive),
  ];
  if (rollout.isQueued) lines.push(labelled('queue', 'another rollout waits for the end of this one', 'none', wide));
  if (rollout.warmUntil) {
    const warm = `until ${when(rollout.warmUntil)}: \`tidegate rollback ${plain(rollout.service)}\` goes back in one move`;
    lines.push(labelled('warm', warm, 'none', wide));
  }
  const text = `${lines.join('\n')}\n`;
  return style.unicode ? text : ascii(text);
}

/** `green (v2.0)`. */
export function candidateText(rollout: Pick<RolloutView, 'candidate' | 'version' | 'flag'>): string {
  return `${plain(rollout.candidate)} (${versionText(rollout)})`;
}

/** The version, or of a flag the beginning of its revision, which is a digest. */
export function versionText({ version, flag }: Pick<RolloutView, 'version' | 'flag'>): string {
  return plain(flag === null ? version : version.slice(0, DIGEST_SHOWN));
}

/** Where a rollout is, in a few words: `holding, step 2 of 5`. */
export function placeText({ phase, step, steps, pausedBy, isHalted }: RolloutView): string {
  const where = `step ${step} of ${steps.length}`;
  switch (phase) {
    case 'paused':
      return `paused by ${pausedBy === 'person' ? 'hand' : plain(pausedBy ?? 'hand')}, ${where}`;
    case 'verifying':
    case 'stepping':
    case 'holding':
    case 'awaiting-approval':
    case 'rolling-back':
    case 'baking':
      return `${phase.replace('-', ' ')}${isHalted ? ', halted' : ''}, ${where}`;
    default:
      return phase.replace('-', ' ');
  }
}

/** How long the present hold or bake lasts at least; null in other phases. */
export function untilMsOf({ phase, step, steps, bakeMs }: RolloutView): number | null {
  if (phase === 'holding') return steps[step - 1]?.holdMs ?? null;
  return phase === 'baking' ? bakeMs : null;
}

function heading(rollout: RolloutView, style: TableStyle): string {
  const { service, id, plan, startedBy, startedAt } = rollout;
  const name = cut(plain(service), style.width, mark(style));
  const rest = `  rollout ${id} to ${candidateText(rollout)}, ${plain(plan)}, by ${plain(startedBy)}, ${when(startedAt)}`;
  return paint(name, 'bold', style.colour) + cut(rest, style.width - columnsOf(name), mark(style));
}

/** `1%  [5%]  25%  50%  100%  bake`: what is under way stands in brackets. */
function stepsText({ steps, step, phase, endedAt }: RolloutView): string {
  const names = [...steps.map(stepText), 'bake'];
  const now = endedAt !== null ? -1 : phase === 'baking' ? steps.length : step - 1;
  return names.map((name, index) => (index === now ? `[${name}]` : name)).join('  ');
}

function stepText({ share, approve, flags = {} }: RolloutView['steps'][number]): string {
  const set = Object.entries(flags).map(([flag, part]) => ` ${plain(flag)} ${percent(part)}%`);
  return `${percent(share)}%${approve ? ' approve' : ''}${set.length === 0 ? '' : ` with${set.join(',')}`}`;
}

function placeLine(rollout: RolloutView, style: TableStyle): string {
  const untilMs = untilMsOf(rollout);
  const tone = phaseTone(rollout);
  const text = placeText(rollout);
  if (untilMs === null) return labelled('phase', text, tone, style);
  const { elapsedMs } = rollout;
  const part = untilMs === 0 ? 1 : Math.min(1, elapsedMs / untilMs);
  const left = elapsedMs >= untilMs ? 'the time is over' : `${span(untilMs - elapsedMs)} left of ${span(untilMs)}`;
  return labelled('phase', `${text}, ${left}  ${bar(part, BAR_COLUMNS, style.unicode)}`, tone, style);
}

function sharesLine({ active, candidate, share }: RolloutView, style: TableStyle): string {
  const text = `${plain(candidate)} ${percent(share)}%  ${bar(share, BAR_COLUMNS, style.unicode)}  ${plain(active)} ${percent(1 - share)}%`;
  return labelled('shares', text, 'none', style);
}

/** The last decision; left out where it is the verdict, which follows. */
function reasonLines({ reason, verdict }: RolloutView, style: TableStyle): string[] {
  return reason === verdict?.sentence ? [] : sentence('reason', reason, 'none', style);
}

/** With whom it rolls, and whom it waits for or went back with. */
function groupLines({ group, service, takenBackWith, undone }: RolloutView, style: TableStyle): string[] {
  if (group === null) return [];
  const others = group.members.filter((member) => member.service !== service).map((member) => plain(member.service));
  const lines = sentence(
    'group',
    `${plain(group.name)}, with ${others.join(', ') || 'nobody any more'}`,
    'none',
    style,
  );
  const waits = group.waitsFor.map((one) => `${one.service} (${one.phase.replace('-', ' ')}, ${one.reason})`);
  if (waits.length > 0) lines.push(...sentence('waits', `for ${waits.join('; ')}`, 'yellow', style));
  if (undone !== null) lines.push(...sentence('undone', undone, 'red', style));
  else if (takenBackWith !== null) lines.push(...sentence('back', `with ${takenBackWith}`, 'red', style));
  return lines;
}

const AFTER_TIMEOUT = { pause: 'it is paused', promote: 'it goes on', rollback: 'it goes back' } as const;

/** The confirmation that it waits for, and until when. */
function confirmationLines({ confirmation }: RolloutView, style: TableStyle): string[] {
  if (confirmation === null) return [];
  const { step, why, leftMs, onTimeout } = confirmation;
  const then = AFTER_TIMEOUT[onTimeout] ?? 'its time is over';
  return sentence('confirm', `step ${step} waits: ${why}; ${span(leftMs)} left, then ${then}`, 'yellow', style);
}

function verdictLines(rollout: RolloutView, style: TableStyle): string[] {
  const { verdict, unjudged, flag } = rollout;
  if (unjudged !== null) return sentence('verdict', `goes by time: ${unjudged}`, 'none', style);
  if (verdict === null && flag !== null) return [];
  if (verdict === null) return [labelled('verdict', 'nothing has been judged yet', 'none', style)];
  return [
    ...sentence('verdict', verdict.sentence, opinionTone(verdict.kind), style),
    ...signalLines(verdict, rollout, style),
  ];
}

/** Guarded flags that its users have; the lines may be longer than the card, as those of a table are. */
function flagLines({ flags = [] }: RolloutView): string[] {
  return flags.flatMap(({ flag, release, table }) => seenLines(flag, release, table));
}

function verificationLines({ verification }: RolloutView, style: TableStyle, isLive: boolean): string[] {
  if (verification === null) return [];
  const { results, ok, text } = verification;
  if (isLive && ok) return [labelled('verify', plain(text), 'none', style)];
  const rows = results.map((one) => [
    plain(one.endpoint),
    plain(one.check),
    one.ok ? 'ok' : 'FAILED',
    one.ok ? '' : plain(one.detail),
  ]);
  const titles = ['ENDPOINT', 'CHECK', 'RESULT', 'DETAIL'].map((title) => ({ title, side: 'left' }) as const);
  const head = labelled(
    'verify',
    ok ? `${counted(results.length, 'check')} passed` : 'not verified',
    ok ? 'none' : 'red',
    style,
  );
  return [head, ...plainTable(titles, rows, { width: style.width, indent: 2, mark: mark(style) })];
}

function sentence(label: string, text: string, tone: Tone, style: TableStyle): string[] {
  const lines = wrapped(plain(text), style.width - LABEL_COLUMNS - 4);
  return lines.map((line, index) => labelled(index === 0 ? label : '', line, tone, style));
}

function labelled(label: string, text: string, tone: Tone, style: TableStyle): string {
  const short = cut(text, style.width - LABEL_COLUMNS - 4, mark(style));
  return `  ${paint(label.padEnd(LABEL_COLUMNS), 'dim', style.colour)}  ${paint(short, tone, style.colour)}`.trimEnd();
}

function phaseTone({ phase, isHalted }: RolloutView): Tone {
  switch (phase) {
    case 'succeeded':
      return 'green';
    case 'rolling-back':
    case 'rolled-back':
    case 'failed':
      return 'red';
    case 'paused':
    case 'awaiting-approval':
    case 'aborted':
    case 'superseded':
      return 'yellow';
    default:
      return isHalted ? 'yellow' : 'none';
  }
}

function mark(style: TableStyle): string {
  return style.unicode ? '…' : '~';
}
