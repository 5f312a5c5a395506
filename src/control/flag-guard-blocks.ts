/**
 * The shared memory of the guards of flags, as a snapshot has it.
 *
 * A block belongs to a flag as it says now: when it says something else, whoever is still on the way under what it said before counts in
 * the earlier memory, and the guard begins with clean books. So it is for a version: what another has answered is not of this one.
 * Guards count in the pools of the services whose routes name their flag, and nowhere else.
 */
import type { Config, Service } from '../config/schema.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { FlagGuardSpec, GuardBlocks, Snapshot } from '../routing/snapshot.ts';
import type { Board } from './board.ts';

/** What the guard of a flag counts by; null for a flag without. */
export function guardSpec({ name, revision, guard }: FlagSpec, board: Board): FlagGuardSpec | null {
  if (guard === undefined) return null;
  const kind = guard.control === 'others' ? 'units of others' : 'units';
  const units = (about: string): SharedArrayBuffer => board.guard(name, revision, kind, [about]);
  return {
    levels: board.guard(name, revision, 'levels', []),
    ledgers: { failures: units('failures'), delays: units('delays') },
    signals: guard.signals.map((signal) => ({ name: signal, ledger: units(`signal ${signal}`) })),
  };
}

/** Where the guards of flags count in a version, by the flag's index. */
export function guardBlocks(
  { routes }: Pick<Config, 'routes'>,
  { service, pool, version }: { readonly service: Service; readonly pool: string; readonly version: string },
  specs: readonly FlagSpec[],
  board: Board,
): readonly (GuardBlocks | null)[] {
  const named = new Set(routes.filter((route) => route.service === service.name).flatMap(({ flags }) => flags));
  return specs.map(({ name, revision, guard }) => {
    if (guard === undefined || !named.has(name)) return null;
    const where = [service.name, pool, version];
    const arm = (of: 'treatment' | 'control') => ({
      evidence: board.guard(name, revision, 'evidence', [...where, of]),
      signals: guard.signals.map((signal) => board.guard(name, revision, 'signal', [...where, of, signal])),
    });
    const treated = board.guard(name, revision, 'signal', [...where, 'treated']);
    return { treatment: arm('treatment'), control: arm('control'), treated };
  });
}

/** The blocks of all guards of a snapshot. */
export function blocksOfGuards({ flagGuards, services }: Snapshot): SharedArrayBuffer[] {
  const shared = flagGuards.flatMap((guard) =>
    guard === null
      ? []
      : [guard.levels, guard.ledgers.failures, guard.ledgers.delays, ...guard.signals.map(({ ledger }) => ledger)],
  );
  const counted = services.flatMap(({ pools }) =>
    pools.flatMap(({ guards }) =>
      guards.flatMap((blocks) => {
        if (blocks === null) return [];
        const { treatment, control, treated } = blocks;
        return [treated, ...[treatment, control].flatMap(({ evidence, signals }) => [evidence, ...signals])];
      }),
    ),
  );
  return [...shared, ...counted];
}
