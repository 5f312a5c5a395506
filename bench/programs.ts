/**
 * Finds programs that are installed on this machine and asks them for their version.
 *
 * Servers live in `/usr/sbin` on many systems, which is not on an ordinary user's PATH, so that is searched too. A
 * program that is not there is no error: the bench measures what is installed and names what is missing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** The path of an installed program, or null. */
export function findProgram(name: string): string | null {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    if (directory === '') continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return null;
}

/**
 * The first version number (`1.22.1`) in what a program prints when asked with `args`, or `unknown`. Both outputs are
 * read and the exit code is not, because programs differ in all of that.
 */
export function programVersion(path: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(path, [...args], { encoding: 'utf8', timeout: 5_000 });
  return /\d+\.\d+(?:\.\d+)?/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'unknown';
}
