/**
 * The tables by which a release and a flag are told apart: version by arm, from what both sides have counted.
 *
 * Each suspect is asked about in its own terms. For the flag, units are keys, each heard once, as its guard counts them. For the
 * release they are what its judge counts (requests, or users who stick), of which the treated have been counted beside it; all
 * others stand in the place of the control. What a rollout had counted before it was first seen here is left out on both sides.
 */
import { type BlameTable, blameFor, blameText, type Suspect } from '../judge/blame.ts';
import type { Tally } from '../judge/recent.ts';
import { readAllSignal } from '../stats/signal-cells.ts';
import type { ArmTally, Stratum } from './flag-evidence.ts';
import type { BlamedRelease } from './flag-guard-view.ts';

/** A rollout that runs, as far as it may have to do with a flag. */
export interface RunningRelease {
  /** Another one when its judge has begun anew. */
  readonly id: string;
  readonly active: string;
  readonly candidate: string;
  readonly activeVersion: string;
  readonly version: string;
  /** What its judge has counted until now. */
  readonly counted: () => Sides;
}

/** A guarded flag, as far as it is asked about. */
export interface SuspectFlag {
  readonly name: string;
  readonly strata: readonly Stratum[];
  readonly table: readonly ArmTally[];
  /** The chance of a coincidence that is taken for none, 0 to 1. */
  readonly doubt: number;
}

interface Sides {
  readonly candidate: Tally;
  readonly active: Tally;
}

/** Where both counts stood when a rollout was first seen. */
interface Begin {
  readonly id: string;
  readonly treated: Sides;
  readonly counted: Sides;
}

export class FlagBlame {
  readonly #releaseOf: (service: string) => RunningRelease | null;
  readonly #begins = new Map<string, Begin>();

  /** `releaseOf` gives the rollout of a service that runs, or null. */
  constructor(releaseOf: (service: string) => RunningRelease | null) {
    this.#releaseOf = releaseOf;
  }

  /** Sees which rollouts run where a flag is counted. To be called at each tick. */
  watch({ name, strata }: Pick<SuspectFlag, 'name' | 'strata'>): void {
    for (const service of servicesOf(strata)) {
      const key = JSON.stringify([name, service]);
      const release = this.#releaseOf(service);
      if (release === null) this.#begins.delete(key);
      else if (this.#begins.get(key)?.id !== release.id) {
        const treated = treatedOf(strata, service, release);
        if (treated !== null) this.#begins.set(key, { id: release.id, treated, counted: release.counted() });
      }
    }
  }

  /** The rollouts that run where a flag is counted, and who would be to blame if `suspect` were found worse. */
  releases(flag: SuspectFlag, suspect: Suspect): BlamedRelease[] {
    return servicesOf(flag.strata).flatMap((service) => {
      const release = this.#releaseOf(service);
      if (release === null) return [];
      const table = suspect === 'flag' ? flagTable(flag, service, release) : this.#versionTable(flag, service, release);
      if (table === null) return [];
      const { active, candidate, version } = release;
      const blame = blameFor(suspect, table, flag.doubt);
      const text = blameText(blame, flag.name, `${candidate} (${version})`);
      return [{ service, active, candidate, version, blame, text }];
    });
  }

  #versionTable({ name, strata }: SuspectFlag, service: string, release: RunningRelease): BlameTable | null {
    const begin = this.#begins.get(JSON.stringify([name, service]));
    const now = treatedOf(strata, service, release);
    if (begin?.id !== release.id || now === null) return null;
    const counted = release.counted();
    const side = (of: 'candidate' | 'active') => {
      const treatment = since(now[of], begin.treated[of]);
      return { treatment, control: since(since(counted[of], begin.counted[of]), treatment) };
    };
    return { candidate: side('candidate'), active: side('active') };
  }
}

/** Both arms in both versions, as the guard counts them; null where one of the versions was not counted. */
function flagTable({ table }: SuspectFlag, service: string, release: RunningRelease): BlameTable | null {
  const row = (pool: string, version: string): ArmTally | undefined =>
    table.find((one) => one.service === service && one.pool === pool && one.version === version);
  const candidate = row(release.candidate, release.version);
  const active = row(release.active, release.activeVersion);
  return candidate === undefined || active === undefined ? null : { candidate, active };
}

/** What the treated have said of both versions since the board began. */
function treatedOf(strata: readonly Stratum[], service: string, release: RunningRelease): Sides | null {
  const of = (pool: string, version: string): Tally | null => {
    const found = strata.find((one) => one.service === service && one.pool === pool && one.version === version);
    if (found === undefined) return null;
    const { judged, bad } = readAllSignal(found.blocks.treated);
    return { requests: judged, bad };
  };
  const candidate = of(release.candidate, release.version);
  const active = of(release.active, release.activeVersion);
  return candidate === null || active === null ? null : { candidate, active };
}

/** What came after; a moment between two reads must not give less than nothing. */
function since(now: Tally, before: Tally): Tally {
  return { requests: Math.max(0, now.requests - before.requests), bad: Math.max(0, now.bad - before.bad) };
}

function servicesOf(strata: readonly Stratum[]): string[] {
  return [...new Set(strata.map(({ service }) => service))];
}
