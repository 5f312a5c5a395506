/**
 * Where the signals of one rollout come from, and where its gate stands: the world as its sources and its judge see it.
 *
 * Both go by names and look the things up each time, since gates and configs are replaced while a rollout runs.
 */
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { shareOf } from '../judge/evidence.ts';
import type { Gates } from './gates.ts';
import type { Standing } from './rollout-evidence.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { SignalBooks } from './signal-books.ts';
import type { Sides } from './signal-reader.ts';
import { SignalSources } from './signal-sources.ts';
import { readNames } from './signal-specs.ts';

/** Where the gate of a service stands for these two pools. */
export function standingOf(gates: Gates, service: string, { active, candidate }: Sides): Standing {
  const gate = gates.get(service);
  if (gate === undefined) return { epoch: 0, slot: 0, share: 0 };
  const share = shareOf(gate.weights[candidate] ?? 0, gate.weights[active] ?? 0);
  return { epoch: gate.epoch, slot: gate.slot, share };
}

/** The sources of the signals that a rollout is judged by. */
export function sourcesOf(
  { service, settings, rollout }: RolloutRecord,
  { gates, config, log }: { readonly gates: Gates; readonly config: () => Config; readonly log: Logger },
  books: SignalBooks,
): SignalSources {
  const { active, candidate } = rollout;
  return new SignalSources(readNames(settings), {
    sides: { active, candidate },
    service: () => config().services.get(service),
    isCompared: () => {
      const { share } = standingOf(gates, service, { active, candidate });
      return share > 0 && share < 1;
    },
    books,
    log,
    nowMs: () => performance.now(),
  });
}
