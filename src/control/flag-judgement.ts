/**
 * What the rollout of a flag goes by: the word of the flag's guard.
 *
 * The guard is the one judge of a flag. It has both arms of it in every version, it knows what is a version's fault, and it watches
 * on when no rollout runs; a second judge over the same counts would only be a second chance of a false alarm. So a rollout asks it
 * and keeps no evidence of its own. Without a guard, or while there is nobody to compare with, time alone decides, and that is said.
 *
 * A guard knows of no holds and never says `inconclusive`: who is still waiting when the time of a step is over, with requests of
 * the treatment behind it, cannot tell. Without any it goes on waiting, as for a service.
 */
import type { JudgeSettings } from '../judge/signals.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { Judgement } from '../rollout/machine.ts';
import type { FlagEntry } from './flag-book.ts';

/** What a guard says of its flag. */
export interface GuardWord {
  /** Why it judges nothing now; null while it does. */
  readonly rests: string | null;
  /** It judges and does nothing. */
  readonly dryRun: boolean;
  readonly verdict: Verdict;
  /** What it judges by. */
  readonly settings: JudgeSettings;
  /** Requests that the treatment has had since the dial came to a slot; 0 for another than the present one. */
  readonly requestsAt: (slot: number) => number;
}

/** What the machine is told at a tick; `guard` is null for a flag without one. */
export function judgementOfFlag(
  { killed, since }: Pick<FlagEntry, 'killed' | 'since'>,
  guard: GuardWord | null,
  isHoldOver: boolean,
): Judgement {
  // Whoever has killed it: nobody has the treatment any more.
  if (killed) {
    return {
      verdict: 'worse',
      sentence: since.how === 'guard' ? `killed by its guard: ${since.reason}` : 'it is killed',
    };
  }
  if (guard === null || unjudgedBy(guard) !== null) return { verdict: 'unjudged', sentence: '' };
  const { kind, sentence } = guard.verdict;
  switch (kind) {
    case 'healthy':
    case 'worse':
    case 'inconclusive':
      return { verdict: kind, sentence };
    case 'halt':
      return { verdict: 'halted', sentence };
    case 'waiting':
      return { verdict: isHoldOver && hasTraffic(guard.verdict) ? 'inconclusive' : 'waiting', sentence };
    default:
      return kind satisfies never;
  }
}

/** Why time alone decides; null where a guard does. */
export function unjudgedBy(guard: GuardWord | null): string | null {
  if (guard === null) return 'without a guard, nothing is judged';
  if (guard.dryRun) return 'its guard is a dry run';
  return guard.rests === null ? null : `its guard rests: ${guard.rests}`;
}

function hasTraffic({ signals }: Verdict): boolean {
  return signals.some((one) => one.kind === 'compared' && one.numbers.counts.candidate.requests > 0);
}
