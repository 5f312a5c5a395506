/**
 * What /metrics says of rollouts: the last one of each service, and how those that ended have ended.
 *
 * Outcomes are counted since the process started, as every counter is, and not read from the state file: what is kept there is
 * trimmed, and a counter must not fall.
 */
import { ENDINGS, type Ending } from '../rollout/rollout.ts';
import type { Bonds } from './bonds.ts';
import type { MetricsSource } from './operations.ts';
import type { RolloutRecord } from './rollout-record.ts';

type Figures = MetricsSource['rollouts'][number];

/** Counts how rollouts end, since the process started. */
export class RolloutOutcomes {
  readonly #counts = new Map<string, Record<Ending, number>>();

  ended({ service, rollout: { phase } }: RolloutRecord): void {
    const ending = ENDINGS.find((one) => one === phase);
    if (ending === undefined) return;
    const counts = this.of(service);
    this.#counts.set(service, { ...counts, [ending]: counts[ending] + 1 });
  }

  of(service: string): Record<Ending, number> {
    return this.#counts.get(service) ?? { succeeded: 0, 'rolled-back': 0, aborted: 0, superseded: 0, failed: 0 };
  }
}

/** The figures of a service whose last rollout is this one, null when it has had none. */
export function rolloutFigures(
  service: string,
  record: RolloutRecord | undefined,
  outcomes: RolloutOutcomes,
  bonds: Pick<Bonds, 'takenAlong' | 'waitsFor'>,
): Figures {
  const last = record === undefined ? null : { ...lastOf(record), waitsFor: bonds.waitsFor(record).length };
  return { service, outcomes: outcomes.of(service), takenAlong: bonds.takenAlong(service), last };
}

function lastOf({ rollout, verdict }: RolloutRecord): Omit<NonNullable<Figures['last']>, 'waitsFor'> {
  const evidence = (verdict?.signals ?? []).flatMap((signal) =>
    signal.kind === 'compared'
      ? [{ signal: signal.name, value: signal.numbers.evidence, needed: signal.numbers.evidenceNeeded }]
      : [],
  );
  const { phase, step, plan } = rollout;
  return { phase, step: step + 1, steps: plan.steps.length, verdict: verdict?.kind ?? 'waiting', evidence };
}
