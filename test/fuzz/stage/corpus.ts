/**
 * The corpus: messages that once broke an implementation, ours included, with what we do with them.
 *
 * A file has entries with empty lines between. An entry is its reason in lines that begin with `#`, one line that says what
 * it is and what becomes of it, and the message, whose line breaks in the file mean nothing:
 *
 *     # CVE-2022-32213: white space before the colon
 *     request refused
 *     POST / HTTP/1.1\r\n
 *     Host: a\r\n
 *
 * The second word is `refused`, `unfinished`, or `accepted`; of a response, `accepted`, `cut` or `refused`, followed by the
 * method that it answers. Bytes are escaped as `\r`, `\n`, `\t`, `\\` and `\xNN`; `\{N}{text}` is `text` N times.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** One message of the corpus. */
export interface CorpusEntry {
  readonly title: string;
  readonly kind: 'request' | 'response';
  readonly expected: string;
  /** The method that a response answers; GET for requests, where it means nothing. */
  readonly method: string;
  /** The message, latin1. */
  readonly text: string;
}

const FOLDER = new URL('../corpus/', import.meta.url);

/** Every entry of every file, in the order of the file names. */
export function corpus(): CorpusEntry[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return names.sort().flatMap((name) => entriesOf(readFileSync(new URL(name, FOLDER), 'utf8'), name));
}

/** The texts of one kind, for fuzzers that want them as seeds. */
export function corpusTexts(kind: 'request' | 'response'): string[] {
  return corpus().flatMap((entry) => (entry.kind === kind ? [entry.text] : []));
}

function entriesOf(file: string, name: string): CorpusEntry[] {
  return file
    .split(/\n{2,}/)
    .filter((block) => /^[^#\n]/m.test(block))
    .map((block) => {
      const lines = block.split('\n');
      const first = lines.findIndex((line) => !line.startsWith('#'));
      const said = /^(request|response) (\w+)(?: ([A-Z]+))?$/.exec(lines[first] ?? '');
      if (said === null) throw new Error(`${name}: ${lines[first]} does not say what it is`);
      const title = lines
        .slice(0, first)
        .map((line) => line.slice(1).trim())
        .join(' ');
      const text = unescaped(lines.slice(first + 1).join(''));
      return { title, kind: said[1] as CorpusEntry['kind'], expected: said[2]!, method: said[3] ?? 'GET', text };
    });
}

/** `text` as it stands in a file of the corpus. */
export function escaped(text: string): string {
  return text
    .replace(/[\\\x00-\x1f\x7f-\xff]/g, (character) => {
      const named = { '\\': '\\\\', '\r': '\\r', '\n': '\\n', '\t': '\\t' }[character];
      return named ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
    })
    .replace(/\\n(?=.)/g, '\\n\n');
}

function unescaped(text: string): string {
  return text
    .replace(/\\\{(\d+)\}\{([^}]*)\}/g, (_, times: string, repeated: string) => repeated.repeat(Number(times)))
    .replace(/\\(?:x([0-9a-f]{2})|([rnt\\]))/g, (_, hex: string | undefined, letter: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      return { r: '\r', n: '\n', t: '\t', '\\': '\\' }[letter]!;
    });
}
