/**
 * What there is to open and to try while the demo goes on: addresses, and commands that work as they stand here.
 *
 * Commands name the program as it was started here, because nothing says that `tidegate` is on the reader's PATH, and
 * name the Node of the checkout where that one runs, because the reader's own may be too old.
 */
import { existsSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { DEFAULT_ADMIN } from '../command.ts';
import type { Scene } from './scene.ts';
import type { Trial } from './story.ts';

/** How the program was started: its words, and where from. */
export interface Started {
  readonly execPath: string;
  readonly script: string;
  readonly cwd: string;
}

/** The lines of the invitation. */
export function invitation(scene: Scene, started: Started, trials: readonly Trial[]): readonly string[] {
  const program = programName(started);
  const url = scene.adminUrl === DEFAULT_ADMIN ? '' : ` --admin ${scene.adminUrl}`;
  const command = (words: string) => `  ${program} ${words}${url}`;
  const door = `http://127.0.0.1:${scene.clientPort}/`;
  return [
    'It goes on until Ctrl-C. To open:',
    `  ${door}  a page of the version that serves you`,
    `  ${scene.adminUrl}/api/services   ${scene.adminUrl}/metrics`,
    'To try, in another terminal:',
    command('status --watch'),
    ...trials.flatMap(({ words, note }) => [command(words), ...(note === undefined ? [] : [`    ${note}`])]),
    command('events --follow'),
    `  curl -H 'x-tidegate-pool: bad; token=demo' ${door}`,
    'To edit, with effect when it is saved:',
    `  ${scene.configFile}`,
  ];
}

/** The words that start Tidegate from the reader's directory. */
export function programName({ execPath, script, cwd }: Started): string {
  if (!script.endsWith('.js')) return 'tidegate';
  const path = relative(cwd, script);
  const isBelow = !path.startsWith(`..${sep}`);
  const node = execPath.includes(`${sep}node_modules${sep}`) && existsSync(resolve(cwd, 'node_modules/.bin/node'));
  return `${node ? 'node_modules/.bin/node' : 'node'} ${isBelow ? path : script}`;
}
