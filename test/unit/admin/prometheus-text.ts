/** A strict reader of the Prometheus text format 0.0.4, written from its grammar and not from any writer. */

export interface ParsedMetric {
  help: string;
  type: string;
  /** By name and labels, as `name{a="b",c="d"}` with labels sorted and values unescaped. */
  readonly samples: Map<string, number>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/y;

/** The metrics of a page by name; throws at the first line that is not in the format or says a thing twice. */
export function parsePrometheus(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      const metric = metrics.get(name) ?? { help: '', type: '', samples: new Map() };
      if (metric.samples.size > 0) throw new Error(`${kind} after samples: ${line}`);
      if (kind === 'HELP') metric.help = rest;
      else metric.type = rest;
      metrics.set(name, metric);
      current = name;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    const [, name = '', labels = '', value = ''] = sample;
    const metric = metrics.get(current);
    const suffixes = metric?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (metric === undefined || !suffixes.some((suffix) => name === `${current}${suffix}`)) {
      throw new Error(`a sample outside of its metric: ${line}`);
    }
    const key = keyOf(name, parseLabels(labels, line));
    if (metric.samples.has(key)) throw new Error(`twice: ${line}`);
    const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
    if (Number.isNaN(number)) throw new Error(`not a number: ${line}`);
    metric.samples.set(key, number);
  }
  return metrics;
}

/** The key of a sample. */
export function keyOf(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const parts = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return parts.length === 0 ? name : `${name}{${parts.sort().join(',')}}`;
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`bad labels: ${line}`);
    const [, name = '', value = ''] = match;
    if (name in labels) throw new Error(`a label twice: ${line}`);
    labels[name] = value.replace(/\\([\\"n])/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}
