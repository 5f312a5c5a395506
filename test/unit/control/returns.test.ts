import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { Config } from '../../../src/config/schema.ts';
import { Returns } from '../../../src/control/returns.ts';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import type { ServiceGate } from '../../../src/control/service-gate.ts';
import { Traffic } from '../../../src/control/traffic.ts';
import { configOf } from '../proxy/snapshots.ts';
import { Course } from '../rollout/course-of.ts';
import { GateStage } from './gate-stage.ts';

/** A service whose rollout to green has brought v2 and stands as the rollout has left it; blue runs what the file says. */
class Stage {
  readonly gates = new GateStage();
  readonly gate: ServiceGate;
  config!: Config;
  frozen: string | null = null;
  verifies = 0;
  isRight = true;
  isRunning = false;
  record: RolloutRecord;
  readonly returns: Returns;

  constructor(afterPromotion: 'keep' | 'return' = 'return') {
    this.gate = this.gates.gate('shop', ['blue', 'green']);
    this.gate.move({ blue: 0, green: 100 }, 5);
    this.file('v1', afterPromotion);
    const { rollout } = new Course().until('succeeded');
    this.record = { id: 1, service: 'shop', version: 'v2', rollout } as RolloutRecord;
    const { gates, events, log } = this.gates;
    const config = () => this.config;
    const traffic = new Traffic({ gates, config, canServe: () => true, onInstruction: () => {} });
    this.returns = new Returns({
      rollouts: {
        last: () => this.record,
        running: () => (this.isRunning ? ({} as never) : undefined),
        verify: async () => {
          this.verifies += 1;
          return { ok: this.isRight, results: [], text: this.isRight ? '' : 'blue says v1' };
        },
      },
      gates,
      traffic,
      config,
      frozen: () => this.frozen,
      inTurn: (work) => work(),
      events,
      log,
    });
  }

  /** What the file says of blue. */
  file(version: string, afterPromotion: 'keep' | 'return' = 'return'): void {
    const pool = (of: string, port: number) => ({ version: of, endpoints: [`127.0.0.1:${port}`] });
    const pools = { blue: pool(version, 3001), green: pool('v2', 3002) };
    this.config = configOf({
      listeners: [{ address: '127.0.0.1:0' }],
      services: { shop: { pools, traffic: 'blue', rollout: { afterPromotion } } },
      routes: [{ service: 'shop' }],
    });
  }

  async tick(times = 1): Promise<void> {
    for (; times > 0; times -= 1) {
      this.returns.tick();
      for (let turns = 0; turns < 5; turns += 1) await turn();
    }
  }

  get told(): readonly string[] {
    return this.gates.told.map(({ text }) => text);
  }
}

t.test(
  'traffic returns when the file gives the earlier pool the version and it is verified, in one move',
  async (t) => {
    const stage = new Stage();
    await stage.tick(20);
    t.same([stage.verifies, stage.gate.epoch], [0, 5], 'the file still has the earlier version');
    stage.file('v2');
    await stage.tick();
    t.same(stage.gate.weights, { blue: 100, green: 0 });
    t.match(stage.told, [/blue runs v2 too: traffic returns to it/]);
    await stage.tick(20);
    t.same([stage.verifies, stage.gate.epoch], [1, 6], 'and that was that');
  },
);

t.test('a pool that is not right yet is looked at every ten seconds, and told of once', async (t) => {
  const stage = new Stage();
  stage.file('v2');
  stage.isRight = false;
  await stage.tick(31);
  t.same(stage.told, ['shop: traffic does not return to blue yet: blue says v1']);
  t.equal(stage.verifies, 4);
  t.equal(stage.gate.epoch, 5);
  stage.isRight = true;
  await stage.tick(10);
  t.same(stage.gate.weights, { blue: 100, green: 0 });
});

t.test(
  'it stays where it is when nobody asked for a return, in a freeze, while another runs, or once it was moved',
  async (t) => {
    const cases: readonly (readonly [string, (stage: Stage) => void])[] = [
      ['keep', (stage) => stage.file('v2', 'keep')],
      [
        'frozen',
        (stage) => {
          stage.frozen = 'the holidays';
        },
      ],
      [
        'another runs',
        (stage) => {
          stage.isRunning = true;
        },
      ],
      ['moved', (stage) => stage.gate.move({ blue: 1, green: 99 }, 6)],
      [
        'rolled back',
        (stage) => {
          stage.record = { ...stage.record, rollout: { ...stage.record.rollout, phase: 'rolled-back' } };
        },
      ],
      ['another version', (stage) => stage.file('v3')],
    ];
    for (const [name, change] of cases) {
      const stage = new Stage();
      stage.file('v2');
      change(stage);
      const { epoch } = stage.gate;
      await stage.tick(3);
      t.same([stage.verifies, stage.gate.epoch], [0, epoch], name);
    }
  },
);

t.test('what traffic returns for is no new release; anything else is', async (t) => {
  const stage = new Stage();
  const shop = stage.config.services.get('shop')!;
  t.equal(stage.returns.awaits(shop, 'blue', 'v2'), true);
  t.equal(stage.returns.awaits(shop, 'blue', 'v3'), false);
  t.equal(stage.returns.awaits(shop, 'green', 'v2'), false);
});
