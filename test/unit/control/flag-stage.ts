/**
 * Flags over a state file and an event log, without data threads: the test is the committer, and says when a snapshot is staged, when
 * it comes into force and when its grace period is over.
 */
import { pino } from 'pino';
import type { Config } from '../../../src/config/schema.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import type { FlagInstruction, FlagReceipt } from '../../../src/control/flag-operations.ts';
import { FlagStore } from '../../../src/control/flag-store.ts';
import { Flags, type PreparedFlags } from '../../../src/control/flags.ts';
import { isRefusal, type Refusal, type RolloutGlance, type TidegateEvent } from '../../../src/control/operations.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { PlainContext } from '../../../src/flags/plain-context.ts';
import { accept, SMALL } from '../config/texts.ts';

/** Who asks, in tests. */
export const ANN: FlagInstruction = { by: 'ann', reason: 'why not', ifEpoch: null };

/** The small config with two pools and these flags, of which the first is named by its route. */
export function flagConfig(...flags: readonly string[]): Config {
  const first = flags[0]?.split(':', 1)[0];
  const routed = first === undefined ? '[]' : `[${first}]`;
  const text = SMALL.replace(
    'routes:',
    '      green: { version: v2.0, endpoints: [127.0.0.1:3002] }\n    traffic: blue\nroutes:',
  )
    .replace('{ service: shop }', `{ service: shop, flags: ${routed} }`)
    .concat('flags:\n', ...flags.map((flag) => `  ${flag}\n`), flags.length === 0 ? '  {}\n' : '');
  return accept(text);
}

export class FlagStage {
  readonly store: StateStore;
  readonly events: EventLog;
  readonly flags: Flags;
  readonly told: TidegateEvent[] = [];
  nowMs = Date.UTC(2026, 0, 1);
  config: Config = flagConfig();
  /** The flags of the snapshot in force. */
  inForce: PreparedFlags['specs'] = [];
  /** How many snapshots were built. */
  built = 0;
  /** Why no snapshot can be brought into force; null while it can. */
  obstacle: string | null = null;
  /** What happens while a snapshot is staged. */
  onStaged: () => void = () => {};
  graces = 0;
  /** The rollout of a flag that runs. */
  rolloutOf: (flag: string) => RolloutGlance | null = () => null;

  constructor(path = ':memory:') {
    const opened = StateStore.open(path, () => this.nowMs);
    if (!opened.ok) throw new Error(opened.error);
    this.store = opened.value.store;
    const log = pino({ level: 'silent' });
    const now = (): number => this.nowMs;
    this.events = new EventLog(this.store, { now, log });
    this.events.onEvent((event) => this.told.push(event));
    this.flags = new Flags({
      threads: 1,
      owner: {
        awaitGrace: async () => {
          this.graces += 1;
          return true;
        },
      },
      store: new FlagStore(this.store),
      events: this.events,
      log,
      now,
      config: () => this.config,
      besideOf: (flag) => ({ guard: null, rollout: this.rolloutOf(flag) }),
      inTurn: (work) => work(),
      rebuild: async () => this.apply(this.config),
    });
  }

  /** Brings a config into force, as the committer does. */
  apply(config: Config): string | null {
    const prepared = this.flags.prepare(config);
    this.onStaged();
    if (this.obstacle !== null) return this.obstacle;
    prepared.adopt();
    this.config = config;
    this.inForce = prepared.specs;
    this.built += 1;
    prepared.conclude();
    return null;
  }

  /** What a flag gives somebody. */
  variantOf(flag: string, key = 'alice', attributes: object = {}): string {
    return this.flags.evaluate(flag, new PlainContext({ ...attributes, targetingKey: key })).variant;
  }

  /** A flag as it is, in the few words that most tests are about. */
  stand(flag: string): object {
    const view = this.flags.get(flag);
    if (isRefusal(view)) return { refused: view.code };
    const { revision, definition, share, killed, asInFile, stored } = view;
    return { revision, definition, share, killed, asInFile, stored };
  }

  set(flag: string, change: unknown, instruction: Partial<FlagInstruction> = {}): Promise<FlagReceipt | Refusal> {
    return this.flags.set(flag, change, { ...ANN, ...instruction });
  }
}

/** A receipt, or the end of the test. */
export function done<T extends object>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}
