/**
 * One rollout in a world of the test's making: a gate that is a list of moves, errands that are answered when the test says
 * so, and counts that are written into the board as data threads would.
 */
import { pino } from 'pino';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Service } from '../../../src/config/schema.ts';
import type { Receipt, Weights } from '../../../src/control/operations.ts';
import { RolloutEvidence } from '../../../src/control/rollout-evidence.ts';
import type { DecisionEntry, RolloutRecord } from '../../../src/control/rollout-record.ts';
import { RolloutRun } from '../../../src/control/rollout-run.ts';
import { judgeSettingsFor } from '../../../src/control/rollout-settings.ts';
import type { RunMove, RunWorld } from '../../../src/control/run-world.ts';
import type { Verification } from '../../../src/control/verification.ts';
import { openJudgement } from '../../../src/judge/judgement.ts';
import type { JudgeSettings } from '../../../src/judge/signals.ts';
import { begin } from '../../../src/rollout/machine.ts';
import type { Plan } from '../../../src/rollout/plan.ts';
import { createEvidenceMemory, EvidenceWriter } from '../../../src/stats/evidence-cells.ts';
import { planOf } from '../rollout/course-of.ts';

/** A service `shop` with the pools `blue` v1 and `green` v2 and these lines under `rollout:`. */
export function serviceWith(rollout: readonly string[] = [], service: readonly string[] = []): Service {
  const lines = [
    'listeners: [{ address: 127.0.0.1:0 }]',
    'services:',
    '  shop:',
    '    pools:',
    '      blue: { version: v1, endpoints: [127.0.0.1:1] }',
    '      green: { version: v2, endpoints: [127.0.0.1:2, 127.0.0.1:3] }',
    '    traffic: blue',
    ...service.map((line) => `    ${line}`),
    ...(rollout.length === 0 ? [] : ['    rollout:', ...rollout.map((line) => `      ${line}`)]),
    'routes: [{ service: shop }]',
  ];
  const { config, problems } = parseConfig(`${lines.join('\n')}\n`, { file: 'tidegate.yaml', env: {} });
  const found = config?.services.get('shop');
  if (found === undefined) throw new Error(JSON.stringify(problems));
  return found;
}

/** The settings of a service that says nothing, latency left out. */
export function settings(): JudgeSettings {
  return judgeSettingsFor(serviceWith(['guard: { latency: off }']), { active: 'blue', candidate: 'green' }, null);
}

/** A move that was asked for, and what lets it happen or not. */
export interface AskedMove {
  readonly move: RunMove;
  /** Lets it have its turn: it happens if it is still wanted. */
  readonly turn: () => Promise<void>;
}

const NO_FLAGS: RunWorld['flags'] = { before: () => ({}), set: async () => '', back: async () => '' };

export class RunStage {
  readonly memories = [createEvidenceMemory(1), createEvidenceMemory(1)] as const;
  readonly run: RolloutRun;
  readonly kept: RolloutRecord[] = [];
  readonly entries: DecisionEntry[] = [];
  readonly told: string[] = [];
  /** Moves that have happened. */
  readonly moves: RunMove[] = [];
  /** Moves that wait for their turn. */
  readonly asked: AskedMove[] = [];
  readonly verifications: {
    readonly stop: AbortSignal;
    readonly answer: (ok: boolean, text: string) => Promise<void>;
  }[] = [];
  readonly endings: string[] = [];
  epoch = 1;
  weights: Weights = { blue: 100, green: 0 };
  frozen: string | null = null;
  /** What the next verdicts of `worse` are excused with. */
  readonly excuses: string[] = [];
  /** Pools that are in the file. */
  pools = ['blue', 'green'];
  /** Whether a signal has been read since the last look that asked for it. */
  hasNews = false;
  /** Whether the last bad event of the candidate would have rung the bell. */
  isRung = false;
  /** Confirmations that were asked for; they are answered at once, or not at all. */
  readonly questions: { readonly step: number; readonly askedMs: number }[] = [];
  isConfirmed = true;
  /** Whether moves have their turn at once. */
  isQuick = true;

