/**
 * Keeps looking up the names of endpoints, and says when their addresses have changed.
 *
 *     look ─▶ answer ─▶ learn ─▶ changed? ─▶ onChange ─▶ a snapshot, as for any other change
 *      ▲                  └▶ wait: `resolve`, or the answer's time to live if that is shorter, at least a second
 *      └── at once when connections to such an endpoint fail or it is found down, at most once a second
 *
 * A look that fails is repeated after a second, then ever more slowly up to `resolve`. A name belongs to the process and
 * not to a configuration: what is known of it survives a reload. A start or a reload waits for the first answer of each new
 * name, but not for long: a resolver that is down must not keep everything else from being served. The pool of a name that
 * has never been found has no endpoint of it, and its requests get a 503 until it is found.
 *
 * Rejected: asking on the data threads (an answer for each thread, at different times), and looking names up at each dial
 * (a lookup on a request's way, and no endpoint that health, ejection and counters could belong to).
 */
import type { Config } from '../config/schema.ts';
import { OUTCOMES, SeriesReader } from '../stats/series.ts';
import { type KnownAddresses, type Learned, type LookResult, learn, listOf, NOTHING_KNOWN } from './known-addresses.ts';
import type { LookupSettings, NameResolver } from './name-resolver.ts';
import type { SeriesEntry } from './operations.ts';
import { namedEndpoints, namesOf } from './resolved-config.ts';

/** How long a start or a reload waits for names that it has never looked up. */
export const FIRST_ANSWERS_MS = 3000;
/** The shortest time between two looks at one name. */
const LEAST_MS = 1000;
const OUTCOME_CONNECT = OUTCOMES.indexOf('connect');

export interface NameWatchOptions {
  readonly resolver: NameResolver;
  /** The addresses of some name have changed; false when that could not be brought into effect, and is to be said again. */
  readonly onChange: () => Promise<boolean>;
  /** A name that had answers has none now; its addresses are kept. */
  readonly onLost: (name: string, why: string, addresses: number) => void;
  readonly log: { info(fields: object, text: string): void };
}

/** The figures of one name. */
export interface NameFigures {
  readonly name: string;
  readonly addresses: number;
  readonly looks: Readonly<Record<LookResult, number>>;
}

class WatchedName {
  readonly name: string;
  everyMs: number;
  known: KnownAddresses = NOTHING_KNOWN;
  readonly looks: Record<LookResult, number> = { changed: 0, same: 0, none: 0, failed: 0 };
  timer: NodeJS.Timeout | undefined;
  /** The look that is under way. */
  looking: Promise<void> | null = null;
  lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Looks in a row to which not all was answered. */
  misses = 0;
  /** The last look had no answer at all. */
  lost = false;
  /** A change that has not come into effect. */
  owesChange = false;
  /** Whoever asked for the first answer waits for it, and has not to be told. */
  awaited = true;
  removed = false;

  constructor(name: string, everyMs: number) {
    this.name = name;
    this.everyMs = everyMs;
  }
}

export class NameWatch {
  readonly #options: NameWatchOptions;
  readonly #names = new Map<string, WatchedName>();
  #settings: LookupSettings = { servers: [], timeoutMs: 2000 };
  /** The names in each pool, by `service pool`. */
  #pools = new Map<string, string[]>();
  /** Failed connections of each of these pools, as they were counted last. */
  readonly #connectFaults = new Map<string, number>();
  #closed = false;

  constructor(options: NameWatchOptions) {
    this.#options = options;
  }

