/**
 * The page behind /metrics: reads the board once for each scrape and has prom-client's registry write it.
 *
 * Nothing is kept between scrapes but what stops a counter from falling (see `retained-counts.ts`), so a series appears
 * with its config and disappears with it, and the page costs nothing while nobody scrapes. Labels only ever hold names from
 * the config, never anything that a client sent: their number is bounded by the config.
 */
import { type Metric, Registry } from 'prom-client';
import type { MetricsSource } from '../control/operations.ts';
import { authFamilies } from './auth-families.ts';
import { endpointFamilies, listenerFamilies } from './connection-families.ts';
import { controlFamilies, gateFamilies, processFamilies } from './control-families.ts';
import { flagFamilies } from './flag-families.ts';
import { flagTrafficFamilies } from './flag-traffic-families.ts';
import type { Family } from './metric-family.ts';
import { nameFamilies } from './name-families.ts';
import { notifyFamilies } from './notify-families.ts';
import type { OfrepFigures } from './ofrep-counts.ts';
import { ofrepFamilies } from './ofrep-families.ts';
import { overloadFamilies } from './overload-families.ts';
import { RetainedCounts } from './retained-counts.ts';
import { rolloutFamilies } from './rollout-families.ts';
import { routeFamilies } from './route-families.ts';
import { seriesFamilies } from './series-families.ts';
import { signalFamilies } from './signal-families.ts';

/** The media type of the page. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** What the servers of the control plane know of themselves. */
export interface ServerFigures {
  readonly streams: { readonly clients: number; readonly dropped: number };
  readonly ofrep: { figures(): OfrepFigures };
}

/** Writes the metrics of one process. */
export class MetricsPage {
  readonly #version: string;
  readonly #retries = new RetainedCounts();

  constructor(version: string) {
    this.#version = version;
  }

  /** The page at this moment, in the Prometheus text format 0.0.4. */
  render(source: MetricsSource, { streams, ofrep }: ServerFigures): Promise<string> {
    const families = [
      ...seriesFamilies(source.series, this.#retries),
      ...gateFamilies(source),
      ...endpointFamilies(source.endpoints),
      ...listenerFamilies(source.listeners),
      ...nameFamilies(source.names),
      ...signalFamilies(source.signals),
      ...routeFamilies(source.routes),
      ...authFamilies(source.routes),
      ...overloadFamilies(source),
      ...flagTrafficFamilies(source.flagTraffic),
      ...rolloutFamilies(source),
      ...flagFamilies(source.flags),
      ...controlFamilies(source),
      ...notifyFamilies(source),
      ...ofrepFamilies(ofrep.figures()),
      ...processFamilies(this.#version, streams),
    ];
    const registry = new Registry();
    for (const family of families) registry.registerMetric(asMetric(family));
    return registry.metrics();
  }
}

/** The registry calls nothing of a metric but `get()`; its declared type lists everything that prom-client's own can do. */
function asMetric(family: Family): Metric {
  return { name: family.name, get: () => family } as unknown as Metric;
}
