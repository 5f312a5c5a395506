/**
 * The record of a rollout as it begins, or cannot go on: everything that is decided once, at its start, and then goes by what it says.
 *
 * It is made without being begun, so that the records of a whole group can be written in one transaction before anything of
 * any of them happens.
 */
import type { Service } from '../config/schema.ts';
import { openJudgement } from '../judge/judgement.ts';
import { levelTable } from '../judge/latency.ts';
import { begin } from '../rollout/machine.ts';
import type { Effect } from '../rollout/transition.ts';
import type { Board } from './board.ts';
import type { Aim } from './rollout-aim.ts';
import { forgetUnits } from './rollout-memory.ts';
import type { BondRecord, RolloutRecord } from './rollout-record.ts';
import { judgeSettingsFor } from './rollout-settings.ts';
import type { ServiceGate } from './service-gate.ts';

/** What a rollout is opened with. */
export interface Opening {
  readonly id: number;
  readonly service: Service;
  readonly aim: Aim;
  readonly gate: ServiceGate;
  readonly board: Board;
  readonly scale: RolloutRecord['scale'];
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  /** Null for one that rolls alone. */
  readonly bond: (BondRecord & { readonly lead: number }) | null;
}

/** A rollout that is about to begin, with what it asks for first. */
export interface OpenedRollout {
  readonly record: RolloutRecord;
  readonly effects: readonly Effect[];
}

/** Opens a rollout, and sets the board up for its judge. */
export function openRollout({ id, service, aim, gate, board, scale, by, at, bond }: Opening): OpenedRollout {
  const { active, candidate, version, plan } = aim;
  const levels = new Uint8Array(board.levels(service.name));
  if (scale === null) levels.fill(0);
  else levels.set(levelTable(scale));
  forgetUnits(board, service);
  const settings = judgeSettingsFor(service, { active, candidate }, scale);
  const others = bond?.members.map((member) => member.service).filter((name) => name !== service.name) ?? [];
  const together = bond === null ? null : { lead: bond.lead, others };
  const begun = begin({ plan, active, candidate, before: gate.weights, by, together });
  if (!begun.ok) throw new Error(begun.message);
  const record: RolloutRecord = {
    id,
    service: service.name,
    flag: null,
    version,
    activeVersion: service.pools.get(active)!.version,
    previous: gate.previous,
    startedAt: at,
    startedBy: by,
    endedAt: null,
    bond: bond === null ? null : { id: bond.id, group: bond.group, members: bond.members },
    rollout: begun.rollout,
    settings,
    scale,
    judge: openJudgement(settings),
    verdict: null,
    ranMs: 0,
    stepEpoch: gate.epoch,
    asked: null,
    keepMs: service.rollout.keepMs,
    undone: null,
    verification: null,
    next: null,
  };
  return { record, effects: begun.effects };
}

/** A rollout that cannot go on after a restart, because the file does not have a pool of it any more. */
export function endedWithoutPool(record: RolloutRecord, at: string): RolloutRecord {
  const reason = 'a pool of it has left the file while Tidegate was not running';
  return { ...record, endedAt: at, rollout: { ...record.rollout, phase: 'failed', errand: null, reason } };
}
