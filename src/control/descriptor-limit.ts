/**
 * How many sockets a data thread may have open: its share of the file descriptors of the process.
 *
 * Node raises the soft limit to the hard one when it starts, so what `/proc/self/limits` calls soft is what there is. Where
 * there is no such file, no limit is known and none is kept.
 */
import { readFileSync } from 'node:fs';

/** Descriptors of everything that is no client and no endpoint: files, the admin API, health checks, name servers. */
const CONTROL_PLANE = 64;
/** What the event loop of a data thread and its listeners take. */
const EACH_THREAD = 16;
/** With fewer sockets than this, a thread could serve nobody. */
const LEAST = 16;

/** The most sockets that each of so many data threads may open; infinite where the system does not say. */
export function socketsPerThread(threads: number): number {
  let text = '';
  try {
    text = readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return shareOf(text, threads);
}

/** A thread's share under the limits that `text`, in the form of `/proc/self/limits`, tells. */
export function shareOf(text: string, threads: number): number {
  const limit = /^Max open files\s+(\d+)\s/m.exec(text)?.[1];
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(LEAST, Math.floor((Number(limit) - CONTROL_PLANE) / threads) - EACH_THREAD);
}
