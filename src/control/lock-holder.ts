/**
 * Which process holds a lock on a file, where the system tells: Linux does in /proc/locks.
 *
 * "Another process" sends an operator on a search; a process id ends it. Nothing depends on the answer but a sentence.
 * A process of another PID namespace (another container on the same volume) has no id here, and null is answered. Source:
 * proc_locks(5): `1: POSIX  ADVISORY  WRITE 3548 08:01:12345 0 EOF`, device numbers in hexadecimal.
 */
import { readFileSync, statSync } from 'node:fs';

/** The process id of another process that holds a lock on the file, or null. */
export function lockHolder(path: string): number | null {
  try {
    const { ino } = statSync(path, { bigint: true });
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      const found = / (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line);
      if (found === null || found[2] !== String(ino)) continue;
      const pid = Number(found[1]);
      if (pid > 0 && pid !== process.pid) return pid;
    }
  } catch {
    // A system without /proc, or a file that is gone: nobody is known.
  }
  return null;
}
