/**
 * The metrics of names: how many addresses each has now, and what came of looking it up.
 *
 * `none` and `failed` are kept apart because they need different people: the first says that a name is not there any
 * more, the second that a resolver does not answer. Names are those of the config, so their number is bounded by it.
 */
import type { MetricsSource } from '../control/operations.ts';
import { counter, type Family, gauge } from './metric-family.ts';

const RESULTS = ['changed', 'same', 'none', 'failed'] as const;

/** The families of all names of endpoints. */
export function nameFamilies(names: MetricsSource['names']): Family[] {
  return [
    gauge(
      'name_addresses',
      'Addresses that the name of an endpoint stands for.',
      names.map(({ name, addresses }) => ({ labels: { name }, value: addresses })),
    ),
    counter(
      'name_lookups_total',
      'Times that the name of an endpoint was looked up, by what came of it.',
      names.flatMap(({ name, looks }) => RESULTS.map((result) => ({ labels: { name, result }, value: looks[result] }))),
    ),
  ];
}
