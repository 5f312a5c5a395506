/**
 * What a result was measured on: figures without their machine, kernel and versions cannot be compared with anything.
 *
 * The machine's name is left out on purpose; nobody needs it to judge a number.
 */
import { cpus, release, type } from 'node:os';

/** The circumstances of one run. */
export interface Circumstances {
  /** UTC, ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly load: string;
  readonly pinning: string;
  /** Names of contenders that could not run here. */
  readonly missing: readonly string[];
}

/** Describes this machine and run. */
export function describeCircumstances(
  command: string,
  load: { readonly name: string; readonly version: string },
  pinning: string,
  missing: readonly string[],
): Circumstances {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    command,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    kernel: `${type()} ${release()}`,
    node: process.version,
    load: `${load.name} ${load.version}`,
    pinning,
    missing,
  };
}
