/**
 * The one table of modes: our own way from keys to places, and those of the products from which flags move here.
 *
 * A mode is a part of what a flag says and stays with it: the keys that are in are those that were in before, and whoever wants our own
 * buckets changes `bucketing` and knows that the keys are drawn anew.
 */
import type { Buckets } from './bucket.ts';
import type { Bucketing, FlagSpec } from './flag.ts';
import { FlagdBuckets } from './flagd-buckets.ts';
import { GrowthbookBuckets } from './growthbook-buckets.ts';
import { LaunchdarklyBuckets } from './launchdarkly-buckets.ts';
import { TidegateBuckets } from './tidegate-buckets.ts';
import { UnleashBuckets } from './unleash-buckets.ts';

const MODES: Readonly<Record<Bucketing, (spec: FlagSpec) => Buckets>> = {
  tidegate: (spec) => new TidegateBuckets(spec),
  unleash: (spec) => new UnleashBuckets(spec),
  'growthbook-v1': (spec) => new GrowthbookBuckets(spec, 1),
  'growthbook-v2': (spec) => new GrowthbookBuckets(spec, 2),
  flagd: (spec) => new FlagdBuckets(spec),
  launchdarkly: (spec) => new LaunchdarklyBuckets(spec),
};

/** How this flag turns keys into places. */
export function bucketsOf(spec: FlagSpec): Buckets {
  return MODES[spec.bucketing](spec);
}
