/**
 * The directories that decide what a path leads to.
 *
 * A mounted ConfigMap is `tidegate.yaml -> ..data/tidegate.yaml`, `..data -> ..2026_01_01`: an update swaps `..data`
 * and touches neither the path nor the file that it led to. So every directory that holds a link on the way must be
 * watched, and the one that holds the file in the end. Where the way ends early, the last directory that exists is the
 * one in which the rest will appear.
 */

import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';

const LINKS_MAX = 40;

/** The way of a path: directories to watch, and in them the entries (links, the file) that it depends on. */
export type Way = {
  readonly directories: ReadonlySet<string>;
  readonly entries: ReadonlySet<string>;
  /** Differs when a directory was replaced by another one of the same name, too. */
  readonly identity: string;
};

/** Follows a path link by link. Never rejects: what is missing or closed just ends the way. */
export async function wayTo(path: string): Promise<Way> {
  const directories = new Set<string>();
  const entries = new Set<string>();
  const absolute = resolve(path);
  let here = parse(absolute).root;
  let rest = partsOf(absolute);
  for (let links = 0; rest.length > 0; ) {
    const next = join(here, rest[0]!);
    const target = await targetOf(next);
    if (target.kind === 'link' && links < LINKS_MAX) {
      links += 1;
      directories.add(here);
      entries.add(next);
      const through = resolve(here, target.to);
      here = parse(through).root;
      rest = [...partsOf(through), ...rest.slice(1)];
      continue;
    }
    if (target.kind !== 'other' || rest.length === 1) {
      directories.add(dirname(next));
      entries.add(next);
      break;
    }
    here = next;
    rest = rest.slice(1);
  }
  const identities = await Promise.all([...directories].map(identityOf));
  return { directories, entries, identity: JSON.stringify([...entries, ...identities]) };
}

async function identityOf(directory: string): Promise<string> {
  try {
    const { dev, ino } = await lstat(directory, { bigint: true });
    return `${directory}:${dev}:${ino}`;
  } catch {
    return directory;
  }
}

type Target =
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'other' };

async function targetOf(path: string): Promise<Target> {
  try {
    const stats = await lstat(path);
    return stats.isSymbolicLink() ? { kind: 'link', to: await readlink(path) } : { kind: 'other' };
  } catch {
    return { kind: 'missing' };
  }
}

function partsOf(absolute: string): string[] {
  return absolute
    .slice(parse(absolute).root.length)
    .split(sep)
    .filter((part) => part !== '');
}
