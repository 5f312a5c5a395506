/**
 * A temporary directory for the configuration files, sockets and state of what is measured, removed at the end of the
 * measurement on every way out.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that lasts as long as its owner; `room` gives each contender a folder of its own. */
export class Workspace implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  readonly #onExit = () => this[Symbol.dispose]();

  constructor() {
    process.on('exit', this.#onExit);
  }

  /** Makes the folder `name` inside and returns its path. */
  room(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
    process.off('exit', this.#onExit);
  }
}
