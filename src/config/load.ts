/**
 * Reading the config file once, for the start and for `validate`.
 *
 * A file that cannot be read is a problem in the same form as a mistake inside it, so that a caller has one thing to
 * show. Bytes that are not UTF-8 are kept as replacement characters, which the parser refuses with their position.
 */

import { readFile } from 'node:fs/promises';
import type { Environment } from './environment.ts';
import { type Parsed, parseConfig } from './parse.ts';

/** Turns the bytes of a config into text, in the one way that reading and watching share. */
export function decodeConfig(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes);
}

/** Reads and parses a file; never rejects. `text` is absent when the file cannot be read. */
export async function loadConfig(file: string, env: Environment): Promise<Parsed & { readonly text?: string }> {
  try {
    const text = decodeConfig(await readFile(file));
    return { ...parseConfig(text, { file, env }), text };
  } catch (error) {
    return {
      problems: [{ file, line: 1, column: 1, path: '', message: unreadable(error), severity: 'error' }],
      redacted: '',
    };
  }
}

/** Says in words why a file cannot be read. */
export function unreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this process may not read the file';
    case 'EISDIR':
      return 'this is a directory and not a file';
    default:
      return `the file cannot be read (${code ?? 'unknown error'})`;
  }
}
