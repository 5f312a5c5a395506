/**
 * The owner of the board: which block of shared memory belongs to which identity.
 *
 * A series is (service, pool, version), an endpoint is (service, pool, address), a listener is its key. Asking for a
 * known identity gives the same block again, which is how counters survive a reload. What the configuration no longer
 * names is `retired`: it is still published while something of it is in flight, and then kept for a while out of sight,
 * so that a version that comes back goes on counting where it stopped and no counter ever goes backwards.
 */
import { createAuthMemory } from '../stats/auth-cells.ts';
import {
  createEndpointMemory,
  readEndpoint,
  setAdmitting,
  setEndBefore,
  settleDeadEndpointLine,
} from '../stats/endpoint-cells.ts';
import { createEvidenceMemory, createLevelMemory } from '../stats/evidence-cells.ts';
import { createFlagSeriesMemory } from '../stats/flag-series.ts';
import { createFlagTallyMemory } from '../stats/flag-tally.ts';
import { createInFlightMemory, readInFlight, settleDeadInFlightLine } from '../stats/in-flight-cells.ts';
import { createListenerMemory, readListener, settleDeadListenerRow } from '../stats/listener-cells.ts';
import { createOverloadMemory, settleDeadOverloadRow } from '../stats/overload-cells.ts';
import { createPaceMemory } from '../stats/pace.ts';
import { createRouteMemory } from '../stats/route-cells.ts';
import { createSeriesMemory, SeriesReader, settleDeadThread } from '../stats/series.ts';
import { createSignalMemory } from '../stats/signal-cells.ts';
import { createUnitMemory } from '../stats/unit-ledger.ts';
import type { SeriesEntry } from './operations.ts';

/** Retired identities of one kind that are remembered. */
const RETIRED_MAX = 256;
/** Buckets of rate limits may be megabytes, and a limit that is gone for long starts anew without harm. */
const RETIRED_BUCKETS_MAX = 8;
/** What a guard has counted of what a flag said before is of no use when it says something else. */
const RETIRED_GUARDS_MAX = 64;
/** Users who stick to their pool that a rollout can tell apart; further ones are not judged by. */
const UNITS = 16_384;
/** The same for the guard of a flag that compares with all others: a treatment of 5% has ten times as many in its arms then. */
const UNITS_OF_OTHERS = 131_072;

export interface EndpointEntry {
  readonly service: string;
  readonly pool: string;
  readonly endpoint: string;
  readonly board: SharedArrayBuffer;
}

/** Whose requests a block counts: those with a variant of a flag, in a pool. */
export interface FlagSeriesEntry {
  readonly flag: string;
  readonly variant: string;
  readonly service: string;
  readonly pool: string;
}

/** What a block of the guard of a flag is laid out for. */
export type GuardBlock = 'evidence' | 'signal' | 'levels' | 'units' | 'units of others';

interface Record<T> {
  readonly entry: T;
  readonly board: SharedArrayBuffer;
}

/** Blocks of one kind by identity, those in use and those that are remembered. */
class Shelf<T> {
  readonly inUse = new Map<string, Record<T>>();
  readonly retired = new Map<string, Record<T>>();
  readonly #isBusy: (board: SharedArrayBuffer) => boolean;
  readonly #retiredMax: number;

  /** What `isBusy` is never forgotten. */
  constructor(isBusy: (board: SharedArrayBuffer) => boolean, retiredMax = RETIRED_MAX) {
    this.#isBusy = isBusy;
    this.#retiredMax = retiredMax;
  }

  take(key: string, make: () => Record<T>): Record<T> {
    const record = this.inUse.get(key) ?? this.retired.get(key) ?? make();
    this.retired.delete(key);
    this.inUse.set(key, record);
    return record;
  }

