/** What each kind of answer does to what is known of a name, and what a hosts file says. */
import t from 'tap';
import {
  ADDRESSES_MAX,
  type KnownAddresses,
  learn,
  listOf,
  NOTHING_KNOWN,
} from '../../../src/control/known-addresses.ts';
import { addressesInHosts, type FamilyAnswer, systemResolver } from '../../../src/control/name-resolver.ts';

const yes = (addresses: readonly string[], ttlMs: number | null = 60_000): FamilyAnswer => ({
  kind: 'addresses',
  addresses,
  ttlMs,
});
const none: FamilyAnswer = { kind: 'none', why: 'ENOTFOUND' };
const failed: FamilyAnswer = { kind: 'failed', why: 'ETIMEOUT' };
const KNOWN: KnownAddresses = { v4: ['10.0.0.1', '10.0.0.2'], v6: ['fd00::1'] };

t.test('every kind of answer', async (t) => {
  const cases: readonly (readonly [
    what: string,
    v4: FamilyAnswer,
    v6: FamilyAnswer,
    result: string,
    addresses: readonly string[],
    ttlMs?: number | null,
  ])[] = [
    ['the same', yes(['10.0.0.1', '10.0.0.2']), yes(['fd00::1']), 'same', ['10.0.0.1', '10.0.0.2', 'fd00::1'], 60_000],
    ['another order', yes(['10.0.0.2', '10.0.0.1']), yes(['fd00::1']), 'same', ['10.0.0.1', '10.0.0.2', 'fd00::1']],
    [
      'another spelling',
      yes(['10.0.0.2', '10.0.0.1', '10.0.0.1']),
      yes(['FD00:0::1']),
      'same',
      ['10.0.0.1', '10.0.0.2', 'fd00::1'],
    ],
    ['one less', yes(['10.0.0.2']), yes(['fd00::1']), 'changed', ['10.0.0.2', 'fd00::1']],
    ['a family less', yes(['10.0.0.1', '10.0.0.2']), none, 'changed', ['10.0.0.1', '10.0.0.2']],
    ['a family that failed', yes(['10.0.0.9'], 5000), failed, 'changed', ['10.0.0.9', 'fd00::1'], 5000],
    [
      'the shorter time counts',
      yes(['10.0.0.9'], 5000),
      yes(['fd00::1'], 2000),
      'changed',
      ['10.0.0.9', 'fd00::1'],
      2000,
    ],
    ['no time is known', yes(['10.0.0.9'], null), none, 'changed', ['10.0.0.9'], null],
    ['no such name', none, none, 'none', ['10.0.0.1', '10.0.0.2', 'fd00::1'], null],
    ['nobody answers', failed, failed, 'failed', ['10.0.0.1', '10.0.0.2', 'fd00::1'], null],
    ['half an answer without an address', none, failed, 'failed', ['10.0.0.1', '10.0.0.2', 'fd00::1'], null],
    ['what is no address is left out', yes(['10.0.0.7', 'fe80::1%eth0', 'x']), none, 'changed', ['10.0.0.7']],
  ];
  for (const [what, v4, v6, result, addresses, ttlMs] of cases) {
    const learned = learn(KNOWN, { v4, v6 });
    t.equal(learned.result, result, what);
    t.same(listOf(learned.known), addresses, what);
    if (ttlMs !== undefined) t.equal(learned.ttlMs, ttlMs, what);
  }
});

t.test('an answer of any length stands for a bounded number of endpoints, the same ones each time', async (t) => {
  const many = Array.from({ length: 300 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  const { known } = learn(NOTHING_KNOWN, { v4: yes(many), v6: none });
  t.equal(listOf(known).length, ADDRESSES_MAX);
  t.equal(learn(known, { v4: yes(many.toReversed()), v6: none }).result, 'same');
});

t.test('a hosts file is read as the system reads it', async (t) => {
  const text =
    '127.0.0.1 localhost\n10.0.0.1\tShop.Internal shop # shop.test\n#10.0.0.2 shop\n fd00::1 shop\nx shop\n10.0.0.3';
  t.same(addressesInHosts(text, 'shop'), ['10.0.0.1', 'fd00::1']);
  t.same(addressesInHosts(text, 'shop.internal.'), ['10.0.0.1']);
  t.same(addressesInHosts(text, 'shop.test'), []);
});

t.test('a name of the hosts file is found without a server', async (t) => {
  const { v4 } = await systemResolver.resolve('localhost', { servers: ['127.0.0.1:1'], timeoutMs: 50 });
  t.match(v4, { kind: 'addresses', ttlMs: null });
});
