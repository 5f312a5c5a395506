/** All rollouts of a control plane without data threads: who may start, what waits, what goes on, and what can be asked. */
import t from 'tap';
import type { Config, Service } from '../../../src/config/schema.ts';
import { Confirmations } from '../../../src/control/confirmations.ts';
import { EarlyLooks } from '../../../src/control/early-looks.ts';
import { isRefusal, type Receipt, type Refusal, type StartOrder } from '../../../src/control/operations.ts';
import { Releases } from '../../../src/control/releases.ts';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
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

/** Lets the event loop turn until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

const BY = { by: 'ana', reason: '', ifEpoch: null };
const ORDER: StartOrder = { to: 'green', version: null, again: false };
const PLAN = ['steps: [10%, 50%, 100%]', 'verify: { before: false, after: false }', 'guard: { latency: off }'];

/** A shop; `store` is a state file that an earlier one has left. */
async function shop(rollout: readonly string[] = PLAN, store?: StateStore) {
  const stage = new GateStage(store);
  let service: Service | null = serviceWith(rollout);
  const config = (): Config =>
    ({ services: new Map(service === null ? [] : [['shop', service]]) }) as unknown as Config;
  const { gates, board, events, log } = stage;
  const traffic = new Traffic({
    gates,
    canServe: () => true,
    config,
    onInstruction: (...move) => rollouts.superseded(...move),
  });
  const serial = new Serial();
  let frozen: string | null = null;
  const word = new Int32Array(new SharedArrayBuffer(4));
  const bell = new Bell(word, 0);
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
    config,
    unhealthy: () => null,
    inTurn: (work) => serial.run(work),
    frozen: () => frozen,
    guards: { excuse: () => null },
    looks: new EarlyLooks({ bell }),
    now: () => stage.nowMs,
  });
  const releases = new Releases(rollouts, withoutFlags(rolloutStore, stage), rolloutStore, () => false);
  const gate: ServiceGate = stage.gate('shop', ['blue', 'green']);
  const kept = stage.store.position('shop');
  if (kept.ok && kept.value !== null) {
    gate.restore(kept.value);
    gate.restate();
  } else await gates.move(stage.move(gate, { blue: 100, green: 0 }));
  const tick = async (ms = 100): Promise<void> => {
    rollouts.tick(ms);
    await settled();
  };
  return {
    stage,
    gate,
    rollouts,
    releases,
    traffic,
    tick,
    edit: (other: Service | null) => {
      service = other;
      rollouts.follow(config());
    },
    freeze: (why: string | null) => {
      frozen = why;
    },
    start: async (order: Partial<StartOrder> = {}): Promise<RolloutRecord> => {
      const started = await rollouts.start('shop', { ...ORDER, ...order }, BY);
      if ('refused' in started) throw new Error(started.message);
      await settled();
      return started;
    },
    refused: async (
      order: Partial<StartOrder> = {},
      ifEpoch: number | null = null,
    ): Promise<Refusal['code'] | null> => {
      const started = await rollouts.start('shop', { ...ORDER, ...order }, { ...BY, ifEpoch });
      return 'refused' in started ? started.code : null;
    },
    phase: () => rollouts.last('shop')?.rollout.phase,
    /** Bad events that the position in force has routed to green. */
    fail: (bad: number) => {
      const writer = new EvidenceWriter(board.evidence('shop', 'green', 'v2'), 0);
      for (let index = 0; index < bad; index++) {
        writer.judged(gate.slot);
        writer.bad(gate.slot);
        if (writer.isNews()) bell.ring();
      }
    },
    /** Whether anybody would hear of bad events. */
    isHeard: () => word[0] === 1,
    /** Ends as a kill would, and gives the state file. */
    kill: () => {
      rollouts.close();
      return stage.store;
    },
  };
}

