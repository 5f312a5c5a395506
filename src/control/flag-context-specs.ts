/**
 * What a snapshot says of flags: those that routes name, where requests have their key and attributes, and where it is all counted.
 *
 * The counters of a variant are made for the pools of the services whose routes name its flag, and for no others: their number is
 * that of the config, and no client can add to it.
 */
import type { Config } from '../config/schema.ts';
import type { FlagContextSpec, TokenSpec } from '../flags/context-spec.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { Board } from './board.ts';
import { guardSpec } from './flag-guard-blocks.ts';
import type { SnapshotParts } from './snapshot-builder.ts';

/** The part of a snapshot that is about flags. */
export type FlagSnapshot = Pick<Snapshot, 'flags' | 'flagCells' | 'flagGuards' | 'flagSamples' | 'flagContext'>;

/** The flags of a snapshot: `specs` are those that routes name and those that these require. */
export function flagSnapshot(
  config: Config,
  { specs, countsOf, sampleOf }: SnapshotParts['flags'],
  board: Board,
): FlagSnapshot {
  if (config.flags.size === 0) return { flags: [], flagCells: [], flagGuards: [], flagSamples: [], flagContext: null };
  return {
    flags: specs,
    flagCells: specs.map(countsOf),
    flagGuards: specs.map((spec) => guardSpec(spec, board)),
    flagSamples: specs.map(sampleOf),
    flagContext: contextSpec(config, board),
  };
}

/** Where each variant of each flag is counted in a pool of a service, by the flag's index and the variant's. */
export function flagBlocks(
  { routes }: Config,
  { service, pool }: { readonly service: string; readonly pool: string },
  specs: readonly FlagSpec[],
  board: Board,
): readonly (readonly SharedArrayBuffer[])[] {
  const named = new Set(routes.filter((route) => route.service === service).flatMap(({ flags }) => flags));
  return specs.map(({ name, variants }) =>
    named.has(name)
      ? variants.map((variant) => board.flagSeries({ flag: name, variant: variant.name, service, pool }))
      : [],
  );
}

function contextSpec({ flagContext, exposures }: Config, board: Board): FlagContextSpec {
  const { key, attributes, jwt, anonymous, overrides, headerLimitBytes, baggage } = flagContext;
  return {
    key,
    attributes: [...attributes],
    token: jwt === undefined ? null : tokenSpec(jwt),
    anonymous:
      anonymous === undefined ? null : { cookie: anonymous.cookie, maxAgeS: Math.ceil(anonymous.maxAgeMs / 1000) },
    overrides:
      overrides === undefined
        ? null
        : { header: overrides.header, cookie: overrides.cookie ?? null, secret: overrides.secret },
    headerBytes: headerLimitBytes,
    baggage,
    exposures:
      exposures === undefined
        ? null
        : { secret: exposures.secret ?? '', windowMs: exposures.windowMs, memory: exposures.memory },
    tally: board.flagTally,
  };
}

/** Null where no token is believed, because there is no secret. */
function tokenSpec({ from, verify }: NonNullable<Config['flagContext']['jwt']>): TokenSpec | null {
  if (verify === undefined) return { from, verify: null };
  const { secret, publicKey, algorithms, issuer, audience } = verify;
  const key = secret ?? publicKey;
  if (key === undefined) return null;
  return { from, verify: { key, algorithms, issuer: issuer ?? null, audience: audience ?? null } };
}
