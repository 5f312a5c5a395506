/**
 * The metrics of rollouts and of the judge, for each service that has had one: where the last rollout is, what it is judged
 * by and how much of it is needed.
 *
 * A phase or a verdict is one series for each value that it can have, of which one is 1: a change is then a step that an alert
 * can see, and no value is a number that somebody has to look up. Evidence and what is needed of it are published side by
 * side, because the one means nothing without the other.
 */
import type { MetricsSource } from '../control/operations.ts';
import { ENDINGS, PHASES } from '../rollout/rollout.ts';
import { counter, type Family, gauge } from './metric-family.ts';

const VERDICTS = ['waiting', 'healthy', 'worse', 'inconclusive', 'halt'] as const;

/** The families of rollouts. */
export function rolloutFamilies({ rollouts }: Pick<MetricsSource, 'rollouts'>): Family[] {
  const last = rollouts.flatMap(({ service, last: rollout }) => (rollout === null ? [] : [{ service, ...rollout }]));
  const signals = last.flatMap(({ service, evidence }) =>
    evidence.map(({ signal, value, needed }) => ({ labels: { service, signal }, value, needed })),
  );
  return [
    gauge(
      'rollout_phase',
      'Where the last rollout of a service is: 1 for the phase that it is in.',
      last.flatMap(({ service, phase: present }) =>
        PHASES.map((phase) => ({ labels: { service, phase }, value: phase === present ? 1 : 0 })),
      ),
    ),
    gauge(
      'rollout_step',
      'The step that the last rollout of a service is at or has reached, from 1.',
      last.map(({ service, step }) => ({ labels: { service }, value: step })),
    ),
    gauge(
      'rollout_steps',
      'How many steps the plan of the last rollout of a service has.',
      last.map(({ service, steps }) => ({ labels: { service }, value: steps })),
    ),
    counter(
      'rollouts_total',
      'Rollouts that have ended since the start, by how.',
      rollouts.flatMap(({ service, outcomes }) =>
        ENDINGS.map((outcome) => ({ labels: { service, outcome }, value: outcomes[outcome] })),
      ),
    ),
    gauge(
      'rollout_waits_for',
      'How many services of its group the last rollout of a service is waiting for.',
      last.map(({ service, waitsFor }) => ({ labels: { service }, value: waitsFor })),
    ),
    counter(
      'rollouts_taken_along_total',
      'Rollouts that were taken back with another service of their group, since the start.',
      rollouts.map(({ service, takenAlong }) => ({ labels: { service }, value: takenAlong })),
    ),
    gauge(
      'judge_evidence',
      'Evidence that the candidate is worse, by signal; it is blamed when there is as much as is needed.',
      signals.map(({ labels, value }) => ({ labels, value })),
    ),
    gauge(
      'judge_evidence_needed',
      'The evidence that blames the candidate, by signal.',
      signals.map(({ labels, needed }) => ({ labels, value: needed })),
    ),
    gauge(
      'judge_verdict',
      'What the judge says of the last rollout of a service: 1 for its verdict.',
      last.flatMap(({ service, verdict: present }) =>
        VERDICTS.map((verdict) => ({ labels: { service, verdict }, value: verdict === present ? 1 : 0 })),
      ),
    ),
  ];
}
