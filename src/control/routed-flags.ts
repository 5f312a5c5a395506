/**
 * Which flags data threads have to know: those that routes name, and those that these need.
 *
 * All others stay with the control plane, so that a thousand flags of an application that asks over OFREP cost a request nothing.
 */
import type { Config } from '../config/schema.ts';
import type { FlagSpec } from '../flags/flag.ts';

/** The services whose routes name a flag, each once. */
export function servicesNaming(routes: Config['routes'], flag: string): readonly string[] {
  const naming = routes.filter(({ flags }) => flags.includes(flag));
  return [...new Set(naming.flatMap(({ service }) => service ?? []))];
}

/** Of these flags, those that a snapshot of this config has, in their order. */
export function routedSpecs(config: Pick<Config, 'routes'>, specs: readonly FlagSpec[]): readonly FlagSpec[] {
  const named = new Set(config.routes.flatMap(({ flags }) => flags));
  const needed = specs
    .filter(({ name }) => named.has(name))
    .flatMap(({ requires }) => requires.map(({ flag }) => flag));
  const wanted = new Set([...named, ...needed]);
  return specs.filter(({ name }) => wanted.has(name));
}
