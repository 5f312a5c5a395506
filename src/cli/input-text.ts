/**
 * A text that a user names by its file, or gives on standard input, within a limit: definitions and exports.
 */
import { open } from 'node:fs/promises';
import { plain } from './terminal-text.ts';

/** Exports of thousands of flags are a few megabytes. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** What was read, or in one sentence why nothing was. */
export type Input = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** Reads a file; `-` is standard input. */
export async function readInput(file: string): Promise<Input> {
  const name = file === '-' ? 'standard input' : plain(file);
  try {
    const stream = file === '-' ? process.stdin : (await open(file)).createReadStream();
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > INPUT_BYTES_MAX) return { ok: false, why: `${name} is larger than ${INPUT_BYTES_MAX} bytes` };
    }
    return { ok: true, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { ok: false, why: `${name} cannot be read (${plain(code)})` };
  }
}
