/**
 * Reads a page in the Prometheus text format, version 0.0.4: the samples of the metrics that are wanted.
 *
 * The page comes from an application that is being judged, so it may be anything. Every line is held to the grammar, also those
 * that nobody wants: of a page that is broken in one place nobody knows what else is wrong with it, and Prometheus itself would
 * take nothing of it. Nothing is guessed, and nothing takes longer than its length: lines, labels and kept samples have
 * limits, and each expression here has one way to match.
 *
 * Rejected: a dependency (none is small and strict), expressions over the whole page (a line of a megabyte overflows the
 * engine's stack), reading wanted lines only.
 */

/** One value of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** What was wanted of a page, or the first line that is wrong, from 1, and how. */
export type Page =
  | {
      readonly ok: true;
      readonly samples: readonly Sample[];
      /** Wanted names that the page declares by a TYPE line or has samples of. */
      readonly declared: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly line: number; readonly problem: string };

/** The longest line, in characters. */
export const LINE_MAX = 16 * 1024;
/** The most labels of one sample. */
export const LABELS_MAX = 64;
/** The most samples of what is wanted. */
export const SAMPLES_MAX = 10_000;

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[\\"n])*)"[ \t]*/y;
const VALUE = /[ \t]*([^ \t]+)(?:[ \t]+-?[0-9]{1,19})?[ \t]*$/y;
const TYPE = /^#[ \t]+TYPE[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]+(?:counter|gauge|histogram|summary|untyped)[ \t]*$/;
const NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** Reads a page; samples of other names than `wanted` are looked at and not kept. */
export function readPage(text: string, wanted: ReadonlySet<string>): Page {
  const samples: Sample[] = [];
  const declared = new Set<string>();
  const seen = new Set<string>();
  let line = 0;
  const wrong = (problem: string): Page => ({ ok: false, line, problem });
  for (let start = 0; start < text.length; ) {
    line += 1;
    const end = text.indexOf('\n', start);
    if (end < 0) return wrong('the last line does not end');
    if (end - start > LINE_MAX) return wrong(`the line is longer than ${LINE_MAX} characters`);
    const written = text.slice(start, end).trimStart();
    start = end + 1;
    if (written === '') continue;
    if (written.startsWith('#')) {
      const name = TYPE.exec(written)?.[1];
      if (name !== undefined && wanted.has(name)) declared.add(name);
      continue;
    }
    const sample = readSample(written);
    if (typeof sample === 'string') return wrong(sample);
    if (!wanted.has(sample.name)) continue;
    const key = seriesKey(sample);
    if (seen.has(key)) return wrong(`${sample.name} is there twice with the same labels`);
    if (samples.length === SAMPLES_MAX) return wrong(`there are more than ${SAMPLES_MAX} samples of what is wanted`);
    seen.add(key);
    samples.push(sample);
    declared.add(sample.name);
  }
  return { ok: true, samples, declared };
}

/** A sample in a line, or what is wrong with it. */
function readSample(line: string): Sample | string {
  const name = matchAt(NAME, line, 0)?.[0];
  if (name === undefined) return 'a sample begins with the name of its metric';
  const labels = new Map<string, string>();
  let at = name.length;
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  const hasLabels = line[at] === '{';
  if (hasLabels) {
    const after = readLabels(line, at + 1, labels);
    if (typeof after === 'string') return after;
    at = after;
  } else if (at === name.length) return 'a space is missing after the name of the metric';
  const written = matchAt(VALUE, line, at)?.[1];
  const value = written === undefined ? undefined : readNumber(written);
  return value === undefined ? 'the value is no number' : { name, labels, value };
}

/** Reads labels up to the closing brace; gives the place after it, or what is wrong. */
function readLabels(line: string, from: number, labels: Map<string, string>): number | string {
  let at = from;
  for (;;) {
    const found = matchAt(LABEL, line, at);
    if (found === null) break;
    const [whole, name, value] = found;
    if (labels.has(name!)) return `the label ${name} is there twice`;
    if (labels.size === LABELS_MAX) return `a sample has more than ${LABELS_MAX} labels`;
    labels.set(
      name!,
      value!.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)),
    );
    at += whole.length;
    if (line[at] !== ',') break;
    at += 1;
  }
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  return line[at] === '}' ? at + 1 : 'the labels are not as they should be';
}

/** A number as Prometheus writes it, infinities and NaN too; undefined when it is none. */
export function readNumber(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN;
    case 'inf':
    case '+inf':
      return Number.POSITIVE_INFINITY;
    case '-inf':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The same for the same name and labels, in whatever order they stand. */
function seriesKey({ name, labels }: Sample): string {
  return JSON.stringify([name, ...[...labels].sort(([one], [other]) => (one < other ? -1 : 1))]);
}