  /** `flags` is what sets the flags of steps. */
  constructor(plan: Partial<Plan> = {}, from: RolloutRecord | null = null, flags: RunWorld['flags'] = NO_FLAGS) {
    const begun = begin({
      plan: planOf(plan),
      active: 'blue',
      candidate: 'green',
      before: this.weights,
      by: 'ana',
      together: null,
    });
    if (!begun.ok) throw new Error(begun.message);
    const fresh: RolloutRecord = {
      id: 7,
      service: 'shop',
      flag: null,
      version: 'v2',
      activeVersion: 'v1',
      previous: { blue: 0, green: 100 },
      startedAt: '2026-01-01T00:00:00.000Z',
      startedBy: 'ana',
      endedAt: null,
      bond: null,
      rollout: begun.rollout,
      settings: settings(),
      scale: null,
      judge: openJudgement(settings()),
      verdict: null,
      ranMs: 0,
      keepMs: 3_600_000,
      stepEpoch: 1,
      asked: null,
      undone: null,
      verification: null,
      next: null,
    };
    const record = from ?? fresh;
    const epochs = record.judge.signals[0]!.evidence.epochs;
    const earlier = from === null ? null : { errors: epochs, latency: [] };
    const evidence = new RolloutEvidence(...this.memories, 0, earlier);
    this.run = new RolloutRun(record, {
      evidence,
      judgement: null,
      flags,
      sources: this.#sources(),
      isCounted: () => true,
      warmUpMs: 0,
      log: pino({ level: 'silent' }),
      at: () => '2026-01-01T00:00:00.000Z',
      forgetUnits: () => {},
      excuse: () => this.excuses.shift() ?? null,
      frozen: () => this.frozen,
      standing: () => {
        const { blue = 0, green = 0 } = this.weights;
        return { epoch: this.epoch, slot: this.epoch % 64, share: green / (blue + green) };
      },
      isThere: (weights) => Object.entries(weights).some(([pool, weight]) => weight > 0 && this.pools.includes(pool)),
      move: (move, stillWanted) => this.#ask(move, stillWanted),
      verify: (stop) =>
        new Promise((resolve) => {
          const answer = async (ok: boolean, text: string): Promise<void> => {
            resolve({ ok, text, results: [] } satisfies Verification);
            await settled();
          };
          this.verifications.push({ stop, answer });
        }),
      confirm: (step, askedMs) => {
        this.questions.push({ step, askedMs });
        return this.isConfirmed ? Promise.resolve({ result: 'ok', why: '' }) : new Promise(() => {});
      },
      join: async () => {},
      turned: () => {},
      keep: (one) => void this.kept.push(one),
      note: (_, entry) => void this.entries.push(entry),
      tell: (_, what, text) => void this.told.push(`${what}: ${text}`),
      ended: ({ rollout }) => void this.endings.push(rollout.phase),
    });
    if (from === null) this.run.begin(begun.effects);
  }

  get phase(): string {
    return this.run.record.rollout.phase;
  }

  get share(): number {
    const { blue = 0, green = 0 } = this.weights;
    return green / (blue + green);
  }

  /** Requests and bad ones that the position in force has routed since. */
  count(side: 'active' | 'candidate', judged: number, bad = 0): void {
    const writer = new EvidenceWriter(this.memories[side === 'active' ? 0 : 1], 0);
    for (let index = 0; index < judged; index++) writer.judged(this.epoch % 64);
    for (let index = 0; index < bad; index++) writer.bad(this.epoch % 64);
    if (bad > 0) this.isRung = writer.isNews();
  }

  async tick(ms = 100): Promise<void> {
    this.run.tick(ms);
    await settled();
  }

  /** Somebody else moves the gate. */
  elsewhere(weights: Weights): void {
    this.epoch += 1;
    this.weights = weights;
  }

  #sources() {
    const stage = this;
    return {
      start: () => {},
      get hasNews() {
        return stage.hasNews;
      },
      take: () => {
        stage.hasNews = false;
        return [];
      },
      stop: () => {},
    };
  }

  async #ask(move: RunMove, stillWanted: () => boolean): Promise<Receipt | null> {
    if (!this.isQuick) {
      await new Promise<void>((resolve) => {
        const turn = async (): Promise<void> => {
          resolve();
          await settled();
        };
        this.asked.push({ move, turn });
      });
    }
    if (!stillWanted()) return null;
    this.moves.push(move);
    this.elsewhere(move.weights);
    return { epoch: this.epoch, to: move.weights } as unknown as Receipt;
  }
}

/** Lets everything happen that only waits for its turn in the event loop. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}
