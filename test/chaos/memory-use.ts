/**
 * How much memory a proxy has: the resident memory of its process and of all that descend from it, and whether it grows.
 */
import { readProcesses } from '../../bench/cpu.ts';
import { residentBytes } from '../scenario/stage/resident-memory.ts';

/** Resident bytes of a process and everything below it; what two of them share is counted twice. */
export function residentOfTree(root: number): number {
  const all = readProcesses();
  let bytes = 0;
  const waiting = [root];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    try {
      bytes += residentBytes(pid);
    } catch {
      // It has ended since it was listed.
    }
    for (const each of all) if (each.parent === pid) waiting.push(each.pid);
  }
  return bytes;
}

/**
 * By how much the samples have grown, as a share: the median of the last third against that of the middle third. The first
 * third is left out, in which caches and heaps find their size.
 */
export function growthOf(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3);
  const middle = medianOf(samples.slice(third, 2 * third));
  return middle === 0 ? 0 : medianOf(samples.slice(2 * third)) / middle - 1;
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? 0;
}
