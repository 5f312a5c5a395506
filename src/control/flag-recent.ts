/**
 * How many requests guarded flags have had lately, and how many of those without the treatment failed: what the forecast of a
 * flag's rollout starts from.
 *
 * It counts the requests of the routes that name the flag, by variant, and not those of versions: a service may have routes that do
 * not name it. The evidence of the guard was rejected as a source: at a share of 0%, where most rollouts begin, nobody is in an
 * arm. So who got a variant by a rule is counted too, and a key that fails again and again counts each time: the rate is
 * rather too high than too low.
 */
import type { PresentTraffic } from '../judge/detectability.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { readFlagJudged } from '../stats/flag-series.ts';
import { RecentTraffic } from './recent-traffic.ts';

export class FlagRecent {
  readonly #snapshot: () => Snapshot | null;
  readonly #recent = new RecentTraffic(readFlagJudged);

  /** `snapshot` gives the one in force. */
  constructor(snapshot: () => Snapshot | null) {
    this.#snapshot = snapshot;
  }

  /** Lets `ms` pass. */
  tick(ms: number): void {
    this.#recent.pass(ms, () => {
      const guarded = this.#snapshot()?.flags.filter(({ guard }) => guard !== undefined) ?? [];
      return guarded.flatMap(({ name }) => Object.values(this.#memoriesOf(name)).flat());
    });
  }

  /** What all variants of a flag have had, with the rate of failures of its off value; all 0 for one without a guard. */
  of(flag: string): PresentTraffic {
    const { untreated, others } = this.#memoriesOf(flag);
    return this.#recent.ofAll(untreated, others);
  }

  #memoriesOf(flag: string): { readonly untreated: SharedArrayBuffer[]; readonly others: SharedArrayBuffer[] } {
    const { flags = [], services = [] } = this.#snapshot() ?? {};
    const index = flags.findIndex(({ name }) => name === flag);
    const off = flags[index]?.off;
    const pools = services.flatMap(({ pools: all }) => all.map(({ flags: variants }) => variants[index] ?? []));
    return {
      untreated: pools.flatMap((variants) => variants.filter((_, at) => at === off)),
      others: pools.flatMap((variants) => variants.filter((_, at) => at !== off)),
    };
  }
}
