/**
 * Settings as texts by key, and the comparison of two sets of them.
 *
 * Most of a config is settings that are compared alike, and a comparison that is written key by key forgets the next
 * key that is added. So a part of a config is flattened, `{ log: { level } }` becomes `log.level`, and units come back
 * into the texts: `timeouts.connectMs: 2000` reads `timeouts.connect 2s`. Secrets are marked, and never become text.
 */

import { formatAddress, type Place } from './address.ts';

/** A setting as text; a secret has its text too, which is compared and not shown. */
export type Texts = ReadonlyMap<string, string>;

/** A changed setting: its key and what happened to it, as `info→debug`, `added (x)`, `removed` or `changed`. */
export type TextDifference = { readonly key: string; readonly text: string };

/**
 * Tokens, passwords, secrets, URLs of webhooks, and the values of header fields that we write, which may be credentials;
 * smoke requests have them in a list, which is one text.
 */
const SECRET =
  /(?:^|\.)(?:token|password|secret)$|(?:^|\.)(?:webhooks\.[^.]+|confirm|exposures\.webhook)\.url$|(?:^|\.)signals\.[^.]+\.headers\.|(?:^|\.)verify\.smoke$|(?:^|\.)re(?:quest|sponse)Headers\.(?:set|add)\./;

/** Flattens a part of a config into texts by key; what is absent is left out. */
export function textsOf(value: object): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, one] of Object.entries(value)) collect(key, one, texts);
  return texts;
}

/** Compares two sets of settings, in the order of the first and then of the second. */
export function compareTexts(before: Texts, after: Texts): TextDifference[] {
  const found: TextDifference[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(key), after.get(key)];
    if (from === to) continue;
    const secret = SECRET.test(key);
    if (from === undefined) found.push({ key, text: secret ? 'added' : `added (${to})` });
    else if (to === undefined) found.push({ key, text: 'removed' });
    else found.push({ key, text: secret ? 'changed' : `${from}→${to}` });
  }
  return found;
}

function collect(key: string, value: unknown, texts: Map<string, string>): void {
  if (value === undefined) return;
  const { name, text } = withUnit(key, value);
  if (text !== undefined) texts.set(name, text);
  else for (const [inner, one] of Object.entries(value as object)) collect(`${key}.${inner}`, one, texts);
}

function withUnit(key: string, value: unknown): { readonly name: string; readonly text: string | undefined } {
  if (typeof value === 'number') {
    if (key === 'mode') return { name: key, text: value.toString(8).padStart(4, '0') };
    if (key.endsWith('Ms')) return { name: key.slice(0, -2), text: duration(value) };
    if (key.endsWith('Bytes')) return { name: key.slice(0, -5), text: size(value) };
    if (/share$/i.test(key))
      return { name: key.replace(/Share$/, ''), text: `${Number((value * 100).toPrecision(12))}%` };
  }
  if (Array.isArray(value)) return { name: key, text: `[${value.map(itemText).join(', ')}]` };
  return { name: key, text: typeof value === 'object' && value !== null ? whole(value) : String(value) };
}

/** Small values that read better in one word than as keys; `undefined` for every other mapping. */
function whole(value: object): string | undefined {
  if ('path' in value && Object.keys(value).length === 1) return formatAddress(value as Place);
  if ('host' in value && 'port' in value) return formatAddress(value as Place);
  if ('mode' in value)
    return 'share' in value
      ? `${value.mode} ${Number((Number(value.share) * 100).toPrecision(12))}%`
      : String(value.mode);
  return undefined;
}

function itemText(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item);
  if ('bits' in item && 'address' in item) return `${item.address}/${item.bits}`;
  if ('from' in item && 'to' in item) return item.from === item.to ? String(item.from) : `${item.from}-${item.to}`;
  return JSON.stringify(item);
}

function duration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'off';
  for (const [unit, length] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms > 0 && ms % length === 0) return `${ms / length}${unit}`;
  }
  return ms === 0 ? '0s' : `${ms}ms`;
}

function size(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return 'off';
  for (const [unit, length] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes > 0 && bytes % length === 0) return `${bytes / length}${unit}`;
  }
  return `${bytes}B`;
}
