/**
 * What the words of `flag set` and `flag preview` change of a flag's definition.
 *
 * A definition is the object that stands in the file under the flag's name. The words name a few of its keys; what is sent is
 * these and no others, and Tidegate puts them over what there is: whoever raises a percentage at night does not want to lose the
 * rules. Variants are one key, so a new weight is put into those that there are. Whether the whole makes sense is for the control
 * plane to say.
 */
import { parsePercent } from '../config/units.ts';
import type { JsonValue } from '../flags/flag.ts';
import type { Command, OptionSpec } from './command.ts';

/** A definition, or a change of one, as it stands in the file: keys and values. A change takes keys away by null. */
export type Definition = Readonly<Record<string, unknown>>;

/** The words of an edit, by the names of the options. */
export type EditWords = Pick<Command, 'has' | 'value' | 'all'>;

/** The options that say what a flag is to be. */
export const EDIT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  percentage: { value: 'P', help: 'on for P percent of the keys, 0 to 100 in steps of 0.001' },
  users: { value: 'KEYS', help: 'on for these keys only, such as alice,bob' },
  all: { help: 'on for everybody' },
  none: { help: 'off for everybody, by its definition (`flag kill` is faster)' },
  variants: { value: 'WEIGHTS', help: 'variants by weight, such as control=50,treatment=50' },
  enrol: { value: 'P', help: 'percent of the keys that get a variant at all' },
  value: { value: 'NAME=JSON', help: 'what `on`, `off` or a variant stands for; may be repeated' },
  description: { value: 'TEXT', help: 'what it is for' },
  salt: { value: 'TEXT', help: 'another salt, which puts everybody into buckets anew' },
};

/** What is to be another; what is not said stays. */
export interface FlagEdit {
  readonly strategy: 'all' | 'none' | 'users' | 'percentage' | 'variants' | null;
  /** The percentage, the keys, or the enrolment; null where none is said. */
  readonly value: number | readonly string[] | null;
  readonly weights: ReadonlyMap<string, number>;
  /** What `on`, `off` and variants stand for. */
  readonly values: ReadonlyMap<string, JsonValue>;
  readonly texts: Readonly<Record<string, string>>;
}

/** What a user wants of a definition: an edit of it, or another one in its place. */
export type Wanted =
  | { readonly kind: 'edit'; readonly edit: FlagEdit }
  | { readonly kind: 'whole'; readonly definition: Definition };

const STRATEGIES = ['percentage', 'users', 'all', 'none', 'variants'] as const;
const TEXTS = ['description', 'salt'] as const;

/** What the words say; a text says what is wrong with them. */
export function readEdit(words: EditWords): FlagEdit | string {
  const said = STRATEGIES.filter((name) => words.has(name) || words.value(name) !== undefined);
  if (said.length > 1) return `--${said[0]} and --${said[1]} cannot both be`;
  const strategy = said[0] ?? null;
  const value = readValue(words, strategy);
  if (typeof value === 'string') return value;
  const weights = readWeights(words.value('variants'));
  if (typeof weights === 'string') return weights;
  const values = new Map<string, JsonValue>();
  for (const text of words.all('value')) {
    const at = text.indexOf('=');
    if (at < 1) return '--value needs a name and JSON, such as on=true';
    values.set(text.slice(0, at), jsonOrText(text.slice(at + 1)));
  }
  const texts: Record<string, string> = {};
  for (const name of TEXTS) {
    const text = words.value(name);
    if (text !== undefined) texts[name] = text;
  }
  const isEmpty = strategy === null && value.value === null && values.size === 0 && Object.keys(texts).length === 0;
  return isEmpty ? 'it does not say what is to change' : { strategy, value: value.value, weights, values, texts };
}

/** Whether the change can be said only by who knows the variants that there are. */
export function needsVariants(edit: FlagEdit): boolean {
  return touchesVariants(edit) || isEnrolment(edit);
}

function touchesVariants({ weights, values }: FlagEdit): boolean {
  return weights.size > 0 || values.size > 0;
}

/** Whether it is an enrolment and does not say of what. */
function isEnrolment({ strategy, value }: FlagEdit): boolean {
  return strategy === null && value !== null;
}

/** The change of a definition, null for a flag that is new, that is wanted; a text says why there is none. */
export function changeOf(wanted: Wanted, current: Definition | null): Definition | string {
  return wanted.kind === 'edit' ? changeBy(wanted.edit, current) : changeTo(wanted.definition, current);
}

