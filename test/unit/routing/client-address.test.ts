import t from 'tap';
import { AddressSet, clientAddress } from '../../../src/routing/client-address.ts';

t.test('a set holds the addresses of its ranges and no others', async (t) => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3', '::FFFF:0a01:0203'],
      ['9.255.255.255', '11.0.0.0', '::10.1.2.3'],
    ],
    ['192.168.1.7/24', ['192.168.1.0', '192.168.1.255'], ['192.168.0.255', '192.168.2.0']],
    ['172.16.0.0/12', ['172.16.0.1', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['10.0.0.0/31', ['10.0.0.0', '10.0.0.1'], ['10.0.0.2']],
    ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255', '::1']],
    ['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1'], ['127.0.0.2', '::1']],
    ['127.0.0.1/32', ['127.0.0.1'], ['127.0.0.0']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::1', '2001:db8::1']],
    ['::/0', ['::', '::1', '2001:db8::1', 'ffff::'], ['1.2.3.4', '::ffff:1.2.3.4']],
    ['::1', ['::1', '0:0:0:0:0:0:0:1', '0000::0001'], ['::', '::2', '127.0.0.1']],
    ['2001:db8::/32', ['2001:db8::', '2001:DB8:ffff::1'], ['2001:db9::', '2001:db7:ffff::']],
    ['2001:db8::/33', ['2001:db8:7fff::'], ['2001:db8:8000::']],
    ['fe80::/10', ['fe80::1', 'febf::1', 'fe80::1%eth0', 'fe80::1%3'], ['fec0::1', 'fe80::1%', 'fe80::1%a b']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.0.0.1'], ['11.0.0.0']],
    ['1:2:3:4:5:6:7::', ['1:2:3:4:5:6:7:0'], ['1:2:3:4:5:6:7:1']],
    ['64:ff9b::1.2.3.4', ['64:ff9b::102:304'], ['1.2.3.4']],
  ];
  for (const [range, inside, outside] of cases) {
    const set = new AddressSet(['203.0.113.99', range]);
    for (const address of inside) t.ok(set.has(address), `${range} has ${address}`);
    for (const address of outside) t.notOk(set.has(address), `${range} does not have ${address}`);
  }
});

t.test('what is no address is in no set', async (t) => {
  const everything = new AddressSet(['0.0.0.0/0', '::/0']);
  const garbage = [
    '',
    ' ',
    'unknown',
    'localhost',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.1.1.1',
    '1.2.3.4 ',
    '01.2.3.4',
    '1.2.3.00',
    '0x1.2.3.4',
    '1.2.3.4/32',
    '-1.2.3.4',
    '1.2.3.4:80',
    '1e1.2.3.4',
    '١.2.3.4',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1::2:3:4:5:6:7:8:9',
    '::1:2:3:4:5:6:7:8:9',
    '1.2.3.4:5::',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '[::1]',
    '::1%eth0',
    '::1/128',
    '::ffff:1.2.3.256',
    `::${'0'.repeat(80)}1`,
  ];
  for (const text of garbage) t.notOk(everything.has(text), JSON.stringify(text));
  t.notOk(new AddressSet([]).has('127.0.0.1'), 'the empty set has nobody');
});

t.test('a range that config should have refused is refused at construction', async (t) => {
  for (const range of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10/8',
    'localhost',
    '::/1e1',
    'a.com/8',
  ]) {
    t.throws(() => new AddressSet([range]), /unchecked address range/, JSON.stringify(range));
  }
});

t.test('the client is the first address from the right that is no trusted proxy', async (t) => {
  const trusted = new AddressSet(['10.0.0.0/8', '2001:db8:1::/48', '::1']);
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['192.0.2.1', '', '192.0.2.1', 'no field'],
    ['192.0.2.1', '203.0.113.5', '192.0.2.1', 'a stranger is not believed'],
    ['10.0.0.1', '', '10.0.0.1', 'a proxy that says nothing speaks for itself'],
    ['10.0.0.1', '203.0.113.5', '203.0.113.5', 'one hop'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.5', '203.0.113.5', 'what the client wrote itself is not believed'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.5, 10.0.0.9', '203.0.113.5', 'two hops'],
    ['10.0.0.1', '10.0.0.7,10.0.0.8', '10.0.0.7', 'all trusted: the leftmost'],
    ['10.0.0.1', '203.0.113.5, unknown', '10.0.0.1', 'garbage at the right: the peer'],
    ['10.0.0.1', '203.0.113.5, unknown, 10.0.0.9', '10.0.0.9', 'garbage ends the walk at the last good one'],
    ['10.0.0.1', '203.0.113.5, 010.0.0.9', '10.0.0.1', 'an octal address is garbage'],
    ['10.0.0.1', 'unknown, 203.0.113.5', '203.0.113.5', 'garbage to the left of the client is not looked at'],
    ['10.0.0.1', ',, 203.0.113.5 ,\t,', '203.0.113.5', 'empty entries are skipped'],
    ['10.0.0.1', ',', '10.0.0.1', 'nothing but empty entries'],
    ['10.0.0.1', '203.0.113.5:4711', '203.0.113.5', 'a port'],
    ['10.0.0.1', '203.0.113.5:', '10.0.0.1', 'an empty port is garbage'],
    ['10.0.0.1', '[2001:db8::1]:443', '2001:db8::1', 'a bracketed address with a port'],
    ['10.0.0.1', '[2001:db8::1]', '2001:db8::1', 'a bracketed address'],
    ['10.0.0.1', '2001:DB8:0:0::1', '2001:db8::1', 'one way to write an address'],
    ['10.0.0.1', '[10.0.0.2]', '10.0.0.1', 'brackets are for IPv6'],
    ['::ffff:10.0.0.1', '203.0.113.5', '203.0.113.5', 'a mapped peer is an IPv4 peer'],
    ['::ffff:192.0.2.1', '203.0.113.5', '192.0.2.1', 'and is written as one'],
    ['::1', '203.0.113.5, 2001:db8:1::7', '203.0.113.5', 'a chain of both families'],
    ['2001:db8:2::1', '203.0.113.5', '2001:db8:2::1', 'an IPv6 stranger'],
    ['', '203.0.113.5', '203.0.113.5', 'a trusted Unix socket: the client is in the field alone'],
    ['', 'unknown', '', 'a trusted Unix socket that does not know the client either'],
    ['/run/tidegate.sock', '203.0.113.5', '/run/tidegate.sock', 'nor is a socket file'],
  ];
  for (const [peer, field, expected, why] of cases) t.equal(clientAddress(peer, field, trusted), expected, why);
});

t.test('IPv6 addresses are written as RFC 5952 says', async (t) => {
  const nobody = new AddressSet([]);
  const cases: readonly (readonly [string, string])[] = [
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['0001:0002:0003:0004:0005:0006:0007:0008', '1:2:3:4:5:6:7:8'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['::ffff:0:0', '0.0.0.0'],
    ['fe80::1%eth0', 'fe80::1'],
  ];
  for (const [text, expected] of cases) t.equal(clientAddress(text, '', nobody), expected, text);
});

t.test('a field of thousands of trusted entries is walked once', async (t) => {
  const trusted = new AddressSet(['10.0.0.0/8']);
  const entries = Array.from({ length: 4000 }, () => '10.0.0.1');
  t.equal(clientAddress('10.0.0.1', ['203.0.113.5', ...entries].join(','), trusted), '203.0.113.5');
});
