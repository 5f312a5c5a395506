import t from 'tap';
import { randomHex, randomU32, requestIdFrom, traceparentFrom } from '../../../src/proxy/ids.ts';

t.test('random integers are spread over all 32 bits, also beyond one block', async (t) => {
  const count = 64 * 1024;
  const buckets = new Array<number>(16).fill(0);
  const seen = new Set<number>();
  for (let drawn = 0; drawn < count; drawn++) {
    const value = randomU32();
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) t.fail(`${value} is no u32`);
    buckets[Math.floor(value / 2 ** 28)]! += 1;
    seen.add(value);
  }
  // Six standard deviations of a sixteenth: a fair generator fails once in some tens of millions of runs.
  const margin = 6 * Math.sqrt(count * (1 / 16) * (15 / 16));
  for (const bucket of buckets) t.ok(Math.abs(bucket - count / 16) < margin, `${bucket} of ${count / 16}`);
  t.ok(seen.size > count - 20, 'values do not come again');
});

t.test('random digits have the length that was asked for, and none is given twice', async (t) => {
  const seen = new Set<string>();
  for (let drawn = 0; drawn < 2000; drawn++) {
    for (const count of [16, 8, 32]) {
      const digits = randomHex(count);
      if (!/^[0-9a-f]+$/.test(digits) || digits.length !== 2 * count) t.fail(`${digits} for ${count} bytes`);
      seen.add(digits);
    }
  }
  t.equal(seen.size, 6000);
});

t.test('a request id of the client is kept if it is printable, without spaces and short enough', async (t) => {
  for (const good of ['a', '~!', 'x'.repeat(128), '0f8c-11']) t.equal(requestIdFrom(good), good);
  for (const bad of ['', ' ', 'a b', 'x'.repeat(129), 'a\tb', 'a\x7f', 'a\xe9', 'a\n']) {
    t.match(requestIdFrom(bad), /^[0-9a-f]{32}$/, JSON.stringify(bad));
  }
});

t.test('a trace of the client is kept if it is well-formed, and begun otherwise', async (t) => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const span = 'b7ad6b7169203331';
  for (const good of [`00-${trace}-${span}-00`, `00-${trace}-${span}-01`, `cc-${trace}-${span}-01-more`]) {
    t.equal(traceparentFrom(good), good);
  }
  const zero = '0';
  for (const bad of [
    '',
    `ff-${trace}-${span}-01`,
    `00-${zero.repeat(32)}-${span}-01`,
    `00-${trace}-${zero.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01x`,
    `00-${trace.slice(1)}-${span}-01`,
  ]) {
    t.match(traceparentFrom(bad), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/, bad);
    t.not(traceparentFrom(bad), bad);
  }
});
