/**
 * Damage done to a message: what attackers and broken peers do to bytes, in small random steps.
 *
 * Messages are latin1 strings, one character for each byte. Most mutants should still look like a message, because what
 * is refused at its first byte tests nothing: one step is the most frequent number, and most steps are small.
 */
import type { Random } from './random.ts';

/** Bytes on which parsers have disagreed. */
const SHARP = ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', '\x0b', '\x0c', '\x7f', '\x80', '\x85', '\xa0', '\xff'];

const FRAGMENTS = [
  ',',
  ';',
  '0',
  '5',
  '+',
  '-',
  '0x',
  '%',
  '%00',
  '#',
  '"',
  '\\',
  '/',
  '?',
  '@',
  '[',
  'chunked',
  ', chunked',
  'identity',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 00\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: content-length\r\n',
  'Connection: upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'X_Y: \xe4\r\n',
  'A:\r\n',
  '__proto__: 1\r\n',
  'constructor: 1\r\n',
  'Trailer: X-Sum\r\n',
  '\r\n ',
  '\r\n\t',
  '\r\n\r\n',
  '0\r\n\r\n',
  '0\r\nX: 1\r\n\r\n',
  '5\r\nabcde\r\n',
  ';a=b',
  ';a="b\\"c"',
  'HTTP/1.1',
  'HTTP/1.0',
  '1.0',
  'GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
];

type Mutation = (text: string, random: Random) => string;

function spliced(text: string, at: number, removed: number, inserted: string): string {
  return text.slice(0, at) + inserted + text.slice(at + removed);
}

const flipBit: Mutation = (text, random) => {
  const at = random.below(text.length);
  return spliced(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8))));
};

const insertSharp: Mutation = (text, random) => spliced(text, random.below(text.length + 1), 0, random.pick(SHARP));

const replaceBySharp: Mutation = (text, random) => spliced(text, random.below(text.length), 1, random.pick(SHARP));

const insertFragment: Mutation = (text, random) => {
  const fragment = random.pick(FRAGMENTS);
  return spliced(text, fragment.endsWith('\r\n') ? lineStart(text, random) : random.below(text.length), 0, fragment);
};

const remove: Mutation = (text, random) => spliced(text, random.below(text.length), 1 + random.below(3), '');

const truncate: Mutation = (text, random) => text.slice(0, random.below(text.length));

const duplicateLine: Mutation = (text, random) => {
  const from = lineStart(text, random);
  return spliced(text, from, 0, lineAt(text, from));
};

const swapLines: Mutation = (text, random) => {
  const from = lineStart(text, random);
  const line = lineAt(text, from);
  const without = spliced(text, from, line.length, '');
  return spliced(without, lineStart(without, random), 0, line);
};

const fold: Mutation = (text, random) => {
  const at = text.indexOf(random.pick([' ', ':', ',', ';']), random.below(text.length));
  return at < 0 ? text : spliced(text, at + 1, 0, random.pick(['\r\n ', '\r\n\t', '\n ', '\r ']));
};

const loosenLineEnd: Mutation = (text, random) => {
  const at = text.indexOf('\r\n', random.below(text.length));
  return at < 0 ? text : spliced(text, at, 2, random.pick(['\n', '\r', '\r\r\n', '\n\r', '\r\n\r', ' \r\n', '\t\r\n']));
};

const changeCase: Mutation = (text, random) => {
  const at = random.below(text.length);
  const word = /^[A-Za-z-]*/.exec(text.slice(at))![0];
  return spliced(text, at, word.length, random.chance(0.5) ? word.toUpperCase() : word.toLowerCase());
};

const changeDigit: Mutation = (text, random) => {
  const from = random.below(text.length);
  const found = /[0-9a-f]/.exec(text.slice(from));
  return found === null ? text : spliced(text, from + found.index, 1, random.text('0123456789abcdefABCDEFxg', 1));
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  insertSharp,
  insertSharp,
  replaceBySharp,
  insertFragment,
  insertFragment,
  remove,
  truncate,
  duplicateLine,
  swapLines,
  fold,
  loosenLineEnd,
  changeCase,
  changeDigit,
];

function lineStart(text: string, random: Random): number {
  const before = text.lastIndexOf('\n', random.below(text.length));
  return before + 1;
}

function lineAt(text: string, from: number): string {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.slice(from) : text.slice(from, end + 1);
}

/** `text` after one to four random steps; it may come out as it was. */
export function mutated(text: string, random: Random): string {
  let result = text;
  const steps = 1 + Math.floor(3.5 * (random.below(1000) / 1000) ** 2);
  for (let step = 0; step < steps; step++) {
    if (result === '') return text;
    result = random.pick(MUTATIONS)(result, random);
  }
  return result;
}
