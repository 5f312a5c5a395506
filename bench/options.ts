/**
 * The command line of the bench, read once and checked, so that nothing below has to doubt it.
 *
 * A run of everything takes the names of the committed results; a run that was narrowed by `--only` or `--shapes` is
 * called `partial`, unless it is given a name, so that an experiment never replaces a full result.
 */
import { parseArgs } from 'node:util';
import { type Contender, contenderNamed, contenders } from './contenders.ts';
import { type Shape, shapes } from './shapes.ts';

/** What a run of the bench was asked to do. */
export interface BenchOptions {
  readonly name: string;
  readonly rounds: number;
  /** Length of one run in whole seconds. */
  readonly seconds: number;
  readonly shapes: readonly Shape[];
  readonly contenders: readonly Contender[];
  /** True when contenders were named, so that they run in every shape. */
  readonly narrowed: boolean;
  readonly cutover: boolean;
  readonly switches: number;
}

/** The usage text of `npm run bench`. */
export const usage = `npm run bench -- [options]
  --rounds N        interleaved rounds for each shape of load (1 to 50, default 5)
  --seconds N       length of one run in seconds (1 to 60, default 4)
  --only NAMES      contenders, comma-separated: ${contenders.map((each) => each.name).join(', ')}
  --shapes NAMES    shapes of load, comma-separated: ${shapes.map((each) => each.name).join(', ')}; none for no race
  --switches N      switches for each proxy in the cutover scenario (0 leaves it out, default 6)
  --name NAME       name of the files in bench/results/ (default: full, or partial for a narrowed run)`;

/** Reads the command line; throws a sentence that says what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string' },
      shapes: { type: 'string' },
      switches: { type: 'string', default: '6' },
      name: { type: 'string' },
    },
  });
  const narrowed = values.only !== undefined || values.shapes !== undefined;
  const switches = whole('switches', values.switches, 0, 50);
  const name = values.name ?? (narrowed || switches === 0 ? 'partial' : 'full');
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(name))
    throw new Error(`--name must be short and of a-z, 0-9 and -, not ${name}`);
  return {
    name,
    rounds: whole('rounds', values.rounds, 1, 50),
    seconds: whole('seconds', values.seconds, 1, 60),
    shapes: values.shapes === undefined ? shapes : list(values.shapes).map(shapeNamed),
    contenders: values.only === undefined ? contenders : list(values.only).map(contenderNamed),
    narrowed: values.only !== undefined,
    cutover: switches > 0,
    switches,
  };
}

/** A whole number of an option, within its range; throws a sentence otherwise. */
export function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, not ${text}`);
}

function list(text: string): string[] {
  return text === 'none' ? [] : text.split(',').map((name) => name.trim());
}

function shapeNamed(name: string): Shape {
  const shape = shapes.find((candidate) => candidate.name === name);
  if (shape === undefined) {
    throw new Error(`there is no shape of load ${name}; there are ${shapes.map((each) => each.name).join(', ')}`);
  }
  return shape;
}