/**
 * The change that an edit makes of a definition, null for a flag that is new. As with traffic, a variant that is not among
 * the weights gets none.
 */
function changeBy(edit: FlagEdit, current: Definition | null): Definition | string {
  if (isEnrolment(edit) && current !== null && current.variants === undefined) {
    return '--enrol is for variants, and this flag has none: say --percentage';
  }
  const change: Record<string, unknown> = { ...edit.texts };
  if (edit.strategy !== null) change.strategy = edit.strategy;
  if (edit.value !== null) change.value = edit.value;
  const variants: Record<string, object> = { ...(current?.variants as Record<string, object> | undefined) };
  if (edit.weights.size > 0) {
    for (const name of Object.keys(variants)) variants[name] = { ...variants[name], weight: 0 };
    for (const [name, weight] of edit.weights) variants[name] = { ...variants[name], weight };
  }
  for (const [name, value] of edit.values) {
    if (Object.hasOwn(variants, name)) {
      variants[name] = { ...variants[name], value };
    } else if (name === 'on' || name === 'off') {
      change[name] = value;
    } else {
      const names = Object.keys(variants);
      return `--value ${name}: there is no such variant; allowed: ${names.length === 0 ? 'on, off' : names.join(', ')}`;
    }
  }
  if (touchesVariants(edit) && Object.keys(variants).length > 0) change.variants = variants;
  return change;
}

/** The change that makes one definition of another: what it says, and null for what it does not say any more. */
function changeTo(wanted: Definition, current: Definition | null): Definition {
  const gone = Object.keys(current ?? {}).filter((key) => !Object.hasOwn(wanted, key));
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...wanted };
}

/** The words of `--set KEY=VALUE`, which are the options without their dashes; a text says what is wrong. */
export function wordsOfPairs(pairs: readonly string[]): EditWords | string {
  const values = new Map<string, string[]>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = at === -1 ? pair : pair.slice(0, at);
    const option = Object.hasOwn(EDIT_OPTIONS, name) ? EDIT_OPTIONS[name] : undefined;
    if (option === undefined) return `--set takes one of ${Object.keys(EDIT_OPTIONS).join(', ')}`;
    if (option.value === undefined && at !== -1) return `--set ${name} takes no value`;
    if (option.value !== undefined && at === -1) return `--set ${name} needs a value: --set ${name}=${option.value}`;
    values.set(name, [...(values.get(name) ?? []), pair.slice(at + 1)]);
  }
  return {
    has: (name) => values.has(name) && EDIT_OPTIONS[name]?.value === undefined,
    value: (name) => (EDIT_OPTIONS[name]?.value === undefined ? undefined : values.get(name)?.at(-1) || undefined),
    all: (name) => values.get(name) ?? [],
  };
}

function readValue(words: EditWords, strategy: FlagEdit['strategy']): { readonly value: FlagEdit['value'] } | string {
  const enrol = words.value('enrol');
  if (enrol !== undefined) {
    if (strategy !== null && strategy !== 'variants') return `--enrol is for --variants, not for --${strategy}`;
    return percentOf('enrol', enrol);
  }
  if (strategy === 'percentage') return percentOf('percentage', words.value('percentage')!);
  if (strategy !== 'users') return { value: null };
  const users = words
    .value('users')!
    .split(',')
    .map((key) => key.trim());
  return users.includes('') ? '--users needs keys with commas between them, such as alice,bob' : { value: users };
}

/** A percentage with or without its sign. Steps below a thousandth are refused, since they would do nothing. */
function percentOf(option: string, written: string): { readonly value: number } | string {
  const value = parsePercent(written.endsWith('%') ? written : `${written}%`);
  const isWhole = value !== undefined && Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-6;
  return isWhole ? { value } : `--${option} needs a number from 0 to 100 in steps of 0.001`;
}

function readWeights(written: string | undefined): ReadonlyMap<string, number> | string {
  const weights = new Map<string, number>();
  for (const pair of written?.split(',') ?? []) {
    const [, name, weight] = /^\s*([^=\s]+)\s*=\s*([0-9]{1,6})%?\s*$/.exec(pair) ?? [];
    if (name === undefined || weights.has(name)) {
      return '--variants needs names with whole weights, such as control=50,treatment=50';
    }
    weights.set(name, Number(weight));
  }
  return weights;
}

/** What is no JSON is a text, so that `on=new` needs no quotes within quotes. */
function jsonOrText(written: string): JsonValue {
  try {
    return JSON.parse(written) as JsonValue;
  } catch {
    return written;
  }
}
