/**
 * What the record of a rollout comes to for the state machine: the verdict in its words, and how many requests a step has had.
 */
import type { Judgement } from '../rollout/machine.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** What the judge says now, as the machine takes it. */
export function judgementOf({ verdict, rollout }: RolloutRecord): Judgement {
  if (verdict === null) return { verdict: 'waiting', sentence: 'nothing has been judged yet' };
  const { kind, sentence } = verdict;
  if (kind === 'worse') return { verdict: 'worse', sentence };
  if (kind === 'halt') return { verdict: 'halted', sentence };
  // At 100% nobody is left to compare with: the ceiling still speaks, and else the time.
  if (rollout.share === 1) return { verdict: 'unjudged', sentence: '' };
  return { verdict: kind, sentence };
}

/** Requests that the candidate has had in the present step. */
export function requestsInStep({ judge, stepEpoch }: RolloutRecord): number {
  const errors = judge.signals.find(({ name }) => name === 'errors')?.evidence.epochs ?? [];
  return errors.filter(({ epoch }) => epoch >= stepEpoch).reduce((sum, { candidate }) => sum + candidate.requests, 0);
}
