import { isIPv4, isIPv6 } from 'node:net';
import t from 'tap';
import { formatAddress, parseAddress } from '../../../src/routing/address.ts';
import { runSeed, Seeded } from './seeded.ts';

function randomText(rng: Seeded): string {
  const parts = ['0', '1', 'ff', 'ABCD', '12345', '', ':', '::', '1.2.3.4', '255', '256', '00', '.', 'g', '0db8'];
  const separator = rng.pick([':', ':', ':', '.', '']);
  return Array.from({ length: rng.below(10) }, () => rng.pick(parts)).join(separator);
}

t.test(`what is an address is decided as node:net decides it (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  let valid = 0;
  for (let i = 0; i < 200_000; i += 1) {
    const text = randomText(rng);
    const expected = isIPv4(text) || isIPv6(text);
    if (expected) valid += 1;
    if ((parseAddress(text) !== undefined) !== expected) {
      t.fail(`${JSON.stringify(text)} should ${expected ? '' : 'not '}be an address`);
      return;
    }
  }
  t.ok(valid > 2000, `${valid} of 200,000 texts were addresses`);
});

t.test(
  `addresses are written as the URL standard writes them, and read back as themselves (seed ${runSeed})`,
  async (t) => {
    const rng = new Seeded(runSeed);
    for (let i = 0; i < 20_000; i += 1) {
      const groups = Array.from({ length: 8 }, () => (rng.chance(0.5) ? 0 : rng.u32() >>> (16 + rng.below(16))));
      const text = groups.map((group) => group.toString(16).padStart(rng.pick([1, 4]), '0')).join(':');
      const address = parseAddress(text);
      if (address === undefined) throw new Error(`${text} is an address`);
      const written = formatAddress(address);
      const isMapped = /^(?:0+:){5}f{4}:/.test(text);
      const expected = isMapped ? written : new URL(`http://[${text}]`).hostname.slice(1, -1);
      if (written !== expected || String(parseAddress(written)) !== String(address)) {
        t.fail(`${text} is written ${written}, expected ${expected}`);
        return;
      }
    }
    t.pass('20,000 addresses');
  },
);
