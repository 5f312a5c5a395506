/**
 * The metrics of signals that are read from elsewhere: how often, with what result, and the last numbers.
 *
 * They are read only while a rollout runs, so the numbers are those of the last one. What the judge makes of them is with the
 * metrics of the judge.
 */
import type { MetricsSource } from '../control/operations.ts';
import { counter, type Family, gauge } from './metric-family.ts';

const RESULTS = ['ok', 'nothing', 'failed'] as const;

/** The families of all configured signals that are read; every result is published from the start. */
export function signalFamilies(signals: MetricsSource['signals']): Family[] {
  return [
    counter(
      'signal_reads_total',
      'Times that a signal was read, by what came of it.',
      signals.flatMap(({ service, signal, reads }) =>
        RESULTS.map((result) => ({ labels: { service, signal, result }, value: reads[result] })),
      ),
    ),
    gauge(
      'signal_value',
      'The number that a signal was last read as, by side; absent when the last reading gave none.',
      signals.flatMap(({ service, signal, candidate, active }) =>
        Object.entries({ candidate, active }).flatMap(([side, value]) =>
          value === null ? [] : [{ labels: { service, signal, side }, value }],
        ),
      ),
    ),
  ];
}
