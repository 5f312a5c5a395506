import t from 'tap';
import { hashPair, mixInteger, murmur3, murmur3Bytes } from '../../../src/routing/hash.ts';
import { runSeed, Seeded } from './seeded.ts';

t.test('murmur3 gives the published values', async (t) => {
  const vectors: readonly (readonly [string, number, number])[] = [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['\0\0\0\0', 0, 0x2362f9de],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['abc', 0, 0xb3dd93fa],
    ['abc', 0x9747b28c, 0xc84a62dd],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['\u03c0'.repeat(8), 0x9747b28c, 0xd58063c1],
    ['a'.repeat(256), 0x9747b28c, 0x37405bdc],
  ];
  for (const [text, seed, expected] of vectors) {
    t.equal(murmur3(text, seed), expected, `${JSON.stringify(text.slice(0, 20))} with seed ${seed}`);
    t.equal(murmur3Bytes(Buffer.from(text), seed), expected, 'the same over bytes');
  }
});

t.test(`a string hashes as its UTF-8 bytes, whatever is in it (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const letters = ['a', 'Z', '0', '\0', '\x7f', '\x80', 'é', '€', '\u{1F30A}', '\ud83c', '\udf0a'];
  for (let i = 0; i < 20_000; i += 1) {
    const text = Array.from({ length: rng.below(14) }, () => rng.pick(letters)).join('');
    const seed = rng.u32();
    if (murmur3(text, seed) !== murmur3Bytes(Buffer.from(text, 'utf8'), seed)) {
      t.fail(`differs for ${JSON.stringify(text)} with seed ${seed}`);
      return;
    }
  }
  t.pass('20,000 strings');
});

t.test('the border between the strings of a pair counts, and so does their order', async (t) => {
  t.not(hashPair('ab', 'c', 0), hashPair('a', 'bc', 0));
  t.not(hashPair('a', 'b', 0), hashPair('b', 'a', 0));
  t.not(hashPair('a', 'b', 0), hashPair('a', 'b', 1));
  t.equal(hashPair('a', 'b', 7), hashPair('a', 'b', 7));
});

t.test(`the finaliser changes half of the bits for a change of any one (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (let bit = 0; bit < 32; bit += 1) {
    let changed = 0;
    for (let i = 0; i < 2000; i += 1) {
      const value = rng.u32();
      let difference = mixInteger(value) ^ mixInteger(value ^ (1 << bit));
      for (; difference !== 0; difference &= difference - 1) changed += 1;
    }
    t.ok(Math.abs(changed / 2000 - 16) < 0.6, `bit ${bit} changes ${changed / 2000} bits`);
  }
});
