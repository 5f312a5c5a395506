/**
 * Which flags data threads have to know: those that routes name, and those that these need.
 *
 * All others stay with the control plane, so that a thousand flags of an application that asks over OFREP cost a request nothing.
 */
import type { Config, Route } from '../config/schema.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { RoutedFlag } from '../routing/snapshot.ts';

/** Of these flags, those that a snapshot of this config has, in their order. */
export function routedSpecs(config: Pick<Config, 'routes'>, specs: readonly FlagSpec[]): readonly FlagSpec[] {
  const named = new Set(config.routes.flatMap(({ flags }) => flags));
  const needed = specs
    .filter(({ name }) => named.has(name))
    .flatMap(({ requires }) => requires.map(({ flag }) => flag));
  const wanted = new Set([...named, ...needed]);
  return specs.filter(({ name }) => wanted.has(name));
}

/** What a snapshot is to have of flags. */
export interface FlagsOfSnapshot {
  readonly specs: readonly FlagSpec[];
  readonly countsOf: (spec: FlagSpec) => SharedArrayBuffer;
}

/** The flags of a snapshot, and which of them a route names, by their index. */
export function routedFlags(
  config: Pick<Config, 'routes'>,
  { specs, countsOf }: FlagsOfSnapshot,
): { readonly flags: readonly RoutedFlag[]; readonly flagsOf: (route: Route) => readonly number[] } {
  const flags = routedSpecs(config, specs).map((spec) => ({ ...spec, counts: countsOf(spec) }));
  const indexes = new Map(flags.map(({ name }, index) => [name, index]));
  return { flags, flagsOf: (route) => route.flags.map((name) => indexes.get(name)!) };
}