  keepOnly(keys: ReadonlySet<string>): void {
    for (const [key, record] of this.inUse) {
      if (keys.has(key)) continue;
      this.inUse.delete(key);
      this.retired.set(key, record);
    }
    for (const [key, { board }] of this.retired) {
      if (this.retired.size <= this.#retiredMax) break;
      if (!this.#isBusy(board)) this.retired.delete(key);
    }
  }
}

export class Board {
  readonly #threads: number;
  readonly #series = new Shelf<SeriesEntry>((board) => new SeriesReader(board).inFlight() > 0);
  readonly #endpoints = new Shelf<EndpointEntry>((board) => readEndpoint(board).connections > 0);
  readonly #evidence = new Shelf<null>(() => false);
  readonly #listeners = new Shelf<null>((board) => readListener(board).active > 0);
  readonly #inFlight = new Shelf<null>((board) => readInFlight(board).inFlight > 0);
  readonly #routes = new Shelf<null>(() => false);
  readonly #auths = new Shelf<null>(() => false);
  readonly #paces = new Shelf<null>(() => false);
  readonly #buckets = new Shelf<null>(() => false, RETIRED_BUCKETS_MAX);
  readonly #flags = new Shelf<null>(() => false);
  readonly #guards = new Shelf<null>(() => false, RETIRED_GUARDS_MAX);
  /** Requests that were refused or that no route was found for. */
  readonly unrouted: SharedArrayBuffer;
  /** What was shed, and why. */
  readonly overload: SharedArrayBuffer;
  /** What flags do that is not about one of them. */
  readonly flagTally: SharedArrayBuffer;

  constructor(threads: number) {
    this.#threads = threads;
    this.unrouted = this.series('', '', '');
    this.overload = createOverloadMemory(threads);
    this.flagTally = createFlagTallyMemory(threads);
  }

  /** The block of a series; '' stands for no pool, or no service. */
  series(service: string, pool: string, version: string): SharedArrayBuffer {
    return this.#series.take(seriesKey(service, pool, version), () => {
      const board = createSeriesMemory(this.#threads);
      return { board, entry: { service, pool, version, board } };
    }).board;
  }

  /** The block of an endpoint; a new one admits or not as `admitting` says, a known one stays as it is. */
  endpoint(service: string, pool: string, endpoint: string, admitting: boolean): SharedArrayBuffer {
    return this.#endpoints.take(`${service} ${pool} ${endpoint}`, () => {
      const board = createEndpointMemory(this.#threads);
      setAdmitting(board, admitting);
      return { board, entry: { service, pool, endpoint, board } };
    }).board;
  }

  /** The evidence of a version for the judge. */
  evidence(service: string, pool: string, version: string): SharedArrayBuffer {
    const key = seriesKey(service, pool, version);
    return this.#evidence.take(key, () => ({ board: createEvidenceMemory(this.#threads), entry: null })).board;
  }

  /** The level of each duration, by which the evidence of a service's versions is kept. */
  levels(service: string): SharedArrayBuffer {
    return this.#evidence.take(`levels ${service}`, () => ({ board: createLevelMemory(), entry: null })).board;
  }

  /** What a signal of the business has counted of a version. */
  signal(service: string, pool: string, version: string, signal: string): SharedArrayBuffer {
    const key = JSON.stringify([service, pool, version, signal]);
    return this.#evidence.take(key, () => ({ board: createSignalMemory(this.#threads), entry: null })).board;
  }

  /** Which users of a service have spoken, `about` failures, delays or a signal. */
  ledger(service: string, about: 'failures' | 'delays' | `signal ${string}`): SharedArrayBuffer {
    return this.#evidence.take(`${about} ${service}`, () => ({ board: createUnitMemory(UNITS), entry: null })).board;
  }

  listener(key: string): SharedArrayBuffer {
    return this.#listeners.take(key, () => ({ board: createListenerMemory(this.#threads), entry: null })).board;
  }

