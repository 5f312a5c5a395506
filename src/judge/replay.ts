/**
 * Judging a past rollout again, from its looks, under the same settings or others.
 *
 * It is the live function over the kept looks and nothing else, so the same settings give the same verdicts to the last digit.
 * What cannot be asked again is what a bad event is: that was decided when the exchange ended. Nor does a replay know what
 * traffic would have done after a moment at which other settings had already turned back; it says when that moment was.
 */
import { judge, openJudgement } from './judgement.ts';
import type { JudgeState, Look } from './look.ts';
import type { JudgeSettings } from './signals.ts';
import type { Verdict } from './verdict.ts';

/** A verdict of a replay, and when it was. */
export interface ReplayedVerdict {
  readonly atMs: number;
  readonly verdict: Verdict;
}

/** What a replay came to. */
export interface Replay {
  /** One for each look, in their order. */
  readonly verdicts: readonly ReplayedVerdict[];
  /** The first look at which the candidate was worse; null when it never was. */
  readonly turnedBack: ReplayedVerdict | null;
  /** What a judge that saw these looks would go on with. */
  readonly state: JudgeState;
}

/**
 * Judges these looks under these settings; `from` is the `state` of those before them, if there were any. At an `anew` all that
 * was learnt before is forgotten, as it was then.
 */
export function replay(
  looks: readonly (Look | 'anew')[],
  settings: JudgeSettings,
  from: JudgeState | null = null,
): Replay {
  let state = from ?? openJudgement(settings);
  const verdicts = looks.flatMap((look): ReplayedVerdict[] => {
    if (look === 'anew') {
      state = openJudgement(settings);
      return [];
    }
    const judged = judge(state, look, settings);
    state = judged.state;
    return [{ atMs: look.atMs, verdict: judged.verdict }];
  });
  return { verdicts, turnedBack: verdicts.find(({ verdict }) => verdict.kind === 'worse') ?? null, state };
}
