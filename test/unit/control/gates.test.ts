import t from 'tap';
import { isRefusal, type Receipt, type Refusal } from '../../../src/control/operations.ts';
import type { Stored } from '../../../src/control/state-store.ts';
import { GateStage } from './gate-stage.ts';

function value<T>(stored: Stored<T>): T {
  if (!stored.ok) throw new Error(stored.error);
  return stored.value;
}

function given(receipt: Receipt | Refusal): Receipt {
  if (isRefusal(receipt)) throw new Error(receipt.message);
  return receipt;
}

t.test('a move is kept, told once and given back as a receipt', async (t) => {
  const stage = new GateStage();
  const { gates, store } = stage;
  const gate = stage.gate('shop', ['blue', 'green']);
  await gates.move(stage.move(gate, { blue: 1 }, { reason: 'start' }));
  const receipt = await gates.move(stage.move(gate, { green: 1 }, { reason: 'flip', by: 'cli', note: 'release' }));
  t.match(receipt, { epoch: 2, from: { blue: 1, green: 0 }, to: { blue: 0, green: 1 }, by: 'cli', note: 'release' });
  t.match(receipt, { inFlight: 0, lost: 0, drained: String });
  t.strictSame(value(store.receipt('shop', 2)), receipt);
  t.match(value(store.position('shop')), { epoch: 2, weights: { blue: 0, green: 1 }, previous: { blue: 1, green: 0 } });
  t.strictSame(
    stage.told.map(({ id, kind, text }) => [id, kind, text]),
    [
      [1, 'traffic', 'shop: blue 0%→100%, start by test'],
      [2, 'traffic', 'shop: blue 100%→0%, green 0%→100%, flip by cli (release)'],
    ],
  );
  t.strictSame(gates.moveCounts(), [
    { service: 'shop', reason: 'start', count: 1 },
    { service: 'shop', reason: 'flip', count: 1 },
  ]);
});

t.test(
  'a position that the full disk did not take is kept as soon as there is room, and was told all the same',
  async (t) => {
    const stage = new GateStage();
    const { gates, store } = stage;
    const gate = stage.gate('shop', ['blue', 'green']);
    await gates.move(stage.move(gate, { blue: 1 }));
    stage.told.length = 0;
    const makeRoom = stage.fillDisk();
    const receipt = await gates.move(stage.move(gate, { green: 1 }));
    t.match(receipt.note, 'not kept in the state file, a restart now would forget it: disk full');
    t.equal(receipt.stored, false);
    t.match(gates.receipt('shop', 2), { stored: false });
    t.equal(gates.isKept(gate), false);
    t.equal(gates.unkept, 2, 'the position and its receipt');
    t.match(stage.told, [{ kind: 'traffic', service: 'shop', text: /green 0%→100%/ }], 'the event is told, once');
    t.equal(stage.told.length, 1);
    const errors = gates.storeErrors;
    t.ok(errors > 0);
    gates.keepUnkept();
    const inVain = gates.storeErrors;
    t.ok(inVain > errors, 'it is tried again, in vain');
    t.match(value(store.position('shop')), { epoch: 1 });
    makeRoom();
    gates.keepUnkept();
    t.match(value(store.position('shop')), { epoch: 2, weights: { blue: 0, green: 1 } });
    t.match(gates.receipt('shop', 2), { stored: true, note: '' });
    t.strictSame([gates.isKept(gate), gates.unkept], [true, 0]);
    stage.fillDisk();
    gates.keepUnkept();
    t.equal(gates.storeErrors, inVain, 'and then it is tried no more');
  },
);

t.test('a position that was not kept is not tried again once a newer one was kept', async (t) => {
  const stage = new GateStage();
  const { gates, store } = stage;
  const gate = stage.gate('shop', ['blue', 'green']);
  const makeRoom = stage.fillDisk();
  await gates.move(stage.move(gate, { blue: 1 }));
  makeRoom();
  await gates.move(stage.move(gate, { green: 1 }));
  const errors = gates.storeErrors;
  Object.assign(store, { savePosition: () => ({ ok: false, error: 'not asked' }) });
  gates.keepUnkept();
  t.equal(gates.storeErrors, errors);
  t.match(value(store.position('shop')), { epoch: 2, weights: { blue: 0, green: 1 } });
});

t.test('a move to the same shares in other numbers leaves alone what rollback returns to', async (t) => {
  const stage = new GateStage();
  const { gates } = stage;
  const gate = stage.gate('shop', ['blue', 'green']);
  await gates.move(stage.move(gate, { green: 100 }));
  await gates.move(stage.move(gate, { blue: 100 }));
  for (const weights of [{ blue: 1 }, { blue: 0.5, green: 0 }]) {
    const receipt = await gates.move(stage.move(gate, weights));
    t.match(receipt.to, weights);
    t.strictSame(gate.previous, { blue: 0, green: 100 });
  }
  t.match(stage.told.at(-1), { text: 'shop: traffic stays as it is, traffic by test' });
  await gates.move(stage.move(gate, { blue: 3, green: 1 }));
  t.strictSame(gate.previous, { blue: 0.5, green: 0 });
});

