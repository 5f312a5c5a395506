import t from 'tap';
import { fingerprint } from '../../../src/config/fingerprint.ts';
import { type Instruction, isRefusal, type Weights } from '../../../src/control/operations.ts';
import { Traffic } from '../../../src/control/traffic.ts';
import { configOf } from '../proxy/snapshots.ts';
import { GateStage } from './gate-stage.ts';

const INSTRUCTION: Instruction = { by: 'cli', reason: 'because', ifEpoch: null };

/** A service `shop` with these pools, standing where `weights` says; `sick` are the pools without a healthy endpoint. */
async function start(pools: readonly string[], weights: Weights, sick: readonly string[] = []) {
  const stage = new GateStage();
  const endpoints = Object.fromEntries(
    pools.map((name, at) => [name, { version: 'v1', endpoints: [`127.0.0.1:${9 + at}`] }]),
  );
  const config = configOf({
    listeners: [{ name: 'web', address: '127.0.0.1:0' }],
    services: { shop: { pools: endpoints, traffic: { [pools[0]!]: 1 }, drain: '90s' } },
    routes: [{ service: 'shop' }],
  });
  const canServe = (_: unknown, pool: string): boolean => !sick.includes(pool);
  const traffic = new Traffic({ onInstruction: () => {}, gates: stage.gates, canServe, config: () => config });
  const gate = stage.gate('shop', pools);
  await stage.gates.move(stage.move(gate, weights));
  return { stage, gate, traffic, config };
}

const flips: readonly (readonly [title: string, weights: Weights, target: string | null])[] = [
  ['two pools, one without traffic: that one', { blue: 1, green: 0 }, 'green'],
  ['two pools, the other one without traffic: that one', { blue: 0, green: 5 }, 'blue'],
  ['two pools with traffic: the smaller one', { blue: 90, green: 10 }, 'green'],
  ['two pools with traffic, the other way round: the smaller one', { blue: 1, green: 2 }, 'blue'],
  ['two pools with the same traffic: nobody can say', { blue: 5, green: 5 }, null],
  ['two pools without any traffic: nobody can say', { blue: 0, green: 0 }, null],
  ['three pools, one without traffic: that one', { blue: 1, green: 1, red: 0 }, 'red'],
  ['three pools, two without traffic: nobody can say', { blue: 1, green: 0, red: 0 }, null],
  ['three pools with traffic: nobody can say', { blue: 1, green: 2, red: 3 }, null],
  ['one pool with all traffic: nobody can say', { blue: 1 }, null],
];

for (const [title, weights, target] of flips) {
  t.test(`a flip without a target, ${title}`, async (t) => {
    const pools = Object.keys(weights);
    const { traffic, gate } = await start(pools, weights);
    const answer = await traffic.flip('shop', { to: null, verify: true }, INSTRUCTION);
    if (target === null) {
      const message = `say which pool to flip to: ${pools.join(', ')}`;
      t.strictSame(answer, { refused: true, code: 'ambiguous-target', message });
      t.equal(gate.epoch, 1);
      return;
    }
    const to = Object.fromEntries(pools.map((pool) => [pool, pool === target ? 100 : 0]));
    t.match(answer, { epoch: 2, reason: 'flip', by: 'cli', note: 'because', from: weights, to });
  });
}

t.test('a flip goes to the pool that is named, if it is there and can serve', async (t) => {
  const { traffic, gate } = await start(['blue', 'green', 'red'], { blue: 1 }, ['red']);
  t.match(await traffic.flip('shop', { to: 'pink', verify: false }, INSTRUCTION), {
    code: 'unknown-pool',
    message: 'shop has no pool pink; it has blue, green, red',
  });
  t.match(await traffic.flip('shop', { to: 'red', verify: true }, INSTRUCTION), { code: 'no-healthy-endpoint' });
  t.equal(gate.epoch, 1);
  t.match(await traffic.flip('shop', { to: 'red', verify: false }, INSTRUCTION), {
    to: { blue: 0, green: 0, red: 100 },
  });
});

