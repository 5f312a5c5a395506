/**
 * Disks that fill up and files that may not be written, made with what the system has: limits of a process, and its rights.
 *
 * A file size limit of nothing makes every write fail as on a full disk, for one process, and can be lifted while it runs.
 * Whoever may do everything is not held by the rights of files, so such a test gives its rights up for the process it
 * starts.
 */
import { execFileSync } from 'node:child_process';

function works(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Why limits of a running process cannot be changed here, or false. */
export const noDiskLimits: string | false = works('prlimit', '--version') ? false : 'prlimit is not installed';

/** From now on the process can write nothing to any file. */
export function fillDisk(pid: number): void {
  execFileSync('prlimit', ['--pid', String(pid), '--fsize=0:unlimited']);
}

/** The process can write again. */
export function makeRoom(pid: number): void {
  execFileSync('prlimit', ['--pid', String(pid), '--fsize=unlimited:unlimited']);
}

/** Starts a program on a full disk. */
export const ON_A_FULL_DISK: readonly string[] = ['prlimit', '--fsize=0:unlimited', '--'];

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Starts a program that is held by the rights of files. */
export const WITHOUT_RIGHTS: readonly string[] = isRoot
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
  : [];

/** Why a program cannot be started without rights, or false. */
export const noRightsToGiveUp: string | false =
  process.platform === 'win32' || (isRoot && !works('setpriv', ...WITHOUT_RIGHTS.slice(1), process.execPath, '-v'))
    ? 'rights cannot be given up here'
    : false;
