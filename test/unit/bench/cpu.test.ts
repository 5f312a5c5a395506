import t from 'tap';
import { parseStat, treeTicks } from '../../../bench/cpu.ts';

function line(pid: number, name: string, parent: number, userTicks: number, systemTicks: number): string {
  return `${pid} (${name}) S ${parent} ${pid} 1 0 -1 4194560 901 12 0 0 ${userTicks} ${systemTicks} 77 88 20 0 7 0 5123 1 2 3`;
}

t.test('user and system time are read from the fields of the process itself', async (t) => {
  t.same(parseStat(line(42, 'nginx', 7, 120, 340)), { pid: 42, parent: 7, userTicks: 120, systemTicks: 340 });
});

t.test('a process name with spaces and parentheses does not move the fields', async (t) => {
  for (const name of ['nginx: worker process', 'a (b) c', ') S 1 1 1', '((', '))', 'tmux: client (1) x']) {
    t.same(parseStat(line(42, name, 7, 120, 340)), { pid: 42, parent: 7, userTicks: 120, systemTicks: 340 }, name);
  }
});

t.test('text that is no stat line is null and not a process with NaN ticks', async (t) => {
  for (const text of ['', '42', '42 (sh', '42 (sh) S', 'x (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13', ') 42 (']) {
    t.equal(parseStat(text), null, text);
  }
});

t.test('the time of a tree holds the root and all descendants, and nobody else', async (t) => {
  const stats = [
    { pid: 1, parent: 0, userTicks: 1_000, systemTicks: 1_000 },
    { pid: 10, parent: 1, userTicks: 1, systemTicks: 2 },
    { pid: 11, parent: 10, userTicks: 10, systemTicks: 20 },
    { pid: 12, parent: 11, userTicks: 100, systemTicks: 200 },
    { pid: 13, parent: 1, userTicks: 5_000, systemTicks: 5_000 },
  ];
  t.equal(treeTicks(stats, 10), 333);
  t.equal(treeTicks(stats, 12), 300);
});

t.test('a root that has ended has used nothing', async (t) => {
  t.equal(treeTicks([{ pid: 2, parent: 9, userTicks: 5, systemTicks: 5 }], 9), 0);
});
