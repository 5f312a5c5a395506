/**
 * What can happen to the bytes of a state file while nobody looks: flipped bits, lost ends, blocks of zeros, other people's
 * files. Everything is drawn from one generator, so that a seed brings the same damage again.
 */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';

/** Whole numbers from 0 up to but not including the bound. */
export interface Chance {
  below(bound: number): number;
}

type Damage = (path: string, chance: Chance) => string;

/** Damages the database or its log; says what was done. A file that is missing or empty stays so. */
export function damageStateFile(path: string, chance: Chance): string {
  const log = `${path}-wal`;
  const target = existsSync(log) && statSync(log).size > 0 && chance.below(3) === 0 ? log : path;
  const name = target === log ? 'the log' : 'the file';
  return `${name}: ${DAMAGES[chance.below(DAMAGES.length)]!(target, chance)}`;
}

const flipBits: Damage = (path, chance) => {
  const bytes = readFileSync(path);
  const flips = 1 + chance.below(8);
  const places: number[] = [];
  for (let flip = 0; flip < flips && bytes.length > 0; flip++) {
    const place = chance.below(bytes.length);
    places.push(place);
    bytes[place]! ^= 1 << chance.below(8);
  }
  writeFileSync(path, bytes);
  return `bits flipped at ${places.join(', ')}`;
};

/** Pages of headers, cells and text are where a flip does something; free space is most of a small file. */
const flipBitOfText: Damage = (path, chance) => {
  const bytes = readFileSync(path);
  const letters = [...bytes.keys()].filter((place) => bytes[place]! > 0x20 && bytes[place]! < 0x7f);
  if (letters.length === 0) return 'it has no text';
  const place = letters[chance.below(letters.length)]!;
  bytes[place]! ^= 1 << chance.below(7);
  writeFileSync(path, bytes);
  return `a letter changed at ${place}`;
};

const truncate: Damage = (path, chance) => {
  const length = chance.below(statSync(path).size + 1);
  truncateSync(path, length);
  return `cut to ${length} bytes`;
};

const empty: Damage = (path) => {
  truncateSync(path, 0);
  return 'emptied';
};

const blank: Damage = (path, chance) => {
  const bytes = readFileSync(path);
  const start = Math.floor(chance.below(bytes.length + 1) / 512) * 512;
  bytes.fill(0, start, Math.min(bytes.length, start + 512 * (1 + chance.below(16))));
  writeFileSync(path, bytes);
  return `zeros from ${start}`;
};

const garbage: Damage = (path, chance) => {
  const bytes = readFileSync(path);
  const length = Math.min(bytes.length, 1 + chance.below(4096));
  for (let place = 0; place < length; place++) bytes[place] = chance.below(256);
  writeFileSync(path, bytes);
  return `garbage in the first ${length} bytes`;
};

const DAMAGES: readonly Damage[] = [flipBits, flipBits, flipBitOfText, flipBitOfText, truncate, empty, blank, garbage];
