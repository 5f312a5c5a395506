/**
 * How many requests each version has had lately, and how many of them were bad: what a forecast starts from.
 *
 * The window is ten minutes, or since the version is known when that is less. The ten seconds of the live figures are too
 * short for a rate of errors: at one in a thousand they hold none. An hour would speak of a time of day that is over.
 *
 * It counts what the judge counts, by the service's own rule of what is bad, first attempts only; where users stick to their
 * pool, the first bad event of a user. Totals are kept every ten seconds, so a version costs sixty small rows. Time comes in as the
 * ticks of the rollouts: while the process is suspended nobody is served and nothing passes.
 */

import type { Config } from '../config/schema.ts';
import type { PresentTraffic } from '../judge/detectability.ts';
import { readJudged } from '../stats/evidence-cells.ts';
import type { Board } from './board.ts';

const EVERY_MS = 10_000;
/** Rows that are kept of each version; times EVERY_MS, the window. */
const ROWS_MAX = 60;
/** With less than this a rate per second would be a guess. */
const LEAST_MS = 1_000;

interface Row {
  readonly atMs: number;
  readonly judged: number;
  readonly bad: number;
}

export class RecentTraffic {
  readonly #read: typeof readJudged;
  readonly #rows = new Map<SharedArrayBuffer, Row[]>();
  #nowMs = 0;
  #sampledAtMs = Number.NEGATIVE_INFINITY;

  /** `read` gives the totals of a memory; those of a version's evidence unless given. */
  constructor(read: typeof readJudged = readJudged) {
    this.#read = read;
  }

  /** Lets `ms` pass; what `memories` does not give any more is forgotten. It is asked only when a row is due. */
  pass(ms: number, memories: () => Iterable<SharedArrayBuffer>): void {
    this.#nowMs += ms;
    if (this.#nowMs - this.#sampledAtMs < EVERY_MS) return;
    this.#sampledAtMs = this.#nowMs;
    const named = new Set(memories());
    for (const memory of this.#rows.keys()) if (!named.has(memory)) this.#rows.delete(memory);
    for (const memory of named) {
      const rows = this.#rows.get(memory) ?? [];
      rows.push({ atMs: this.#nowMs, ...this.#read(memory) });
      if (rows.length > ROWS_MAX) rows.shift();
      this.#rows.set(memory, rows);
    }
  }

  /**
   * What two pools have had together, with the rate of bad events of the active one: what the candidate has failed lately says
   * nothing of what is normal. All 0 for a version that is not known, or only just.
   */
  of(active: SharedArrayBuffer, candidate: SharedArrayBuffer): PresentTraffic {
    return this.ofAll([active], [candidate]);
  }

  /** The same where either side has several memories. */
  ofAll(active: readonly SharedArrayBuffer[], candidate: readonly SharedArrayBuffer[]): PresentTraffic {
    const [normal, other] = [this.#sumSince(active), this.#sumSince(candidate)];
    const requests = normal.requests + other.requests;
    const bad = normal.requests === 0 ? 0 : (normal.bad / normal.requests) * requests;
    return { requests, bad, seconds: normal.seconds };
  }

  #sumSince(memories: readonly SharedArrayBuffer[]): PresentTraffic {
    const all = memories.map((memory) => this.#since(memory));
    return {
      requests: all.reduce((sum, { requests }) => sum + requests, 0),
      bad: all.reduce((sum, { bad }) => sum + bad, 0),
      seconds: Math.max(0, ...all.map(({ seconds }) => seconds)),
    };
  }

  #since(memory: SharedArrayBuffer): PresentTraffic {
    const oldest = this.#rows.get(memory)?.[0];
    const passedMs = oldest === undefined ? 0 : this.#nowMs - oldest.atMs;
    if (oldest === undefined || passedMs < LEAST_MS) return { requests: 0, bad: 0, seconds: 0 };
    const { judged, bad } = this.#read(memory);
    return { requests: judged - oldest.judged, bad: bad - oldest.bad, seconds: passedMs / 1000 };
  }
}

/** The evidence of every version that a config names. */
export function* memoriesOf({ services }: Config, board: Board): Iterable<SharedArrayBuffer> {
  for (const { name, pools } of services.values()) {
    for (const [pool, { version }] of pools) yield board.evidence(name, pool, version);
  }
}