t.test('a start that makes no sense is refused with a code, and begins nothing', async (t) => {
  const one = await shop();
  t.equal(await one.refused({ to: 'red' }), 'unknown-pool');
  t.equal(await one.refused({ to: 'blue' }), 'already-active');
  t.equal(await one.refused({ version: 'v3' }), 'version-mismatch');
  t.equal(await one.refused({ steps: [0.5] }), 'bad-plan');
  t.equal(await one.refused({}, 99), 'epoch-mismatch');
  one.freeze('Christmas');
  t.equal(await one.refused(), 'frozen');
  const other = await one.rollouts.start('other', ORDER, BY);
  t.match(other, { refused: true, code: 'unknown-service' });
  t.match(one.releases.view('shop'), { refused: true, code: 'no-rollout', message: 'shop has no rollout' });
  t.match(one.releases.command('shop', 'pause', BY), { code: 'no-rollout' });
});

t.test('the only other pool is the candidate when none is named', async (t) => {
  const one = await shop();
  t.equal((await one.start({ to: null })).rollout.candidate, 'green');
});

t.test('a second start is refused, waits, or takes the first one back, as the service says', async (t) => {
  const rejecting = await shop();
  await rejecting.start();
  t.equal(await rejecting.refused(), 'running');

  for (const way of ['queue', 'restart']) {
    const one = await shop([...PLAN, `onNewVersion: ${way}`]);
    const first = await one.start();
    const { epoch } = one.gate;
    // Meant for the position of that moment: it has moved when the turn comes.
    const answer = await one.rollouts.start('shop', ORDER, { ...BY, ifEpoch: epoch });
    t.notOk('refused' in answer);
    await settled();
    if (way === 'queue') {
      t.match(one.releases.view('shop'), { id: first.id, isQueued: true, phase: 'holding' });
      one.rollouts.command('shop', 'abort', 'ana');
      await settled();
    }
    t.match(one.releases.view('shop'), { id: first.id + 1, isQueued: false, phase: 'holding' }, way);
    t.match(one.rollouts.last('shop')?.rollout.before, { blue: 100, green: 0 }, 'it begins where the first one did');
  }
});

t.test('what waits is forgotten when somebody takes the traffic back or moves it', async (t) => {
  for (const act of ['takeBack', 'move']) {
    const one = await shop([...PLAN, 'onNewVersion: queue']);
    await one.start();
    await one.start();
    if (act === 'takeBack') await one.rollouts.takeBack('shop', BY);
    else await one.traffic.setWeights('shop', { blue: 30, green: 70 }, BY);
    await settled();
    t.equal(one.phase(), act === 'takeBack' ? 'aborted' : 'superseded');
    t.equal(one.rollouts.isQueued('shop'), false);
  }
});

t.test('a start that waits is not forgotten by a restart, and neither is one whose turn has just come', async (t) => {
  const first = await shop([...PLAN, 'onNewVersion: queue']);
  const { id } = await first.start();
  await first.start();
  const store = first.kill();
  const second = await shop([...PLAN, 'onNewVersion: queue'], store);
  second.rollouts.restore();
  await settled();
  t.match(second.releases.view('shop'), { id, isQueued: true, phase: 'holding' });
  const record = second.rollouts.last('shop')!;
  second.kill();
  // Killed between the end of the one and the begin of the other.
  const ended = { ...record, endedAt: record.startedAt, rollout: { ...record.rollout, phase: 'aborted' as const } };
  new RolloutStore(store).save(ended);
  const third = await shop(PLAN, store);
  third.rollouts.restore();
  await settled();
  t.match(third.releases.view('shop'), { id: id + 1, phase: 'holding' });
});

t.test(
  'a rollback while one runs is its way back; before any traffic was moved it takes nothing else back',
  async (t) => {
    const one = await shop();
    await one.start();
    t.match(await one.rollouts.takeBack('shop', { ...BY, ifEpoch: 1 }), { refused: true, code: 'epoch-mismatch' });
    const receipt = (await one.rollouts.takeBack('shop', BY)) as Receipt;
    t.match(receipt, { to: { blue: 100, green: 0 }, reason: 'rollback', by: 'rollout' });
    t.equal(one.phase(), 'aborted');
    t.equal(one.rollouts.takeBack('shop', BY), null, 'none runs any more');

    const other = await shop(['verify: { smoke: [{ path: / }], timeout: 1h }']);
    await other.start();
    t.equal(other.phase(), 'verifying');
    const { epoch } = other.gate;
    t.match(await other.rollouts.takeBack('shop', BY), { refused: true, code: 'nothing-to-roll-back' });
    t.equal(other.phase(), 'aborted');
    t.equal(other.gate.epoch, epoch);
  },
);

