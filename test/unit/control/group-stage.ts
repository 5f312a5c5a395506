/**
 * Services `shop`, `cart` and `mail` of one group, each with the pools blue v1 and green v2, in a control plane without data
 * threads: rollouts as they are, evidence and verifications as the test says.
 */
import type { Config, Service } from '../../../src/config/schema.ts';
import { Confirmations } from '../../../src/control/confirmations.ts';
import { EarlyLooks } from '../../../src/control/early-looks.ts';
import { type GroupView, isRefusal, type Refusal, type StartOrder } from '../../../src/control/operations.ts';
import { Releases } from '../../../src/control/releases.ts';
import { RolloutStore } from '../../../src/control/rollout-store.ts';
import { Rollouts } from '../../../src/control/rollouts.ts';
import { Serial } from '../../../src/control/serial.ts';
import type { ServiceGate } from '../../../src/control/service-gate.ts';
import type { StateStore } from '../../../src/control/state-store.ts';
import { Traffic } from '../../../src/control/traffic.ts';
import { Bell } from '../../../src/stats/bell.ts';
import { EvidenceWriter } from '../../../src/stats/evidence-cells.ts';
import { withoutFlags, withoutStepFlags } from './flag-rollout-stage.ts';
import { GateStage } from './gate-stage.ts';
import { serviceWith, settled } from './run-stage.ts';

export const BY = { by: 'ana', reason: '', ifEpoch: null };
export const ORDER: StartOrder = { to: 'green', version: null, again: false };
/** Steps that end only by a promotion, and nothing to be verified. */
export const PLAN = [
  'group: suite',
  'steps: [10%, 50%, 100%]',
  'verify: { before: false, after: false }',
  'guard: { latency: off }',
];

export type Name = 'shop' | 'cart' | 'mail';
export const NAMES: readonly Name[] = ['shop', 'cart', 'mail'];

/** The services; `lines` are what stands under `rollout:` of each, PLAN unless given. */
export async function group(lines: Partial<Record<Name, readonly string[]>> = {}, store?: StateStore) {
  const stage = new GateStage(store);
  const services = new Map<string, Service>(NAMES.map((name) => [name, { ...serviceWith(lines[name] ?? PLAN), name }]));
  const config = (): Config => ({ services }) as unknown as Config;
  const { gates, board, events, log } = stage;
  const traffic = new Traffic({
    gates,
    canServe: () => true,
    config,
    onInstruction: (...move) => rollouts.superseded(...move),
  });
  const serial = new Serial();
  let frozen: string | null = null;
  const rolloutStore = new RolloutStore(stage.store);
  const rollouts = new Rollouts({
    board,
    gates,
    traffic,
    store: rolloutStore,
    stepFlags: withoutStepFlags(),
    events,
    log,
    confirmations: new Confirmations({ events, log, now: () => stage.nowMs }),
    guards: { excuse: () => null },
    looks: new EarlyLooks({ bell: new Bell(new Int32Array(new SharedArrayBuffer(4)), 0) }),
    config,
    unhealthy: () => null,
    inTurn: (work) => serial.run(work),
    frozen: () => frozen,
    now: () => stage.nowMs,
  });
  const releases = new Releases(rollouts, withoutFlags(rolloutStore, stage), rolloutStore, () => false);
  const gateOf = new Map<Name, ServiceGate>();
  for (const name of NAMES) {
    const gate = stage.gate(name, ['blue', 'green']);
    gateOf.set(name, gate);
    const kept = stage.store.position(name);
    if (kept.ok && kept.value !== null) {
      gate.restore(kept.value);
      gate.restate();
    } else await gates.move(stage.move(gate, { blue: 100, green: 0 }));
  }
  return {
    stage,
    rollouts,
    releases,
    traffic,
    services,
    gate: (name: Name): ServiceGate => gateOf.get(name)!,
    tick: async (ms = 100): Promise<void> => {
      rollouts.tick(ms);
      await settled();
    },
    freeze: (why: string | null) => {
      frozen = why;
    },
    edit: (name: Name, other: Service | null) => {
      if (other === null) services.delete(name);
      else services.set(name, other);
      rollouts.follow(config());
    },
    start: async (order: Partial<StartOrder> = {}): Promise<GroupView> => {
      const view = granted(releases.groups.start('suite', { ...ORDER, ...order }, BY));
      await settled();
      return view;
    },
    order: async (command: Parameters<typeof releases.groups.command>[1]): Promise<GroupView | Refusal> => {
      const answer = releases.groups.command('suite', command, BY);
      await settled();
      return answer;
    },
    one: async (name: Name, command: Parameters<typeof releases.command>[1]): Promise<Refusal['code'] | null> => {
      const answer = releases.command(name, command, BY);
      await settled();
      return isRefusal(answer) ? answer.code : null;
    },
    view: (): GroupView => granted(releases.groups.view('suite')),
    /** Phase and share in percent of each: `holding 10`. */
    where: (): Record<Name, string> =>
      Object.fromEntries(
        NAMES.map((name) => {
          const { blue = 0, green = 0 } = gateOf.get(name)!.weights;
          const share = Math.round((100 * green) / (blue + green));
          return [name, `${rollouts.last(name)?.rollout.phase} ${share}`];
        }),
      ) as Record<Name, string>,
    waitsFor: (name: Name): string[] => rollouts.bonds.waitsFor(rollouts.last(name)!).map(({ service }) => service),
    reason: (name: Name): string => rollouts.last(name)!.rollout.reason,
    /** Bad requests that the position in force has routed to green. */
    fail: (name: Name, bad: number) => {
      const writer = new EvidenceWriter(board.evidence(name, 'green', 'v2'), 0);
      const { slot } = gateOf.get(name)!;
      for (let index = 0; index < bad; index++) {
        writer.judged(slot);
        writer.bad(slot);
      }
    },
    /** Ends as a kill would, and gives the state file. */
    kill: () => {
      rollouts.close();
      return stage.store;
    },
  };
}

export function all(text: string): Record<Name, string> {
  return { shop: text, cart: text, mail: text };
}

function granted(answer: GroupView | Refusal): GroupView {
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}