  /** What is under way in a pool, of whatever version; '' stands for the whole process. */
  inFlight(service: string, pool: string): SharedArrayBuffer {
    const make = () => ({ board: createInFlightMemory(this.#threads), entry: null });
    return this.#inFlight.take(`${service} ${pool}`, make).board;
  }

  /** The counters of a route's rules. */
  route(name: string): SharedArrayBuffer {
    return this.#routes.take(name, () => ({ board: createRouteMemory(this.#threads), entry: null })).board;
  }

  /** The counters of the questions that a route asks of its forward-auth service. */
  forwardAuth(route: string): SharedArrayBuffer {
    return this.#auths.take(route, () => ({ board: createAuthMemory(this.#threads), entry: null })).board;
  }

  /** The pace at which what is left of a service's pools is ended. */
  pace(service: string): SharedArrayBuffer {
    return this.#paces.take(service, () => ({ board: createPaceMemory(), entry: null })).board;
  }

  /** The buckets of a route's rate limit: with another number of keys, others. */
  buckets(route: string, keys: number, make: () => SharedArrayBuffer): SharedArrayBuffer {
    return this.#buckets.take(`${keys} ${route}`, () => ({ board: make(), entry: null })).board;
  }

  /** What becomes of the requests that have a variant of a flag, in a pool of whatever version. */
  flagSeries({ flag, variant, service, pool }: FlagSeriesEntry): SharedArrayBuffer {
    const make = () => ({ board: createFlagSeriesMemory(this.#threads), entry: null });
    return this.#flags.take(JSON.stringify([flag, variant, service, pool]), make).board;
  }

  /** A block of the guard of a flag as it says now (`revision`); `about` tells what it is for and `kind` how it is laid out. */
  guard(flag: string, revision: string, kind: GuardBlock, about: readonly string[]): SharedArrayBuffer {
    const make = () => ({ board: this.#guardMemory(kind), entry: null });
    return this.#guards.take(JSON.stringify([flag, revision, kind, ...about]), make).board;
  }

  #guardMemory(kind: GuardBlock): SharedArrayBuffer {
    switch (kind) {
      case 'evidence':
        return createEvidenceMemory(this.#threads);
      case 'signal':
        return createSignalMemory(this.#threads);
      case 'levels':
        return createLevelMemory();
      case 'units':
        return createUnitMemory(UNITS);
      case 'units of others':
        return createUnitMemory(UNITS_OF_OTHERS);
    }
  }

  /** Retires everything that is not of these blocks. */
  keepOnly(blocks: ReadonlySet<SharedArrayBuffer>): void {
    const live = [this.#series, this.#endpoints, this.#evidence, this.#listeners, this.#inFlight];
    for (const shelf of [...live, this.#routes, this.#auths, this.#paces, this.#buckets, this.#flags, this.#guards]) {
      const keys = new Set<string>();
      for (const [key, record] of shelf.inUse) {
        if (blocks.has(record.board) || record.board === this.unrouted) keys.add(key);
      }
      shelf.keepOnly(keys);
    }
  }

  /** Series that are published: those in use, and retired ones with something in flight. Services sorted by name. */
  publishedSeries(): SeriesEntry[] {
    const entries = [...this.#series.inUse.values()].map((record) => record.entry);
    for (const record of this.#series.retired.values()) {
      if (new SeriesReader(record.board).inFlight() > 0) entries.push(record.entry);
    }
    return entries.sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : 0));
  }

  /** Every series of a service, retired ones too: the whole account of its positions. */
  seriesOf(service: string): SeriesReader[] {
    const readers: SeriesReader[] = [];
    for (const { entry, board } of both(this.#series)) {
      if (entry.service === service) readers.push(new SeriesReader(board));
    }
    return readers;
  }

  endpoints(): EndpointEntry[] {
    return [...this.#endpoints.inUse.values()].map((record) => record.entry);
  }

  findSeries(service: string, pool: string, version: string): SharedArrayBuffer | undefined {
    return this.#series.inUse.get(seriesKey(service, pool, version))?.board;
  }

  findEndpoint(service: string, pool: string, endpoint: string): EndpointEntry | undefined {
    return this.#endpoints.inUse.get(`${service} ${pool} ${endpoint}`)?.entry;
  }

  /**
   * What is in flight in a pool, whatever its versions, and how many exchanges drains have ended there. Its endpoints may be
   * asked by others than the exchanges that were routed to it: to save one of another pool, or by forward-auth.
   */
  drainOf(service: string, pool: string): { readonly inFlight: number; readonly ended: number } {
    let inFlight = 0;
    let ended = 0;
    for (const { entry, board } of both(this.#series)) {
      if (entry.service !== service || entry.pool !== pool) continue;
      const series = new SeriesReader(board);
      inFlight += series.inFlight();
      ended += series.drained();
    }
    for (const { entry, board } of both(this.#endpoints)) {
      if (entry.service === service && entry.pool === pool) inFlight += readEndpoint(board).inFlight;
    }
    return { inFlight, ended };
  }

  /** Has exchanges of positions before `epoch` ended at all endpoints of a pool, those that have left too; 0 for none. */
  endBefore(service: string, pool: string, epoch: number): void {
    for (const { entry, board } of both(this.#endpoints)) {
      if (entry.service === service && entry.pool === pool) setEndBefore(board, epoch);
    }
  }

  /** Closes the books of a dead thread; returns how many exchanges it took with it. */
  settle(thread: number): number {
    let lost = 0;
    for (const { board } of both(this.#series)) lost += settleDeadThread(board, thread);
    for (const { board } of both(this.#endpoints)) settleDeadEndpointLine(board, thread);
    for (const { board } of both(this.#listeners)) settleDeadListenerRow(board, thread);
    for (const { board } of both(this.#inFlight)) settleDeadInFlightLine(board, thread);
    settleDeadOverloadRow(this.overload, thread);
    return lost;
  }
}

/** What is in use and what is remembered. */
function both<T>(shelf: Shelf<T>): Record<T>[] {
  return [...shelf.inUse.values(), ...shelf.retired.values()];
}

function seriesKey(service: string, pool: string, version: string): string {
  return JSON.stringify([service, pool, version]);
}
