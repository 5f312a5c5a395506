import t from 'tap';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { murmur3 } from '../../../src/routing/hash.ts';
import {
  clearSample,
  createSampleMemory,
  KeySampler,
  SAMPLE_AGE_MS_MAX,
  SAMPLE_CELLS,
  sampledRolls,
} from '../../../src/stats/key-sample.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 0, 31, 12);
const roll = (key: string): number => Math.floor((murmur3(`shade:${key}`, 0) * SHARE_ALL) / 2 ** 32);
const sorted = (rolls: Int32Array): number[] => [...rolls].sort((a, b) => a - b);

t.test('a key counts once, however often and by whichever thread it is seen', async (t) => {
  const memory = createSampleMemory();
  const threads = [new KeySampler(memory, { roll }), new KeySampler(memory, { roll })];
  for (let minute = 0; minute < 30; minute += 1) {
    for (const thread of threads) for (const key of ['alice', 'bob']) thread.saw(key, NOON + minute * 60_000);
  }
  const seen = sampledRolls(memory, NOON + 29 * 60_000, HOUR_MS);
  t.strictSame(
    sorted(seen),
    [roll('alice'), roll('bob')].sort((a, b) => a - b),
  );
});

t.test('every roll is given back as it was, the first and the last too, at any minute', async (t) => {
  for (const minute of [0, 1, 32_767, 32_768, 29_500_001]) {
    for (const place of [0, 1, 65_535, 99_999, SHARE_ALL]) {
      const memory = createSampleMemory();
      new KeySampler(memory, { roll: () => place }).saw('alice', minute * 60_000);
      t.strictSame([...sampledRolls(memory, minute * 60_000, HOUR_MS)], [place], `${place} in minute ${minute}`);
    }
  }
});

t.test('a roll between two steps is in the shares that it was in, and one behind all of them in none', async (t) => {
  const memory = createSampleMemory();
  for (const [place, kept] of [
    [4_999.9, 4_999],
    [SHARE_ALL + 7, SHARE_ALL],
  ] as const) {
    clearSample(memory);
    new KeySampler(memory, { roll: () => place }).saw('alice', NOON);
    t.strictSame([...sampledRolls(memory, NOON, HOUR_MS)], [kept]);
  }
});

t.test('who was here longer ago than is asked for does not count, until seen again', async (t) => {
  const memory = createSampleMemory();
  const sampler = new KeySampler(memory, { roll });
  sampler.saw('alice', NOON);
  sampler.saw('bob', NOON + HOUR_MS);
  t.strictSame([...sampledRolls(memory, NOON + HOUR_MS + 60_000, HOUR_MS)], [roll('bob')]);
  t.equal(sampledRolls(memory, NOON + HOUR_MS + 60_000, 2 * HOUR_MS).length, 2);
  t.equal(sampledRolls(memory, NOON + HOUR_MS, 10 * SAMPLE_AGE_MS_MAX).length, 2);
  sampler.saw('alice', NOON + 2 * HOUR_MS);
  t.equal(sampledRolls(memory, NOON + 2 * HOUR_MS, HOUR_MS).length, 2);
});

t.test('a cell is written once a minute at most, and the roll is asked for only then', async (t) => {
  const memory = createSampleMemory();
  let asked = 0;
  const sampler = new KeySampler(memory, {
    roll: (key) => {
      asked += 1;
      return roll(key);
    },
  });
  for (let request = 0; request < 100_000; request += 1) sampler.saw(`user-${request}`, NOON);
  t.equal(asked, SAMPLE_CELLS);
  t.equal(sampledRolls(memory, NOON, HOUR_MS).length, SAMPLE_CELLS);
  sampler.saw('user-0', NOON + 60_000);
  t.equal(asked, SAMPLE_CELLS + 1);
});

t.test('of many keys it is a fair sample: the share below each threshold is right within four sigma', async (t) => {
  for (const nameOf of [(i: number) => `user-${i}`, (i: number) => String(i), (i: number) => `u${i}@example.com`]) {
    const memory = createSampleMemory();
    const sampler = new KeySampler(memory, { roll });
    for (let i = 0; i < 50_000; i += 1) sampler.saw(nameOf(i), NOON + (i % 7) * 60_000);
    const rolls = sampledRolls(memory, NOON + 7 * 60_000, HOUR_MS);
    t.equal(rolls.length, SAMPLE_CELLS);
    for (const share of [0.01, 0.05, 0.25, 0.5]) {
      const below = rolls.filter((place) => place < share * SHARE_ALL).length;
      const sigma = Math.sqrt(rolls.length * share * (1 - share));
      t.ok(Math.abs(below - share * rolls.length) < 4 * sigma, `${nameOf(7)}: ${below} below ${share}`);
    }
  }
});

t.test('a few hundred keys are nearly all there', async (t) => {
  const memory = createSampleMemory();
  const sampler = new KeySampler(memory, { roll });
  for (let i = 0; i < 300; i += 1) sampler.saw(`user-${i}`, NOON);
  const { length } = sampledRolls(memory, NOON, HOUR_MS);
  t.ok(length > 280 && length <= 300, String(length));
});

t.test('what is cleared is empty', async (t) => {
  const memory = createSampleMemory();
  new KeySampler(memory, { roll }).saw('alice', NOON);
  clearSample(memory);
  t.equal(sampledRolls(memory, NOON, HOUR_MS).length, 0);
});
