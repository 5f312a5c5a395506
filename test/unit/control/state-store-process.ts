/**
 * A process that holds a state file, for tests that kill it. Arguments: what to do, and the path.
 *
 * `hold` opens the store, says `open` and waits. `save` saves positions without end and says each epoch once it was
 * answered. `fill` saves ever more until the store refuses, then says what it saw as JSON, and ends.
 */
import { writeSync } from 'node:fs';
import { StateStore } from '../../../src/control/state-store.ts';
import { eventOf, positionOf } from './samples.ts';

const [mode, path] = process.argv.slice(2) as [string, string];
const opened = StateStore.open(path);
if (!opened.ok) {
  writeSync(1, `${opened.error}\n`);
  process.exit(1);
}
const { store } = opened.value;

const before = store.position('shop');
let epoch = before.ok && before.value !== null ? before.value.epoch : 0;

if (mode === 'hold') {
  writeSync(1, 'open\n');
  setInterval(() => {}, 60_000);
} else if (mode === 'save') {
  for (;;) {
    epoch++;
    const saved = store.savePositionAndEvent(positionOf(epoch), eventOf(epoch));
    if (!saved.ok) throw new Error(saved.error);
    writeSync(1, `${epoch}\n`);
  }
} else {
  const ballast = 'x'.repeat(10_000);
  let refusal: string | null = null;
  while (refusal === null && epoch < 10_000) {
    const saved = store.savePositionAndEvent(positionOf(epoch + 1), { ...eventOf(epoch + 1), text: ballast });
    if (saved.ok) epoch++;
    else refusal = saved.error;
  }
  const again = store.appendEvent({ ...eventOf(epoch + 1), text: ballast });
  const read = store.position('shop');
  writeSync(1, `${JSON.stringify({ epoch, refusal, again, read })}\n`);
}
