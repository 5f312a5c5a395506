/**
 * Which core runs what: the contender alone on the first core that this process may use, the load and the upstream
 * together on the second.
 *
 * Without pinning the kernel moves the proxy beside its client and back, and the numbers follow the scheduler in place
 * of the program. Where `taskset` is missing or there is one core only, nothing is pinned and the report says so.
 */
import { readFileSync } from 'node:fs';
import { findProgram } from './programs.ts';

/** The side of the machine that a process belongs to. */
export type Side = 'contender' | 'load';

/** Where things run in this run: the two cores, or the reason why nothing is pinned. */
export type Pinning =
  | { readonly pinned: true; readonly taskset: string; readonly cores: Readonly<Record<Side, number>> }
  | { readonly pinned: false; readonly reason: string };

/** The numbers in a kernel core list such as `0-1,4`; text that is none gives an empty list. */
export function parseCoreList(text: string): number[] {
  const cores: number[] = [];
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return [];
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    for (let core = first; core <= last && cores.length < 4096; core++) cores.push(core);
  }
  return cores;
}

/** Decides on the pinning from what this machine has. */
export function choosePinning(): Pinning {
  const taskset = findProgram('taskset');
  if (taskset === null) return { pinned: false, reason: 'taskset is not installed' };
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
  const [contender, load] = parseCoreList(allowed);
  if (contender === undefined || load === undefined) return { pinned: false, reason: 'there is one core only' };
  return { pinned: true, taskset, cores: { contender, load } };
}

/** The words to put before a command so that it runs on its side's core; none where nothing is pinned. */
export function pinningPrefix(pinning: Pinning, side: Side): string[] {
  return pinning.pinned ? [pinning.taskset, '-c', String(pinning.cores[side])] : [];
}

/** One sentence about the pinning for the report. */
export function describePinning(pinning: Pinning): string {
  if (!pinning.pinned) return `Nothing is pinned to a core: ${pinning.reason}.`;
  return `The proxy runs on core ${pinning.cores.contender} (\`taskset\`), load and upstream on core ${pinning.cores.load}.`;
}
