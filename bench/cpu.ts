/**
 * What a contender has used of the processor, from `/proc/<pid>/stat`: user and system time of all its threads and of
 * all processes below it.
 *
 * CPU time is measured in place of throughput because it does not depend on whether the load generator, the upstream
 * and the proxy fit on the machine together. The clock ticks are 10 ms on common kernels, which is 0.25% of a run of
 * four seconds. Processes that end between two readings are lost; no contender ends one under a steady load.
 * Source: proc_pid_stat(5).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One process's line of `/proc`, as far as the bench reads it; times in clock ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly userTicks: number;
  readonly systemTicks: number;
}

/**
 * Reads one `/proc/<pid>/stat` line, or null when it is not one. The name of a process may hold spaces and
 * parentheses, so the fields are counted from the last `)`.
 */
export function parseStat(line: string): ProcessStat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 1 || close < open) return null;
  const fields = line
    .slice(close + 2)
    .trim()
    .split(' ');
  const stat = {
    pid: Number(line.slice(0, open)),
    parent: Number(fields[1]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
  };
  return Object.values(stat).every(Number.isInteger) ? stat : null;
}

/** Clock ticks of `root` and of every process below it; 0 when `root` is not among `stats`. */
export function treeTicks(stats: readonly ProcessStat[], root: number): number {
  const children = new Map<number, ProcessStat[]>();
  for (const stat of stats) {
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [stat]);
    else siblings.push(stat);
  }
  let ticks = 0;
  const waiting = stats.filter((stat) => stat.pid === root);
  for (let stat = waiting.pop(); stat !== undefined; stat = waiting.pop()) {
    ticks += stat.userTicks + stat.systemTicks;
    waiting.push(...(children.get(stat.pid) ?? []));
  }
  return ticks;
}

/** All processes that `/proc` shows at this moment. Throws where there is no `/proc`: the bench needs Linux. */
export function readProcesses(): readonly ProcessStat[] {
  const stats: ProcessStat[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = parseStat(readFileSync(`/proc/${entry}/stat`, 'latin1'));
      if (stat !== null) stats.push(stat);
    } catch {
      // The process ended between the listing and the reading.
    }
  }
  return stats;
}

let ticksPerSecond = 0;

/** CPU time that the process `root` and its descendants have used so far, in microseconds. */
export function cpuUs(root: number): number {
  if (ticksPerSecond === 0) ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (treeTicks(readProcesses(), root) * 1_000_000) / ticksPerSecond;
}
