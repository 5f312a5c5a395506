import t from 'tap';
import { POSITION_SLOTS } from '../../../src/stats/series.ts';
import { createSignalMemory, readSignal, SignalWriter } from '../../../src/stats/signal-cells.ts';

t.test('every slot counts for itself, over all threads', async (t) => {
  const memory = createSignalMemory(2);
  const writers = [new SignalWriter(memory, 0), new SignalWriter(memory, 1)];
  for (const [index, writer] of writers.entries()) {
    for (let slot = 0; slot < POSITION_SLOTS; slot += 1) {
      for (let count = 0; count <= slot + index; count += 1) writer.judged(slot);
      if (slot % 2 === 0) writer.bad(slot);
    }
  }
  for (let slot = 0; slot < POSITION_SLOTS; slot += 1) {
    t.same(readSignal(memory, slot), { judged: 2 * slot + 3, bad: slot % 2 === 0 ? 2 : 0 });
  }
});
