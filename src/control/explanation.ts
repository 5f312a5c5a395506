/**
 * What happened in a rollout and why, told from its decision log alone: each change of the verdict with all its numbers,
 * and each decision with the verdict that stood when it was made.
 *
 * The looks of the log are judged again, by the same function as then, so the numbers are not remembered but found anew; what
 * was recorded at the time (the kind of each verdict, and the last verdict to its last digit) is compared with them. Where the two
 * differ, the log or the judge is not what it was, and the explanation says at which look.
 *
 * A long rollout has hundreds of thousands of looks. They are read and judged page by page, with a break after each, so that
 * nobody who asks for an explanation delays a verdict that is made at the moment; and of a verdict that swings to and fro, the
 * first moments are kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { judge, openJudgement } from '../judge/judgement.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { RolloutView } from './operations.ts';
import type { Decision } from './rollout-record.ts';
import type { Verification } from './verification.ts';

/** Moments that an explanation holds at most; further ones are counted. */
export const MOMENTS_MAX = 2_000;
/** Looks that may differ and are named; further ones are counted. */
const DIFFERING_MAX = 20;

/** Something that happened: ISO time, the rollout's own clock (null before the first look), and what it was. */
export type Moment = { readonly at: string; readonly atMs: number | null } & (
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** A decision or another event, with the verdict of the last look before it. */
  | { readonly kind: 'told'; readonly what: string; readonly text: string; readonly verdict: Verdict | null }
  | { readonly kind: 'verification'; readonly verification: Verification }
);

export interface Explanation {
  readonly rollout: RolloutView;
  /** What the looks were judged by here: the settings of the time, or others. */
  readonly settings: JudgeSettings;
  readonly looks: number;
  readonly moments: readonly Moment[];
  /** How many moments there were beyond those. */
  readonly momentsLeftOut: number;
  /** The first look at which the candidate was worse, on the rollout's clock; null when it never was. */
  readonly turnedBackAtMs: number | null;
  /** The verdict of the last look; null without any. */
  readonly lastVerdict: Verdict | null;
  /** Whether this is what was recorded at the time; null under other settings than those. */
  readonly agreement: {
    readonly differing: number;
    readonly looks: readonly { readonly atMs: number; readonly recorded: string; readonly replayed: string }[];
    /** Whether the last verdict is the recorded one to the last digit. */
    readonly isLastSame: boolean;
  } | null;
}

/** What is to be explained. `page` gives decisions after a sequence number, in order, and none at the end. */
export interface Account {
  readonly rollout: RolloutView;
  readonly settings: JudgeSettings;
  /** Whether these are the settings of the time. */
  readonly isOwn: boolean;
  readonly page: (after: number) => readonly Decision[];
  /** Lets others work; resolves when it is this one's turn again. */
  readonly pause: () => Promise<void>;
}

/** Explains; rejects only if reading does. */
export async function explain({ rollout, settings, isOwn, page, pause }: Account): Promise<Explanation> {
  let state = openJudgement(settings);
  let verdict: Verdict | null = null;
  let atMs: number | null = null;
  let looks = 0;
  let after = 0;
  let momentCount = 0;
  let differing = 0;
  let turnedBackAtMs: number | null = null;
  const moments: Moment[] = [];
  const differences: { atMs: number; recorded: string; replayed: string }[] = [];
  const add = (moment: Moment): void => {
    momentCount += 1;
    if (moments.length < MOMENTS_MAX) moments.push(moment);
  };
  for (;;) {
    const decisions = page(after);
    const last = decisions.at(-1);
    if (last === undefined) break;
    after = last.sequence;
    for (const { at, entry } of decisions) {
      switch (entry.kind) {
        case 'look': {
          looks += 1;
          atMs = entry.look.atMs;
          const before: Verdict | null = verdict;
          const judged = judge(state, entry.look, settings);
          state = judged.state;
          verdict = judged.verdict;
          const { kind } = verdict;
          if (kind !== before?.kind || verdict.decidedBy !== before.decidedBy)
            add({ at, atMs, kind: 'verdict', verdict });
          if (kind === 'worse') turnedBackAtMs ??= atMs;
          if (kind !== entry.verdict) {
            differing += 1;
            if (differences.length < DIFFERING_MAX) differences.push({ atMs, recorded: entry.verdict, replayed: kind });
          }
          break;
        }
        case 'told':
          add({ at, atMs, kind: 'told', what: entry.what, text: entry.text, verdict });
          break;
        case 'anew':
          state = openJudgement(settings);
          add({ at, atMs, kind: 'told', what: 'anew', text: entry.why, verdict });
          verdict = null;
          break;
        case 'verification':
          add({ at, atMs, kind: 'verification', verification: entry.verification });
          break;
        default:
          entry satisfies never;
      }
    }
    await pause();
  }
  const agreement = { differing, looks: differences, isLastSame: isSame(verdict, rollout.verdict) };
  return {
    rollout,
    settings,
    looks,
    moments,
    momentsLeftOut: momentCount - moments.length,
    turnedBackAtMs,
    lastVerdict: verdict,
    agreement: isOwn ? agreement : null,
  };
}

/** Whether two verdicts are the same once they are written down: a record that was kept has no undefined keys. */
function isSame(replayed: Verdict | null, recorded: Verdict | null): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(replayed)), JSON.parse(JSON.stringify(recorded)));
}
