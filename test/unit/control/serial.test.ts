import t from 'tap';
import { Serial } from '../../../src/control/serial.ts';

t.test('what is asked for runs one after the other, in the order of asking', async (t) => {
  const serial = new Serial();
  const steps: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const work = (name: string, at: number) => async (): Promise<string> => {
    steps.push(`${name} begins`);
    await gates[at]!.promise;
    steps.push(`${name} ends`);
    return name;
  };
  const [first, second] = [serial.run(work('first', 0)), serial.run(work('second', 1))];
  gates[1]!.resolve();
  await new Promise(setImmediate);
  t.strictSame(steps, ['first begins']);
  gates[0]!.resolve();
  t.strictSame(await Promise.all([first, second]), ['first', 'second']);
  t.strictSame(steps, ['first begins', 'first ends', 'second begins', 'second ends']);
});

t.test('work that fails fails for whoever asked for it, and what comes after runs', async (t) => {
  const serial = new Serial();
  const failing = serial.run(() => Promise.reject(new Error('no')));
  const throwing = serial.run(() => {
    throw new Error('at once');
  });
  const next = serial.run(async () => 'done');
  await t.rejects(failing, { message: 'no' });
  await t.rejects(throwing, { message: 'at once' });
  t.equal(await next, 'done');
});
