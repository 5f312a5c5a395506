import t from 'tap';
import { shareOf, socketsPerThread } from '../../../src/control/descriptor-limit.ts';

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 4096                 files     \n`;

t.test('each thread gets its share of what the control plane leaves', async (t) => {
  t.equal(shareOf(limits('1064'), 1), 984);
  t.equal(shareOf(limits('1064'), 4), 234);
});

t.test('a limit that is too small to share still leaves a thread something', async (t) => {
  t.equal(shareOf(limits('32'), 8), 16);
});

t.test('without a limit, or a system that tells it, there is none', async (t) => {
  t.equal(shareOf(limits('unlimited'), 2), Number.POSITIVE_INFINITY);
  t.equal(shareOf('', 2), Number.POSITIVE_INFINITY);
  t.ok(socketsPerThread(1) >= 16);
});
