/**
 * Config files as they must never take effect: cut short, damaged, or well-formed and wrong. All differ from each other,
 * since a text that is in the file already is no edit.
 */
import type { seededRandom } from './seeded.ts';

type Random = ReturnType<typeof seededRandom>;

interface Kind {
  readonly kind: string;
  readonly of: (good: string, index: number, random: Random) => string | Buffer;
}

const KINDS: readonly Kind[] = [
  // The routes come last and are required: whatever is cut before their end is not a whole config.
  {
    kind: 'cut short',
    of: (good, index, random) => `${good.slice(0, 1 + random.below(good.indexOf('routes:')))}#${index}`,
  },
  {
    kind: 'cut in the last line',
    of: (good, index) => `# ${index}\n${good.slice(0, good.lastIndexOf('service: shop') + 11)}`,
  },
  {
    kind: 'random bytes',
    of: (_good, _index, random) => Buffer.from(Array.from({ length: 200 }, () => random.below(256))),
  },
  {
    kind: 'zeros where text was',
    of: (good, index) => Buffer.concat([Buffer.from(`# ${index}\n${good}`), Buffer.alloc(64)]),
  },
  { kind: 'an unknown key', of: (good, index) => `${good}wrokers: ${index}\n` },
  { kind: 'a key twice', of: (good, index) => `${good}workers: ${1 + (index % 60)} # ${index}\n` },
  { kind: 'an unknown pool', of: (good, index) => good.replace(/traffic: .*/, `traffic: { pool-${index}: 1 }`) },
  { kind: 'a negative weight', of: (good, index) => good.replace(/traffic: .*/, `traffic: { blue: -${index + 1} }`) },
  { kind: 'a bad regex', of: (good, index) => `${good}  - { path: { regex: '^(${index}' }, service: shop }\n` },
  { kind: 'an unknown service', of: (good, index) => `${good}  - { host: a.test, service: shop-${index} }\n` },
  { kind: 'a port that is none', of: (good, index) => good.replace('127.0.0.1:0', `127.0.0.1:${70_000 + index}`) },
  { kind: 'a tab for indentation', of: (good, index) => good.replace('    pools:', `\t# ${index}\n\tpools:`) },
  { kind: 'another language', of: (_good, index) => `{"listeners": ["${index}"` },
  {
    kind: 'a missing variable',
    of: (good, index) => good.replace('traffic: blue', `traffic: \${TIDEGATE_TEST_${index}}`),
  },
  { kind: 'a list where a mapping belongs', of: (_good, index) => `- ${index}\n` },
  { kind: 'a number for a name', of: (good, index) => good.replace('service: shop }', `service: ${index} }`) },
];

/** The garbage with this number, made of a good config. */
export function garbageOf(
  good: string,
  index: number,
  random: Random,
): { readonly kind: string; readonly bytes: Buffer } {
  const { kind, of } = KINDS[index % KINDS.length]!;
  const text = of(good, index, random);
  return { kind, bytes: typeof text === 'string' ? Buffer.from(text) : text };
}