t.test(
  'after a success a rollback is one move to where it began; after a way back it is none to the candidate',
  async (t) => {
    const one = await shop();
    await one.start();
    for (let steps = 0; steps < 3; steps++) {
      one.rollouts.command('shop', 'promote', 'ana');
      await settled();
    }
    t.equal(one.phase(), 'succeeded');
    t.same(one.gate.previous, { blue: 100, green: 0 });
    const { epoch } = one.gate;
    await one.traffic.rollback('shop', BY);
    t.match(one.gate, { epoch: epoch + 1, weights: { blue: 100, green: 0 } });

    const other = await shop();
    await other.start();
    other.rollouts.command('shop', 'abort', 'ana');
    await settled();
    t.match(await other.traffic.rollback('shop', BY), { refused: true, code: 'nothing-to-roll-back' });
  },
);

t.test('a version that was rolled back is started again only when somebody says so', async (t) => {
  const one = await shop();
  await one.start();
  await one.tick();
  one.fail(5);
  await one.tick();
  t.equal(one.phase(), 'rolled-back');
  t.equal(await one.refused(), 'rolled-back-before');
  t.equal(await one.refused({ again: true }), null);
});

t.test('a pool that gets another version, or leaves, ends it as failed with the traffic back', async (t) => {
  const named = (name: string, version: string): Service => {
    const service = serviceWith(PLAN);
    const pools = new Map(service.pools);
    pools.set(name, { ...pools.get(name)!, version });
    return { ...service, pools };
  };
  for (const [edited, reason] of [
    [named('green', 'v3'), 'green runs v3 now and not v2'],
    [named('blue', 'v1.1'), 'blue runs v1.1 now and not v1'],
  ] as const) {
    const one = await shop();
    await one.start();
    one.edit(edited);
    await settled();
    t.match(one.rollouts.last('shop')?.rollout, { phase: 'failed', reason });
    t.same(one.gate.weights, { blue: 100, green: 0 });
  }
  const gone = await shop();
  await gone.start();
  gone.edit(null);
  await settled();
  t.match(gone.rollouts.last('shop')?.rollout, { phase: 'failed', reason: /the service has left the file/ });
  const same = await shop();
  await same.start();
  same.edit(serviceWith([...PLAN, 'hold: 3h']));
  t.equal(same.phase(), 'holding', 'another plan is for the next one');
});

t.test('the file that was edited while Tidegate was down has the last word', async (t) => {
  const first = await shop();
  await first.start();
  const store = first.kill();
  const second = await shop(PLAN, store);
  await second.stage.gates.move(
    second.stage.move(second.gate, { blue: 70, green: 30 }, { reason: 'start', by: 'file' }),
  );
  second.rollouts.superseded('shop', 'the traffic in the file has changed', { blue: 70, green: 30 });
  second.rollouts.restore();
  await settled();
  t.match(second.rollouts.last('shop')?.rollout, {
    phase: 'superseded',
    reason: 'the traffic in the file has changed',
  });
  t.same(second.gate.weights, { blue: 70, green: 30 });
});

t.test('killed on its way back while its candidate was edited, it still comes back', async (t) => {
  const ramp = [...PLAN, 'rollback: { over: 30s }'];
  const first = await shop(ramp);
  await first.start();
  first.rollouts.command('shop', 'abort', 'ana');
  await settled();
  t.equal(first.phase(), 'rolling-back');
  const second = await shop(ramp, first.kill());
  const service = serviceWith(ramp);
  const green = { ...service.pools.get('green')!, version: 'v3' };
  second.edit({ ...service, pools: new Map([...service.pools, ['green', green]]) });
  second.rollouts.restore();
  await second.rollouts.takeBack('shop', BY);
  t.equal(second.phase(), 'aborted');
  t.same(second.gate.weights, { blue: 100, green: 0 });
});

