/**
 * The signals of a service's config: those of requests as the snapshot has them, all of them as the judge has them.
 *
 * The words of the file are translated here and nowhere else, once for the data plane, which counts, and once for the judge,
 * which compares or reads.
 */
import type { ReadableSignal, RequestSignal, Service } from '../config/schema.ts';
import type { JudgeSettings, Signal } from '../judge/signals.ts';
import type { AnswerMatch, RequestSignalSpec } from '../routing/snapshot.ts';
import { namedMatch, routeMatch } from './match-specs.ts';

/**
 * A number grows old only where there is nothing to measure, and no traffic is no failure. Where a source does not answer, the
 * run's own timers find out and say so.
 */
const NEVER_STALE_MS = Number.MAX_SAFE_INTEGER;

/** What every service is judged by. */
const BUILT_IN: readonly string[] = ['errors', 'latency'];

const STATUS_END = 600;

/** The signals that are counted from requests, in the order of the file. */
export function requestSignals({ rollout }: Service): Omit<RequestSignalSpec, 'ledger'>[] {
  return Object.entries(rollout.guard.signals).flatMap(([name, signal]) => {
    if (signal.kind !== 'requests') return [];
    const { match, bad, good, rest } = signal;
    return [{ name, match: routeMatch(match), bad: bad.map(answerMatch), good: good.map(answerMatch), rest }];
  });
}

/** The names of the signals of the business that a release is judged by. */
export function countedNames({ signals }: JudgeSettings): string[] {
  return signals.filter(({ kind, name }) => kind === 'compared' && !BUILT_IN.includes(name)).map(({ name }) => name);
}

/** The names of the signals that it is judged by and that are read from elsewhere. */
export function readNames({ signals }: JudgeSettings): string[] {
  return signals.filter(({ kind }) => kind === 'read').map(({ name }) => name);
}

/** The signal of this name that reads a number; undefined when the config has none. */
export function readableSignal(service: Service | undefined, name: string): ReadableSignal | undefined {
  const signals = service?.rollout.guard.signals ?? {};
  const signal = Object.hasOwn(signals, name) ? signals[name] : undefined;
  return signal === undefined || signal.kind === 'requests' ? undefined : signal;
}

/** All signals as a release is judged by them. */
export function judgedSignals({ rollout }: Service): Signal[] {
  return Object.entries(rollout.guard.signals).map(([name, signal]): Signal => {
    const { acts } = signal;
    if (signal.kind !== 'requests') {
      const { noData, fine, limit, isRatio, failures } = signal;
      const rule = { fine, limit, isRatio, failures, staleMs: NEVER_STALE_MS };
      return { kind: 'read', name, acts, onUnknown: noData, rule };
    }
    const { margin, weight, proof, ceiling } = signal;
    return {
      kind: 'compared',
      name,
      acts,
      onUnknown: 'wait',
      verb: 'were bad',
      boundariesUs: null,
      margin,
      weight,
      proof: proof === null ? null : { margin: proof, rate: null, thresholds: 1 },
      ceiling,
    };
  });
}

function answerMatch({ statuses, headers }: RequestSignal['bad'][number]): AnswerMatch {
  return { statuses: statuses === null ? null : statusTable(statuses), headers: headers.map(namedMatch) };
}

function statusTable(statuses: readonly (number | string)[]): Uint8Array {
  const table = new Uint8Array(STATUS_END);
  for (const status of statuses) {
    if (typeof status === 'number') table[status] = 1;
    else table.fill(1, Number(status[0]) * 100, Number(status[0]) * 100 + 100);
  }
  return table;
}
