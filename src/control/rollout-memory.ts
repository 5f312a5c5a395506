/**
 * What a rollout uses of the board: the evidence of its two versions, and the ledgers of users who have spoken.
 *
 * Which signals of the business it has is told by its own settings and not by the config, which may have changed since it began.
 */
import type { Service } from '../config/schema.ts';
import { clearUnits } from '../stats/unit-ledger.ts';
import type { Board } from './board.ts';
import { type EarlierCounts, RolloutEvidence } from './rollout-evidence.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { countedNames, requestSignals } from './signal-specs.ts';

/** Lets every user of a service speak again, before a rollout begins. */
export function forgetUnits(board: Board, service: Service | undefined): void {
  if (service?.sticky === undefined) return;
  clearUnits(board.ledger(service.name, 'failures'));
  clearUnits(board.ledger(service.name, 'delays'));
  for (const { name } of requestSignals(service)) clearUnits(board.ledger(service.name, `signal ${name}`));
}

/** The evidence of a rollout between these versions; `earlier` is null for one that begins. */
export function evidenceOf(
  board: Board,
  { service, rollout, scale, settings }: RolloutRecord,
  versions: { readonly active: string; readonly candidate: string },
  earlier: EarlierCounts | null,
): RolloutEvidence {
  const { active, candidate } = rollout;
  const signals = countedNames(settings).map((name) => {
    const before = board.signal(service, active, versions.active, name);
    return [name, [before, board.signal(service, candidate, versions.candidate, name)]] as const;
  });
  return new RolloutEvidence(
    board.evidence(service, active, versions.active),
    board.evidence(service, candidate, versions.candidate),
    scale?.buckets.length ?? 0,
    earlier,
    new Map(signals),
  );
}

/** What the judge knew when the earlier process ended. */
export function earlierCounts({ judge }: RolloutRecord): EarlierCounts {
  return Object.fromEntries(judge.signals.map(({ name, evidence }) => [name, evidence.epochs]));
}
