/**
 * The metrics of flags: what was given to whom and why, where each flag stands, and how often it was changed.
 *
 * Labels are names of flags and variants, which the config and operators choose; never anything of a user, or of a context. A pair
 * of variant and reason appears when it was given first: of the many that are possible, few ever are.
 */
import type { MetricsSource } from '../control/operations.ts';
import { counter, type Family, gauge } from './metric-family.ts';

/** The families of flags. */
export function flagFamilies({ evaluations, changes, flags }: MetricsSource['flags']): Family[] {
  return [
    counter(
      'flag_evaluations_total',
      'Evaluations of a flag, by the variant that was given and the reason; without a flag, those of flags that are not known.',
      evaluations.map(({ count, ...labels }) => ({ labels, value: count })),
    ),
    gauge(
      'flag_share',
      'The share of the keys that a flag is on for, 0 to 1, whether it is killed or not.',
      flags.flatMap(({ flag, share }) => (share === null ? [] : [{ labels: { flag }, value: share }])),
    ),
    gauge(
      'flag_killed',
      'Whether a flag is killed: 1 if nobody is treated, whatever it says.',
      flags.map(({ flag, killed }) => ({ labels: { flag }, value: killed ? 1 : 0 })),
    ),
    counter(
      'flag_changes_total',
      'Changes of a flag since the start, by how.',
      changes.map(({ flag, how, count }) => ({ labels: { flag, how }, value: count })),
    ),
  ];
}

const VERDICTS = ['waiting', 'healthy', 'worse', 'inconclusive', 'halt'] as const;

/** The families of the guards of flags. */
export function flagGuardFamilies(guards: MetricsSource['flagGuards']): Family[] {
  const signals = guards.flatMap(({ flag, evidence }) =>
    evidence.map(({ signal, value, needed }) => ({ labels: { flag, signal }, value, needed })),
  );
  return [
    gauge(
      'flag_judge_evidence',
      'Evidence that those whom a flag treats fare worse, by signal; it is killed when there is as much as is needed.',
      signals.map(({ labels, value }) => ({ labels, value })),
    ),
    gauge(
      'flag_judge_evidence_needed',
      'The evidence that kills a flag, by signal.',
      signals.map(({ labels, needed }) => ({ labels, value: needed })),
    ),
    gauge(
      'flag_judge_unheard',
      'Bad events in the present period of the guard of a flag that were not counted, since its memory of who has spoken was full.',
      guards.map(({ flag, unheard }) => ({ labels: { flag }, value: unheard })),
    ),
    gauge(
      'flag_judge_verdict',
      'What the guard of a flag says of its treatment: 1 for its verdict.',
      guards.flatMap(({ flag, verdict: present }) =>
        VERDICTS.map((verdict) => ({ labels: { flag, verdict }, value: verdict === present ? 1 : 0 })),
      ),
    ),
  ];
}