  /** Looks up the names of a config that were never looked up; resolves when all have answered, or after a while. */
  async prepare(config: Config): Promise<void> {
    this.#settings = config.dns;
    const fresh: WatchedName[] = [];
    for (const [name, everyMs] of namesOf(config)) {
      if (this.#names.has(name)) continue;
      const watched = new WatchedName(name, everyMs);
      this.#names.set(name, watched);
      fresh.push(watched);
    }
    if (fresh.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FIRST_ANSWERS_MS);
    await Promise.race([Promise.all(fresh.map((watched) => this.#look(watched))), late]);
    clearTimeout(timer);
    for (const watched of fresh) watched.awaited = false;
  }

  /** Makes the names of the config in force, and of one that is about to be, those that are looked up; others are forgotten. */
  follow(config: Config, coming: Config | null): void {
    this.#settings = (coming ?? config).dns;
    const wanted = new Map([...namesOf(coming ?? config), ...namesOf(config)]);
    for (const [name, watched] of this.#names) {
      const everyMs = wanted.get(name);
      if (everyMs === undefined) {
        this.#forget(watched);
        continue;
      }
      const isSooner = everyMs < watched.everyMs;
      watched.everyMs = everyMs;
      if (isSooner && watched.looking === null) this.#wait(watched, everyMs);
    }
    this.#pools = new Map();
    for (const { service, pool, host } of namedEndpoints(config)) {
      const key = `${service} ${pool}`;
      this.#pools.set(key, [...(this.#pools.get(key) ?? []), host]);
    }
    for (const key of this.#connectFaults.keys()) if (!this.#pools.has(key)) this.#connectFaults.delete(key);
  }

  /** What every name stands for now. */
  table(): Map<string, readonly string[]> {
    return new Map([...this.#names.values()].map(({ name, known }) => [name, listOf(known)]));
  }

  figures(): NameFigures[] {
    return [...this.#names.values()].map(({ name, known, looks }) => ({
      name,
      addresses: listOf(known).length,
      looks: { ...looks },
    }));
  }

  /** Something is wrong with an endpoint of the pool: its names are looked up now, unless they have just been. */
  hurry(service: string, pool: string): void {
    for (const name of this.#pools.get(`${service} ${pool}`) ?? []) {
      const watched = this.#names.get(name);
      if (watched === undefined || watched.looking !== null) continue;
      const sinceMs = performance.now() - watched.lookedAtMs;
      this.#wait(watched, Math.max(0, LEAST_MS - sinceMs));
    }
  }

  /** Looks at the counts of failed connections: where they have grown, the names may be out of date. */
  hurryWhereDialsFail(series: readonly SeriesEntry[]): void {
    const counts = new Map<string, { service: string; pool: string; faults: number }>();
    for (const { service, pool, board } of series) {
      const key = `${service} ${pool}`;
      if (!this.#pools.has(key)) continue;
      const faults = (counts.get(key)?.faults ?? 0) + new SeriesReader(board).outcomes()[OUTCOME_CONNECT]!;
      counts.set(key, { service, pool, faults });
    }
    for (const [key, { service, pool, faults }] of counts) {
      if (faults > (this.#connectFaults.get(key) ?? 0)) this.hurry(service, pool);
      this.#connectFaults.set(key, faults);
    }
  }

  close(): void {
    this.#closed = true;
    for (const watched of this.#names.values()) this.#forget(watched);
  }

  #forget(watched: WatchedName): void {
    watched.removed = true;
    clearTimeout(watched.timer);
    this.#names.delete(watched.name);
  }

  #wait(watched: WatchedName, ms: number): void {
    clearTimeout(watched.timer);
    if (this.#closed || watched.removed) return;
    watched.timer = setTimeout(() => void this.#look(watched), ms);
  }

  #look(watched: WatchedName): Promise<void> {
    watched.looking ??= this.#lookNow(watched).finally(() => {
      watched.looking = null;
    });
    return watched.looking;
  }

  async #lookNow(watched: WatchedName): Promise<void> {
    const answer = await this.#options.resolver.resolve(watched.name, this.#settings);
    if (watched.removed) return;
    watched.lookedAtMs = performance.now();
    const learned = learn(watched.known, answer);
    watched.known = learned.known;
    watched.looks[learned.result] += 1;
    this.#note(watched, learned);
    const owes = learned.result === 'changed' || watched.owesChange;
    if (owes && !watched.awaited) watched.owesChange = !(await this.#options.onChange());
    const { misses, everyMs, owesChange } = watched;
    const again = misses > 0 || owesChange;
    const longestMs = again ? Math.min(everyMs, LEAST_MS * 2 ** Math.min(Math.max(0, misses - 1), 16)) : everyMs;
    this.#wait(watched, Math.min(longestMs, Math.max(LEAST_MS, learned.ttlMs ?? longestMs)));
  }

  #note(watched: WatchedName, { known, result, why }: Learned): void {
    const { name } = watched;
    const isLost = result === 'none' || result === 'failed';
    watched.misses = isLost || why !== '' ? watched.misses + 1 : 0;
    if (isLost && !watched.lost) this.#options.onLost(name, why, listOf(known).length);
    else if (!isLost && watched.lost) this.#options.log.info({ name }, `${name} is found again`);
    watched.lost = isLost;
  }
}
