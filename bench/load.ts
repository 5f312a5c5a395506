/**
 * Puts one shape of load on one port, bounded in connections and time: wrk where it is installed, else autocannon.
 *
 * Either is a process of its own on the load's core, never this one, whose garbage collection would show in the
 * latencies. autocannon uses more CPU than most contenders do, so with it the contender is not at full speed; CPU per
 * request stays comparable within the run, and the report names the generator.
 */
import { createRequire } from 'node:module';
import { type LoadResult, parseAutocannon, parseWrk } from './load-output.ts';
import type { Nursery } from './processes.ts';
import { findProgram, programVersion } from './programs.ts';
import type { Shape } from './shapes.ts';

/** A way to make load. */
export interface LoadGenerator {
  readonly name: string;
  readonly version: string;
  readonly run: (nursery: Nursery, shape: Shape, port: number, seconds: number) => Promise<LoadResult>;
}

/** The best generator that this machine has. */
export function chooseLoadGenerator(): LoadGenerator {
  const wrk = findProgram('wrk');
  return wrk === null ? autocannon() : wrkAt(wrk);
}

function wrkAt(command: string): LoadGenerator {
  return {
    name: 'wrk',
    version: programVersion(command, ['-v']),
    async run(nursery, shape, port, seconds) {
      const fields = shape.fields.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const size = ['-t', '1', '-c', String(shape.connections), '-d', `${seconds}s`, '--timeout', '5s', '--latency'];
      const args = [...size, ...fields, `http://127.0.0.1:${port}${shape.path}`];
      return parseWrk(await nursery.run({ name: 'wrk', command, args, side: 'load', secondsMax: seconds + 10 }));
    },
  };
}

function autocannon(): LoadGenerator {
  const require = createRequire(import.meta.url);
  const program = require.resolve('autocannon/autocannon.js');
  const { version } = require('autocannon/package.json') as { version: string };
  return {
    name: 'autocannon',
    version,
    async run(nursery, shape, port, seconds) {
      const fields = shape.fields.flatMap(([name, value]) => ['-H', `${name}=${value}`]);
      const size = ['-c', String(shape.connections), '-d', String(seconds), '-t', '5', '--json', '--no-progress'];
      const args = [program, ...size, ...fields, `http://127.0.0.1:${port}${shape.path}`];
      const plan = {
        name: 'autocannon',
        command: process.execPath,
        args,
        side: 'load',
        secondsMax: seconds + 15,
      } as const;
      return parseAutocannon(await nursery.run(plan));
    },
  };
}