t.test('a restart moves nothing: the gate stands where it stood, and the numbers go on', async (t) => {
  const first = await shop();
  await first.start();
  await first.tick(100);
  first.fail(2);
  await first.tick(100);
  const { epoch, weights } = first.gate;
  const before = first.rollouts.last('shop')!;
  const second = await shop(PLAN, first.kill());
  second.rollouts.restore();
  await settled();
  t.match(second.gate, { epoch, weights });
  const after = second.rollouts.last('shop')!;
  t.strictSame(after.judge, JSON.parse(JSON.stringify(before.judge)));
  t.match(after, { id: before.id, ranMs: before.ranMs, rollout: { phase: 'holding', step: 0, share: 0.1 } });
  second.fail(3);
  await second.tick(100);
  t.equal(second.phase(), 'rolled-back', 'two failures then and three now');
  t.match(second.rollouts.last('shop')?.rollout.reason, /5 of 5 on green failed/);
});

t.test(
  'a past rollout is judged again from its log, to the last digit, and otherwise under other settings',
  async (t) => {
    const one = await shop();
    const { id } = await one.start();
    await one.tick();
    for (let looks = 0; looks < 3; looks++) {
      one.fail(1);
      await one.tick();
    }
    one.fail(2);
    await one.tick();
    t.equal(one.phase(), 'rolled-back');
    const whole = { after: 0, limit: 1000 };
    const again = await one.releases.judgeAgain(id, { margin: null, falseAlarm: null }, whole);
    if (isRefusal(again)) throw new Error(again.message);
    const recorded = again.decisions.flatMap(({ entry }) => (entry.kind === 'look' ? [entry.verdict] : []));
    t.strictSame(
      again.verdicts.map(({ verdict }) => verdict.kind),
      recorded,
    );
    t.strictSame(again.verdicts.at(-1)?.verdict, one.rollouts.last('shop')?.verdict);
    t.equal(again.turnedBackAtMs, one.rollouts.last('shop')?.ranMs);
    const parts: number[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const part = await one.releases.judgeAgain(id, { margin: null, falseAlarm: null }, { after, limit: 3 });
      if (isRefusal(part)) throw new Error(part.message);
      t.ok(part.decisions.length <= 3);
      t.equal(part.turnedBackAtMs, again.turnedBackAtMs, 'of the whole, whichever part it is');
      parts.push(...part.decisions.map(({ sequence }) => sequence));
      t.strictSame(
        part.verdicts,
        again.verdicts.filter(({ atMs }) => part.verdicts.some((own) => own.atMs === atMs)),
      );
      after = part.next;
    }
    t.same(
      parts,
      again.decisions.map(({ sequence }) => sequence),
      'the parts are the whole',
    );
    const milder = await one.releases.judgeAgain(id, { margin: 50, falseAlarm: null }, whole);
    t.match(milder, { turnedBackAtMs: null });
    const stricter = await one.releases.judgeAgain(id, { margin: 1, falseAlarm: 0.5 }, whole);
    if (isRefusal(stricter)) throw new Error(stricter.message);
    t.ok(stricter.turnedBackAtMs! < again.turnedBackAtMs!);
    t.match(await one.releases.judgeAgain(99, { margin: null, falseAlarm: null }, whole), { code: 'no-rollout' });
    t.match(one.releases.history('shop', 5), [{ id, phase: 'rolled-back' }]);
  },
);

t.test('a bad event of the candidate is judged before the next tick', async (t) => {
  const one = await shop();
  t.equal(one.isHeard(), false, 'without a rollout nobody waits for one');
  await one.start();
  t.equal(one.isHeard(), true);
  await one.tick();
  one.fail(4);
  // No tick comes any more.
  await until(() => one.phase() === 'rolled-back');
  t.same(one.gate.weights, { blue: 100, green: 0 });
  t.match(one.rollouts.last('shop')?.rollout.reason, /^worse: 4 of 4 on green failed/);
  t.equal(one.isHeard(), false, 'and the last rollout that ends ends the waiting');
});

t.test('a close while a rollout runs leaves nobody waiting, and the next process waits again', async (t) => {
  const first = await shop();
  await first.start();
  const store = first.kill();
  t.equal(first.isHeard(), false);
  first.fail(9);
  await settled();
  t.equal(first.phase(), 'holding', 'nothing is done any more');
  const second = await shop(PLAN, store);
  second.rollouts.restore();
  await settled();
  t.equal(second.isHeard(), true);
  second.fail(4);
  await until(() => second.phase() === 'rolled-back');
});
