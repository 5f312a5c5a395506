/**
 * `tidegate traffic SERVICE blue=90 green=10`: sets the weights of a service's pools.
 *
 * Pools that are not named get no traffic, as in the API. Which pools exist and what weights mean is the control plane's
 * to say; here only the writing is checked.
 */

import type { Weights } from '../control/operations.ts';
import { CHANGE_OPTIONS, change } from './change.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import type { CliIo } from './io.ts';

/** More pools than a service can have. */
const POOLS_MAX = 256;

const SPEC: VerbSpec = {
  name: 'traffic',
  usage: 'SERVICE POOL=WEIGHT... [--reason TEXT] [--if-epoch N] [--wait]',
  about: `Sets the weights of the pools of a service and prints the receipt. Weights are any
numbers from zero; a pool's share is its weight over the sum. A pool that is not
named gets no traffic.

  tidegate traffic shop blue=90 green=10`,
  words: { least: 2, most: 1 + POOLS_MAX },
  options: CHANGE_OPTIONS,
};

/** Moves the traffic as the words say. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const [service = '', ...words] = command.words;
  const weights = readWeights(words);
  if (typeof weights === 'string') return misused(SPEC, weights, io);
  return change(SPEC, command, io, { method: 'PUT', path: ['api', 'services', service, 'traffic'], body: weights });
}

/** Reads `pool=weight` words, the weight with or without a percent sign; a text says what is wrong. */
export function readWeights(words: readonly string[]): Weights | string {
  const weights = new Map<string, number>();
  for (const word of words) {
    const match = /^([^=\s]+)=([0-9]+(?:\.[0-9]+)?|\.[0-9]+)%?$/.exec(word);
    if (match === null) return `${JSON.stringify(word)} is not POOL=WEIGHT, such as green=10`;
    const [, pool, weight] = match;
    if (weights.has(pool!)) return `${JSON.stringify(pool)} is named twice`;
    weights.set(pool!, Number(weight));
  }
  return Object.fromEntries(weights);
}
