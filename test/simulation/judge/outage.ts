/**
 * Harmless releases that meet an outage of both sides, before the whole judge: evidence, floor and ceiling together.
 *
 * The ceiling is an absolute rule and no test, so looking more often could make it blame more often. Here it is looked at as
 * the live loop looks: ten times a second, and between two ticks as soon as the candidate has had a bad event. Such a look
 * leaves no trace unless it blames, as in `rollout-run.ts`.
 */
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import type { Verdict } from '../../../src/judge/verdict.ts';
import { counts, errorsLook, SETTINGS } from '../../unit/judge/stage.ts';
import type { Draws } from './draws.ts';

const TICKS = 600;
const OUTAGE_FROM = 200;
const REQUESTS_PER_TICK = 4;
const SHARE = 0.1;

/** What an outage came to: whether the candidate was blamed, and whether the ramp was halted. */
export interface Outage {
  readonly isBlamed: boolean;
  readonly isHalted: boolean;
}

/** One release at 10%, a minute long, in the last two thirds of which 15 to 45% of the requests of both sides fail. */
export function outageRelease(looksEarly: boolean, draws: Draws): Outage {
  const rate = 0.15 + 0.3 * draws.uniform();
  const green: [number, number] = [0, 0];
  const blue: [number, number] = [0, 0];
  let state = openJudgement(SETTINGS);
  let isHalted = false;
  const look = (atMs: number): ReturnType<typeof judge> =>
    judge(state, errorsLook([counts(1, SHARE, [...green], [...blue])], { atMs }), SETTINGS);
  const blames = ({ verdict }: { readonly verdict: Verdict }): boolean => verdict.kind === 'worse';
  for (let tick = 0; tick < TICKS; tick++) {
    for (let request = 0; request < REQUESTS_PER_TICK; request++) {
      const isCandidate = draws.uniform() < SHARE;
      const side = isCandidate ? green : blue;
      side[0] += 1;
      if (draws.uniform() >= (tick < OUTAGE_FROM ? 0.002 : rate)) continue;
      side[1] += 1;
      if (looksEarly && isCandidate && blames(look((tick - 1) * 100))) return { isBlamed: true, isHalted };
    }
    const judged = look(tick * 100);
    state = judged.state;
    if (blames(judged)) return { isBlamed: true, isHalted };
    isHalted ||= judged.verdict.kind === 'halt';
  }
  return { isBlamed: false, isHalted };
}
