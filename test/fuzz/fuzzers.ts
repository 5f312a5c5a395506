/**
 * All fuzzers by name, in the order in which a run plays them.
 */
import { fuzzCoverage } from './coverage.ts';
import { fuzzCuts } from './cuts.ts';
import { fuzzDesync } from './desync/harness.ts';
import type { Fuzzer } from './fuzzer.ts';
import { replayCorpus } from './replay.ts';
import { fuzzRequests } from './requests.ts';
import { fuzzResponses } from './responses.ts';

export const FUZZERS: Readonly<Record<string, Fuzzer>> = {
  corpus: replayCorpus,
  coverage: fuzzCoverage,
  requests: fuzzRequests,
  responses: fuzzResponses,
  cuts: fuzzCuts,
  desync: fuzzDesync,
};
