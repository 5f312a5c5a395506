/**
 * Writes `docs/benchmarks.md` from the committed results: the words are here, the numbers come from
 * `results/full.json`, and nobody has to keep the two in step by hand.
 *
 * `run.ts` calls it after a full run; `node bench/document.ts` writes the page again when only the words have changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BenchResults,
  circumstancesList,
  cutoverTable,
  list,
  raceTable,
  resultsText,
  targetRatio,
  targetVerdicts,
} from './report.ts';

const root = join(import.meta.dirname, '..');

/** Where the results of a named run are kept. */
export function resultPath(name: string, extension: 'json' | 'md'): string {
  return join(import.meta.dirname, 'results', `${name}.${extension}`);
}

/** Writes the results of a run as JSON (every sample) and as Markdown (the tables). */
export function writeResults(name: string, results: BenchResults): void {
  writeFileSync(resultPath(name, 'json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(resultPath(name, 'md'), `# Bench results: ${name}\n\n${resultsText(results)}`);
}

/** The text of `docs/benchmarks.md`. */
export function benchmarksPage(results: BenchResults): string {
  const races = results.races.map(
    (race) => `### ${race.title}\n\n${race.rounds} interleaved rounds of ${race.seconds} s.\n\n${raceTable(race)}`,
  );
  return `# Benchmarks

This page is written by \`bench/run.ts\` from \`bench/results/full.json\`, which holds every single sample. Absolute
figures belong to the machine they were measured on; the ratios move much less from machine to machine.

## What is measured

**CPU per request.** The time that all threads and child processes of a proxy spend on the processor, user and system
together, from \`/proc/<pid>/stat\` before and after a load, divided by the requests answered. It is what a proxy costs,
whatever else the machine does, and it does not depend on client and upstream being fast enough. Every proxy has one worker,
keeps connections to clients and upstream open, adds the usual \`X-Forwarded-*\` fields, and writes no access log. Tidegate
runs as users run it, with latency histograms, request ids and the gate on; its figure includes its control plane.

**Rounds.** All proxies are up at the same time and take turns, round after round, so that a machine that slows down does so
for everybody. A figure is the median over rounds; a ratio is the median of the ratios inside each round.

**The floor.** Two programs show what this runtime can do at best: a server on raw sockets that answers by itself (one read
and one write for each request) and a relay that passes bytes without understanding them (two of each). No proxy on Node's sockets
can be cheaper than that relay, as long as connections are kept: where each request has a connection of its own, the relay
must dial the upstream too, which a proxy that keeps upstream connections does not.

**Cutover.** ${results.cutovers[0]?.connections ?? 32} connections send request after request while all traffic is moved from one upstream to the other and back. Each
upstream writes down which requests reached it. A *late* request is one whose first byte left the client after the command
had returned, and that still reached the side that the command had emptied. A *lost* request is one that the client got no complete
200 answer to; it is not tried again. Both clocks are the machine's monotonic clock.

## Targets

At most ${targetRatio}x nginx in CPU per request for small requests; no late and no lost request in a cutover.

${list(targetVerdicts(results))}

## Circumstances

${circumstancesList(results)}

## CPU per request

${races.length > 0 ? races.join('\n\n') : 'This run holds no race.'}

## Cutover under load

${results.cutovers.length > 0 ? cutoverTable(results.cutovers) : 'This run holds no cutover.'}

The time of \`tidegate flip\` is mostly the start of a Node process; the move itself is the API's time.

## Measure it yourself

\`\`\`
npm ci
npm run bench                                  # everything: writes bench/results/full.* and this page
npm run bench -- --shapes small-get            # the first table only, about five minutes: bench/results/partial.*
npm run bench -- --only nginx,tidegate --rounds 3 --seconds 2
node bench/cutover.ts                          # the cutover scenario only
npm run bench:overload                         # three times what a thread can do: bench/results/overload.md
npm run bench:judged                           # what being judged costs: bench/results/judged.md
npm run bench:ofrep                            # flags for applications beside proxied requests: bench/results/ofrep.md
npm run bench:check                            # Tidegate against the floor; fails when it became 15% dearer
\`\`\`

It needs Linux (\`/proc\`) and uses what is installed of nginx, HAProxy, Caddy and wrk; without wrk the load is made by autocannon.
Everything stays on the loopback interface, on ports that are free, and every process is bounded in time.
`;
}

/** Writes `docs/benchmarks.md`. */
export function writePage(results: BenchResults): void {
  writeFileSync(join(root, 'docs', 'benchmarks.md'), benchmarksPage(results));
}

if (import.meta.main) {
  const results = JSON.parse(readFileSync(resultPath('full', 'json'), 'utf8')) as BenchResults;
  writeResults('full', results);
  writePage(results);
}
