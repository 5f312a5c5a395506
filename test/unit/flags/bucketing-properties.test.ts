/** What our own buckets promise: chapter 2 of how flags are to work, as properties over many keys. */
import t from 'tap';
import { bucketsOf } from '../../../src/flags/buckets-of.ts';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { SaltedHash } from '../../../src/flags/salted-hash.ts';
import { murmur3, murmur3Bytes } from '../../../src/routing/hash.ts';
import { runSeed, Seeded, sigmas } from '../routing/seeded.ts';
import { flagOf, variantOf } from './flag-of.ts';

const KEYS = 50_000;

const hex = (rng: Seeded, digits: number) =>
  Array.from({ length: digits }, () => '0123456789abcdef'[rng.below(16)]).join('');

const KINDS: Readonly<Record<string, (rng: Seeded, index: number) => string>> = {
  sequential: (_, index) => String(index + 1),
  uuid: (rng) => `${hex(rng, 8)}-${hex(rng, 4)}-4${hex(rng, 3)}-a${hex(rng, 3)}-${hex(rng, 12)}`,
  'e-mail': (rng, index) =>
    `${rng.pick(['anna', 'ben', 'zoë', '李雷'])}.${index}@${rng.pick(['acme.com', 'mail.test'])}`,
};

const bucketsNamed = (name: string, weights: readonly number[] = [1, 1]) =>
  bucketsOf(flagOf({ name, variants: weights.map((weight, i) => variantOf(`v${i}`, i, weight)) }));

t.test(`a share is the part of the keys that it says, for keys of any kind (seed ${runSeed})`, async (t) => {
  for (const [kind, keyOf] of Object.entries(KINDS)) {
    const rng = new Seeded(runSeed);
    const buckets = bucketsNamed('new-checkout');
    const rolls = Array.from({ length: KEYS }, (_, index) => buckets.roll(keyOf(rng, index)));
    for (const percent of [0.1, 1, 5, 25, 50]) {
      const hits = rolls.filter((roll) => roll < percent * 1000).length;
      const off = sigmas(hits, KEYS, percent / 100);
      t.ok(off < 4, `${kind} at ${percent}%: ${hits} of ${KEYS}, ${off.toFixed(1)} sigma`);
    }
    t.ok(
      rolls.every((roll) => Number.isInteger(roll) && roll >= 0 && roll < SHARE_ALL),
      'a roll is on the line',
    );
  }
});

t.test(`who is in at p is in at every q above p (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (let i = 0; i < 5000; i += 1) {
    const flag = flagOf({ name: `flag-${i % 7}`, strategy: { kind: 'percentage', share: 0 } });
    const buckets = bucketsOf(flag);
    const key = KINDS['e-mail']!(rng, i);
    const p = rng.below(SHARE_ALL + 1);
    const q = p + rng.below(SHARE_ALL + 1 - p);
    if (buckets.roll(key) < p && !(buckets.roll(key) < q)) t.fail(`${key} at ${p} and ${q}`);
    if (buckets.roll(key) < 0 || buckets.roll(key) >= SHARE_ALL) t.fail('0% is nobody and 100% is everybody');
  }
});

t.test(`flags whose names differ by one character pick independently (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const [one, other] of [
    ['flag-a', 'flag-b'],
    ['checkout1', 'checkout2'],
    ['x', 'y'],
    ['new-nav', 'new-nav2'],
  ] as const) {
    for (const [kind, keyOf] of Object.entries(KINDS)) {
      const first = bucketsNamed(one);
      const second = bucketsNamed(other);
      let both = 0;
      for (let i = 0; i < KEYS; i += 1) {
        const key = keyOf(rng, i);
        if (first.roll(key) < 10_000 && second.roll(key) < 10_000) both += 1;
      }
      t.ok(sigmas(both, KEYS, 0.01) < 4, `${one} and ${other}, ${kind} keys: ${both} of ${KEYS} in both`);
    }
  }
});

t.test(
  `enrolment and variant are independent, and the variant stays while the enrolment grows (seed ${runSeed})`,
  async (t) => {
    const rng = new Seeded(runSeed);
    const buckets = bucketsNamed('colours', [1, 2, 1]);
    for (const share of [1000, 10_000, 50_000, SHARE_ALL]) {
      const seen = [0, 0, 0];
      for (let i = 0; i < KEYS; i += 1) {
        const key = KINDS.uuid!(rng, i);
        const drawn = buckets.draw(key, share);
        if (drawn === -1) continue;
        seen[drawn]! += 1;
        if (buckets.draw(key, SHARE_ALL) !== drawn) t.fail(`${key} moves between ${share} and all`);
      }
      const enrolled = seen.reduce((sum, count) => sum + count);
      for (const [index, part] of [0.25, 0.5, 0.25].entries()) {
        t.ok(
          sigmas(seen[index]!, enrolled, part) < 4,
          `at ${share}: ${seen[index]} of ${enrolled} have variant ${index}`,
        );
      }
    }
  },
);

t.test(`a key counts by its UTF-8 bytes, and the hash is that of salt, colon and key (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const letters = [
    'a',
    'Z',
    '0',
    '\0',
    '\x7f',
    '\x80',
    'é',
    'ß',
    '߿',
    'ࠀ',
    '€',
    '￿',
    '\u{1F30A}',
    '\u{10FFFF}',
    '\ud83c',
    '\udf0a',
  ];
  const text = () => Array.from({ length: rng.below(9) }, () => rng.pick(letters)).join('');
  for (let i = 0; i < 20_000; i += 1) {
    // A prefix ends with a whole character: that of a flag ends with a colon.
    const prefix = `${text()}:`;
    const key = text();
    const seed = rng.u32();
    const expected = murmur3Bytes(Buffer.concat([Buffer.from(prefix), Buffer.from(key)]), seed);
    if (new SaltedHash(prefix, seed).of(key) !== expected) t.fail(JSON.stringify([prefix, key, seed]));
  }
  const buckets = bucketsOf(flagOf({ salt: 'flag:new', strategy: { kind: 'percentage', share: 0 } }));
  for (const key of ['alice', 'Zoë', '李雷', '🌊']) {
    const hash = BigInt(murmur3(`flag:new:${key}`, 0));
    t.equal(buckets.roll(key), Number((hash * 100_000n) >> 32n), key);
    t.match(buckets.traceRoll(key), {
      input: `flag:new:${key}`,
      digest: String(hash),
      place: buckets.roll(key),
      of: SHARE_ALL,
    });
  }
});

t.test('the separator keeps a salt and a key apart', async (t) => {
  t.not(bucketsNamed('ab').roll('c'), bucketsNamed('a').roll('bc'));
});

/** Computed with a second implementation, in another language; they are what users are promised, and never change. */
const PROMISED: readonly (readonly [string, string, number, number])[] = [
  ['new-checkout', 'alice', 5720, 0],
  ['new-checkout', 'bob', 95_621, 1],
  ['new-checkout', '42', 95_329, 2],
  ['new-checkout', '8d1a0b52-6f8e-4f0b-9a57-2c1d3e4f5a6b', 88_404, 2],
  ['dark-mode', 'alice', 13_124, 2],
  ['dark-mode', 'Zoë', 95_862, 1],
  ['dark-mode', '李雷', 13_986, 1],
  ['a', '🌊', 7740, 2],
];

t.test('buckets are the same in every release', async (t) => {
  for (const [flag, key, roll, variant] of PROMISED) {
    const buckets = bucketsNamed(flag, [1, 1, 1]);
    t.strictSame([buckets.roll(key), buckets.draw(key, SHARE_ALL)], [roll, variant], `${flag} ${key}`);
  }
});