t.test('weights that mean nothing are refused, and nothing moves', async (t) => {
  const { traffic, gate } = await start(['blue', 'green'], { blue: 1 });
  for (const [weights, code] of [
    [{ blue: 1, pink: 1 }, 'unknown-pool'],
    [{ blue: -1, green: 2 }, 'bad-weights'],
    [{ blue: Number.NaN }, 'bad-weights'],
    [{ blue: Number.POSITIVE_INFINITY }, 'bad-weights'],
    [{ blue: 0, green: 0 }, 'bad-weights'],
    [{}, 'bad-weights'],
  ] as const) {
    t.match(await traffic.setWeights('shop', weights, INSTRUCTION), { refused: true, code }, JSON.stringify(weights));
  }
  t.strictSame([gate.epoch, gate.weights], [1, { blue: 1, green: 0 }]);
});

t.test('a move that was set supersedes what the file says, and has the drain of its service', async (t) => {
  const { stage, traffic, gate, config } = await start(['blue', 'green'], { blue: 1 });
  t.match(await traffic.setWeights('shop', { green: 0.1 }, INSTRUCTION), { reason: 'traffic', to: { green: 0.1 } });
  t.equal(gate.fingerprint, fingerprint(config.services.get('shop')!.traffic));
  t.match(stage.drains.viewOf('shop', 'blue'), { deadline: new Date(stage.nowMs + 90_000).toISOString() });
});

t.test('rollback returns to the position before, and again returns from there', async (t) => {
  const { traffic } = await start(['blue', 'green'], { blue: 9, green: 1 });
  t.match(await traffic.rollback('shop', INSTRUCTION), { refused: true, code: 'nothing-to-roll-back' });
  await traffic.flip('shop', { to: 'green', verify: false }, INSTRUCTION);
  t.match(await traffic.rollback('shop', INSTRUCTION), { reason: 'rollback', to: { blue: 9, green: 1 } });
  t.match(await traffic.rollback('shop', INSTRUCTION), { reason: 'rollback', to: { blue: 0, green: 100 } });
});

t.test('rollback leaves out pools that are gone, and is refused when none is left', async (t) => {
  const { traffic, gate } = await start(['blue', 'green'], { blue: 1 });
  gate.previous = { green: 3, gone: 7 };
  t.match(await traffic.rollback('shop', INSTRUCTION), { to: { blue: 0, green: 3 } });
  gate.previous = { gone: 7, green: 0 };
  t.match(await traffic.rollback('shop', INSTRUCTION), { code: 'nothing-to-roll-back' });
});

t.test('an instruction on a condition is refused when the gate stands elsewhere, whatever it asks for', async (t) => {
  const { traffic, gate } = await start(['blue', 'green'], { blue: 1 });
  const elsewhere = { ...INSTRUCTION, ifEpoch: 7 };
  for (const answer of [
    await traffic.setWeights('shop', { green: 1 }, elsewhere),
    await traffic.flip('shop', { to: 'green', verify: false }, elsewhere),
    await traffic.rollback('shop', elsewhere),
  ]) {
    t.match(answer, { code: 'epoch-mismatch', message: 'shop stands at epoch 1, not 7', details: { epoch: 1 } });
  }
  t.equal(isRefusal(await traffic.setWeights('shop', { green: 1 }, { ...INSTRUCTION, ifEpoch: gate.epoch })), false);
});

t.test('a service that is not there is refused by its name', async (t) => {
  const { traffic } = await start(['blue', 'green'], { blue: 1 });
  const refusal = { refused: true, code: 'unknown-service', message: 'there is no service cart' };
  t.strictSame(await traffic.setWeights('cart', { blue: 1 }, INSTRUCTION), refusal);
  t.strictSame(await traffic.flip('cart', { to: null, verify: true }, INSTRUCTION), refusal);
  t.strictSame(await traffic.rollback('cart', INSTRUCTION), refusal);
});
