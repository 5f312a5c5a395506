/** The page of metrics as a scraper reads it, from scripted figures. */
import { MetricsPage } from '../../../src/admin/metrics-page.ts';
import { OfrepCounts } from '../../../src/admin/ofrep-counts.ts';
import type { MetricsSource } from '../../../src/control/operations.ts';
import { keyOf, type ParsedMetric, parsePrometheus } from './prometheus-text.ts';
import { EMPTY_METRICS } from './scripted-operations.ts';

const NO_FIGURES = {
  streams: { clients: 0, dropped: 0 },
  ofrep: { figures: () => new OfrepCounts().figures({ open: 0, dropped: 0, displaced: 0, rounds: 0 }) },
};
export const THREADS = 2;

export async function scrape(
  source: Partial<MetricsSource>,
  page = new MetricsPage('1.2.3'),
): Promise<Map<string, ParsedMetric>> {
  return parsePrometheus(await page.render({ ...EMPTY_METRICS, ...source }, NO_FIGURES));
}

export function value(
  page: Map<string, ParsedMetric>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  return page.get(name)?.samples.get(keyOf(name, labels));
}
