/**
 * The one number in the answer of Prometheus' `/api/v1/query` (its HTTP API, version 1).
 *
 * A query that finds several series has no answer, and taking the first would be a guess. An answer with warnings is one that
 * the server itself calls incomplete, as when a store behind it did not answer; it is not believed.
 */
import { failed, type Measured, measured } from './measured.ts';
import { readNumber } from './prometheus-text.ts';

const WORDS_MAX = 200;

/** The number that the parsed body of an answer holds. */
export function numberOfQuery(body: unknown): Measured {
  const answer = recordOf(body);
  if (answer.status === 'error') return failed(`Prometheus says: ${words(answer.error)}`);
  if (answer.status !== 'success') return failed('the answer is not one of Prometheus');
  const [warning] = listOf(answer.warnings);
  if (warning !== undefined) return failed(`Prometheus warns: ${words(warning)}`);
  const { resultType, result } = recordOf(answer.data);
  switch (resultType) {
    case 'scalar':
      return numberOfPoint(result);
    case 'vector': {
      const series = listOf(result);
      if (series.length === 0) return failed('the query finds nothing');
      if (series.length > 1) return failed(`the query finds ${series.length} series, and one number is needed`);
      return numberOfPoint(recordOf(series[0]).value);
    }
    default:
      return failed('the query gives no number at one moment');
  }
}

/** The number of `[time, "number"]`. */
function numberOfPoint(point: unknown): Measured {
  const [, written] = listOf(point);
  const value = typeof written === 'string' ? readNumber(written) : undefined;
  return value === undefined ? failed('the answer holds no number') : measured(value);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function words(value: unknown): string {
  const text = typeof value === 'string' ? value : 'something that is no text';
  return JSON.stringify(text.length > WORDS_MAX ? `${text.slice(0, WORDS_MAX)}…` : text);
}