t.test('a receipt stays open while its earlier position has something in flight, and says what was lost', async (t) => {
  const stage = new GateStage();
  const { gates, store } = stage;
  const gate = stage.gate('shop', ['blue', 'green']);
  await gates.move(stage.move(gate, { blue: 1 }));
  const ends = [stage.request(gate, 'blue'), stage.request(gate, 'blue')];
  const { epoch, inFlight, drained } = await gates.move(stage.move(gate, { green: 1 }));
  t.strictSame([inFlight, drained], [2, null]);
  const later = stage.request(gate, 'blue');
  ends[0]!(true);
  gates.settleReceipts();
  t.match(given(gates.receipt('shop', epoch)), { drained: null, lost: 1 });
  ends[1]!();
  stage.nowMs += 5000;
  gates.settleReceipts();
  const final = given(gates.receipt('shop', epoch));
  t.match(
    final,
    { inFlight: 2, lost: 1, drained: new Date(stage.nowMs).toISOString() },
    'a later request is not its own',
  );
  t.strictSame(value(store.receipt('shop', epoch)), final);
  t.match(stage.told.at(-1), { kind: 'drain', text: /before epoch 2 has drained, 2 were in flight, 1 lost/ });
  later();
  t.match(gates.receipt('shop', 99), { refused: true, code: 'unknown-receipt' });
});

t.test('a receipt of a service that leaves the configuration becomes final when its requests have ended', async (t) => {
  const stage = new GateStage();
  const { gates, store } = stage;
  const gate = stage.gate('shop', ['blue', 'green']);
  await gates.move(stage.move(gate, { blue: 1 }));
  const end = stage.request(gate, 'blue');
  const { epoch } = await gates.move(stage.move(gate, { green: 1 }));
  gates.remove('shop');
  t.strictSame([gates.all(), gates.moveCounts()], [[], []]);
  t.match(stage.drains.viewOf('shop', 'blue'), { ended: 0 }, 'what it has left keeps its deadline');
  gates.settleReceipts();
  t.match(value(store.receipt('shop', epoch)), { drained: null });
  end();
  gates.settleReceipts();
  t.match(given(gates.receipt('shop', epoch)), { drained: String, inFlight: 1, lost: 0 });
});

t.test('receipts that an earlier process left open are closed with all that they counted called lost', async (t) => {
  const first = new GateStage();
  const gate = first.gate('shop', ['blue', 'green']);
  await first.gates.move(first.move(gate, { blue: 1 }));
  for (let count = 0; count < 3; count++) first.request(gate, 'blue');
  const { epoch } = await first.gates.move(first.move(gate, { green: 1 }, { note: 'release' }));

  const second = new GateStage(first.store);
  second.gates.closeAbandoned();
  const closed = given(second.gates.receipt('shop', epoch));
  t.match(closed, { drained: String, inFlight: 3, lost: 3 });
  t.match(closed.note, /^release; Tidegate ended before the account was final/);
  second.nowMs += 1000;
  second.gates.closeAbandoned();
  t.strictSame(given(second.gates.receipt('shop', epoch)), closed, 'once');
});

t.test(
  'the account that the full disk did not take is given all the same, and kept as soon as there is room',
  async (t) => {
    const stage = new GateStage();
    const { gates, store } = stage;
    const gate = stage.gate('shop', ['blue', 'green']);
    await gates.move(stage.move(gate, { blue: 1 }));
    const end = stage.request(gate, 'blue');
    const kept = await gates.move(stage.move(gate, { green: 1 }));
    const endLater = stage.request(gate, 'green');
    const makeRoom = stage.fillDisk();
    const unkept = await gates.move(stage.move(gate, { blue: 1 }));
    end(true);
    endLater();
    gates.settleReceipts();
    const finals = [
      { epoch: kept.epoch, drained: String, inFlight: 1, lost: 1 },
      { epoch: unkept.epoch, drained: String, inFlight: 1, lost: 0 },
    ];
    for (const final of finals) t.match(given(gates.receipt('shop', final.epoch)), final);
    t.match(value(store.receipt('shop', kept.epoch)), { drained: null });
    gates.keepUnkept();
    makeRoom();
    gates.keepUnkept();
    for (const final of finals) t.match(value(store.receipt('shop', final.epoch)), { ...final, note: '' });
  },
);
