/**
 * The resident memory of a process on Linux, sampled for as long as something goes on.
 */
import { readFileSync } from 'node:fs';

const SAMPLE_EVERY_MS = 20;

/** Bytes of the process that are in RAM now. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** Does `act`, and gives by how many bytes the process was at most larger than it was at the start. */
export async function growthDuring(pid: number, act: () => Promise<unknown>): Promise<number> {
  const start = residentBytes(pid);
  let most = start;
  const timer = setInterval(() => {
    most = Math.max(most, residentBytes(pid));
  }, SAMPLE_EVERY_MS);
  try {
    await act();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, residentBytes(pid)) - start;
}
