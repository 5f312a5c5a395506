import t from 'tap';
import { contentOf, targetOf, wishOf } from '../../chaos/content.ts';
import { growthOf } from '../../chaos/memory-use.ts';
import { randomOf } from '../../chaos/random.ts';

t.test('content is of one identity, one side and one length', async (t) => {
  const one = contentOf('response', 's1-1-7', 5000);
  t.equal(one.length, 5000);
  t.ok(one.equals(contentOf('response', 's1-1-7', 5000)));
  t.notOk(one.equals(contentOf('response', 's1-1-8', 5000)));
  t.notOk(one.equals(contentOf('request', 's1-1-7', 5000)));
});

t.test('a kilobyte of content that takes the place of another is seen', async (t) => {
  const one = contentOf('response', 'a', 4096);
  const swapped = Buffer.concat([one.subarray(1024, 2048), one.subarray(0, 1024), one.subarray(2048)]);
  t.notOk(one.equals(swapped));
});

t.test('a wish is read from the target that it makes, and from no other', async (t) => {
  const wish = { identity: 's1-1-7', bytes: 4000, paceMs: 20 };
  t.same(wishOf(targetOf(wish)), wish);
  for (const target of ['/', '/healthz', '/a?bytes=-1&pace=0', '/a?bytes=9999999&pace=0', '/A?bytes=1&pace=0']) {
    t.equal(wishOf(target), null, target);
  }
});

t.test('a stream of random numbers follows from seed and name, and from nothing else', async (t) => {
  const draw = (seed: number, name: string) => {
    const random = randomOf(seed, name);
    return Array.from({ length: 20 }, () => random.below(1000));
  };
  t.same(draw(1, 'load'), draw(1, 'load'));
  t.notSame(draw(1, 'load'), draw(3, 'load'));
  t.notSame(draw(1, 'load'), draw(1, 'endpoint'));
  t.ok(new Set(draw(0, '')).size > 10, 'also for seed 0');
});

t.test('growth is that of the last third against the middle one; a start that grows is not counted', async (t) => {
  t.equal(growthOf([1, 50, 100, 100, 100, 100, 100, 100, 100]), 0);
  t.equal(growthOf([100, 100, 100, 100, 100, 100, 150, 150, 150]), 0.5);
  t.equal(growthOf([]), 0);
});
