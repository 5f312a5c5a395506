/**
 * A part of a past rollout judged again: the decisions of one part of its log, and the verdict after each look among them.
 *
 * A verdict rests on all looks before it, so the log is judged from its beginning whichever part is asked for; what is held is
 * that part alone, since the log of a long rollout has hundreds of thousands of looks. It is read and judged page by page,
 * with a break after each, so that nobody who asks delays a verdict that is made at the moment.
 */
import { judge, openJudgement } from '../judge/judgement.ts';
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
export async function retry({ settings, page, pause }: PastLog, part: LogPart): Promise<Omit<Retrial, 'rollout'>> {
  let state = openJudgement(settings);
  let turnedBackAtMs: number | null = null;
  let isMore = false;
  const verdicts: Retrial['verdicts'][number][] = [];
  const decisions: Decision[] = [];
  for (let read = page(0); read.length > 0; read = page(read.at(-1)!.sequence)) {
    for (const decision of read) {
      const { entry, sequence } = decision;
      const isPart = sequence > part.after && decisions.length < part.limit;
      if (isPart) decisions.push(decision);
      else if (sequence > part.after) isMore = true;
      if (entry.kind !== 'look') continue;
      const judged = judge(state, entry.look, settings);
      state = judged.state;
      if (judged.verdict.kind === 'worse') turnedBackAtMs ??= entry.look.atMs;
      if (isPart) verdicts.push({ atMs: entry.look.atMs, verdict: judged.verdict });
    }
    await pause();
  }
  return { verdicts, turnedBackAtMs, decisions, next: isMore ? (decisions.at(-1)?.sequence ?? null) : null };
}
