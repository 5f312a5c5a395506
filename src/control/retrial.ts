/**
 * A part of a past rollout judged again: the decisions of one part of its log, and the verdict after each look among them.
 *
 * A verdict rests on all looks before it, so the log is judged from its beginning whichever part is asked for; what is held is
 * that part alone, since the log of a long rollout has hundreds of thousands of looks. It is read and judged page by page,
 * with a break after each, so that nobody who asks delays a verdict that is made at the moment.
 */
import type { JudgeState, Look } from '../judge/look.ts';
import { type Replay, replay } from '../judge/replay.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { LogPart, Retrial } from './operations.ts';
import type { Decision } from './rollout-record.ts';

/** The log that is judged again. */
export interface PastLog {
  readonly settings: JudgeSettings;
  /** Decisions after a sequence number, in order, and none at the end. */
  readonly page: (after: number) => readonly Decision[];
  /** Lets others work; resolves when it is this one's turn again. */
  readonly pause: () => Promise<void>;
}

/** Judges the log again and gives a part of it; rejects only if reading does. */
export async function retrial({ settings, page, pause }: PastLog, part: LogPart): Promise<Omit<Retrial, 'rollout'>> {
  let state: JudgeState | null = null;
  let turnedBackAtMs: number | null = null;
  let isMore = false;
  const verdicts: Retrial['verdicts'][number][] = [];
  const decisions: Decision[] = [];
  for (let read = page(0); read.length > 0; read = page(read.at(-1)!.sequence)) {
    const looks = read.filter(({ entry }) => entry.kind === 'look');
    const judged: Replay = replay(read.flatMap(judgedFrom), settings, state);
    state = judged.state;
    turnedBackAtMs ??= judged.turnedBack?.atMs ?? null;
    const after = read.filter(({ sequence }) => sequence > part.after);
    const taken = after.slice(0, part.limit - decisions.length);
    isMore ||= taken.length < after.length;
    decisions.push(...taken);
    const [first = Number.POSITIVE_INFINITY, last = 0] = [taken[0]?.sequence, taken.at(-1)?.sequence];
    verdicts.push(...judged.verdicts.filter((_, index) => isWithin(looks[index]!.sequence, first, last)));
    await pause();
  }
  return { verdicts, turnedBackAtMs, decisions, next: isMore ? (decisions.at(-1)?.sequence ?? null) : null };
}

function judgedFrom({ entry }: Decision): (Look | 'anew')[] {
  if (entry.kind === 'anew') return ['anew'];
  return entry.kind === 'look' ? [entry.look] : [];
}

function isWithin(sequence: number, first: number, last: number): boolean {
  return sequence >= first && sequence <= last;
}
