import t from 'tap';
import { ProbeWord } from '../../../src/stats/probe-word.ts';

function words(): { readonly control: ProbeWord; readonly threads: readonly ProbeWord[] } {
  const ints = new Int32Array(new SharedArrayBuffer(64));
  return { control: new ProbeWord(ints, 1), threads: [new ProbeWord(ints, 1), new ProbeWord(ints, 1)] };
}

t.test('a probe goes to one thread only, and only when it is offered', async (t) => {
  const { control, threads } = words();
  t.equal(threads[0]!.take(0), 0, 'not offered');
  control.offer();
  t.not(threads[1]!.take(63), 0);
  t.equal(threads[0]!.take(0), 0, 'taken');
  control.offer();
  t.equal(threads[0]!.take(0), 0, 'a second offer waits for the answer');
});

t.test('each answer is given once', async (t) => {
  const { control, threads } = words();
  for (const verdict of ['good', 'bad', 'good'] as const) {
    control.offer();
    const taken = threads[0]!.take(0);
    t.equal(control.answer(), 'none');
    threads[0]!.end(taken, verdict);
    t.equal(control.answer(), verdict);
    t.equal(control.answer(), 'none');
  }
});

t.test('a probe that says nothing about the endpoint is offered again', async (t) => {
  const { control, threads } = words();
  control.offer();
  threads[0]!.end(threads[0]!.take(0), 'neither');
  t.equal(control.answer(), 'none');
  t.not(threads[1]!.take(1), 0);
});

t.test('the end of a probe that was withdrawn changes nothing, not even the next one of the same thread', async (t) => {
  const { control, threads } = words();
  control.offer();
  const first = threads[0]!.take(0);
  control.withdraw();
  threads[0]!.end(first, 'good');
  t.equal(control.answer(), 'none');
  control.offer();
  const second = threads[0]!.take(0);
  threads[0]!.end(first, 'good');
  t.equal(control.answer(), 'none');
  threads[0]!.end(second, 'bad');
  t.equal(control.answer(), 'bad');
});

t.test("a dead thread's probe is offered again, and nobody else's", async (t) => {
  const { control, threads } = words();
  control.offer();
  threads[1]!.take(1);
  control.settleDead(0);
  t.equal(threads[0]!.take(0), 0);
  control.settleDead(1);
  t.not(threads[0]!.take(0), 0);
});

t.test('the number of a probe may run over', async (t) => {
  const { control, threads } = words();
  for (let count = 0; count < 600_000; count++) {
    control.offer();
    const taken = threads[0]!.take(63);
    if (taken === 0) t.fail(`offer ${count} was not taken`);
    threads[0]!.end(taken, 'good');
    if (control.answer() !== 'good') t.fail(`probe ${count} has no answer`);
  }
  t.pass('600,000 probes');
});
