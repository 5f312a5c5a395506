/** The words and numbers that people read: shares, times, receipts, bars, and text made harmless. */

import t from 'tap';
import { amount, duration, errorPercent, latency, percent, sharesOf } from '../../../src/cli/figures.ts';
import { bar, paint } from '../../../src/cli/paint.ts';
import { drainLine, receiptAccount, receiptLine } from '../../../src/cli/receipt-text.ts';
import { renderState } from '../../../src/cli/state-text.ts';
import { ascii, columnsOf, cut, fit, plain } from '../../../src/cli/terminal-text.ts';
import { receipt } from './tidegate.ts';

t.test('a share that is not all never reads as 100, and one that is not nothing never as 0', async (t) => {
  const cases: [number, string][] = [
    [0, '0'],
    [1e-9, '<0.01'],
    [0.0001, '0.01'],
    [0.001, '0.1'],
    [1 / 3, '33.33'],
    [0.999999, '99.99'],
    [1, '100'],
    [Number.NaN, '0'],
  ];
  for (const [share, text] of cases) t.equal(percent(share), text);
});

t.test('figures of a table keep to their columns over twelve orders of magnitude', async (t) => {
  for (let power = -4; power < 8; power += 0.01) {
    const value = 10 ** power;
    if (amount(value).length > 5) t.fail(`amount ${value} is ${amount(value)}`);
    if (latency(value).length > 4) t.fail(`latency ${value} is ${latency(value)}`);
    if (errorPercent(value / 1e8).length > 4) t.fail(`errors ${value / 1e8} is ${errorPercent(value / 1e8)}`);
  }
  t.same([0, 9.94, 9.96, 9999, 12_345, 456_000, 7_800_000].map(amount), [
    '0',
    '9.9',
    '10',
    '9999',
    '12.3k',
    '456k',
    '7.8M',
  ]);
  t.same([0.42, 12.4, 999.4, 1250, 45_000].map(latency), ['0.4', '12', '999', '1.3s', '45s']);
  t.same([0, 0.0004, 0.025, 0.1, 0.999, 1].map(errorPercent), ['0%', '<.1%', '2.5%', '10%', '99%', '100%']);
  t.same([0.4, 12, 1234, 125_000].map(duration), ['0.4 ms', '12 ms', '1.2 s', '2 min 5 s']);
});

t.test('shares are weights over their sum, and all zero when the weights are', async (t) => {
  t.same(
    [...sharesOf({ blue: 1, green: 3 })],
    [
      ['blue', 0.25],
      ['green', 0.75],
    ],
  );
  t.same(
    [...sharesOf({ blue: 0, green: 0 })],
    [
      ['blue', 0],
      ['green', 0],
    ],
  );
});

t.test('a receipt says in one line what moved, when it took effect and what was in flight', async (t) => {
  t.equal(
    receiptLine(receipt()),
    'shop: blue 100→0%, green 0→100% at epoch 7 in 0.4 ms; 12 requests in flight on the earlier position',
  );
  t.match(receiptLine(receipt({ inFlight: 1 })), /; 1 request in flight/);
  t.match(receiptLine(receipt({ inFlight: 0 })), /; nothing in flight on the earlier position$/);
  const weights = receipt({ from: { a: 1, b: 1, c: 2 }, to: { a: 2, b: 0, c: 2, d: 0 } });
  t.match(receiptLine(weights), /^shop: a 25→50%, b 25→0% at/, 'pools that stay are left out');
  t.match(receiptLine(receipt({ to: { blue: 5 } })), /^shop: the same shares at/);
});

t.test('the account of a receipt tells who, why and how the drain went', async (t) => {
  const drained = receipt({ drained: '2026-01-31T12:00:01.200Z', note: 'release 2.0', lost: 0 });
  t.equal(
    receiptAccount(drained),
    `shop: blue 100→0%, green 0→100% at epoch 7 in 0.4 ms; 12 requests in flight on the earlier position
  2026-01-31 12:00:00Z, flip by cli:ann: release 2.0
  drained in 1.2 s, 0 lost`,
  );
  t.equal(drainLine(receipt({ lost: 2 })), 'not drained yet, 2 lost so far');
  t.equal(drainLine(receipt({ lost: 5, ended: 3 })), 'not drained yet, 5 lost so far, 3 of them ended by the drain');
});

t.test('a bar has its columns, a sliver for any share and a gap for anything less than all', async (t) => {
  t.equal(bar(1, 5, true), '█████');
  t.equal(bar(0.5, 5, true), '██▌  ');
  t.equal(bar(0.0001, 5, true), '▏    ');
  t.equal(bar(0.9999, 5, true), '████▉');
  t.equal(bar(0, 5, true), '     ');
  t.equal(bar(0.5, 10, false), '#####.....');
  t.equal(bar(0.0001, 5, false), '#....');
  t.equal(bar(0.9999, 5, false), '####.');
});

t.test('plain text has no control or format characters and stays one line', async (t) => {
  t.equal(plain('a\x1b[31mb\x07\x9b\u202ec\r\nd\te'), 'a[31mbc d e');
  t.equal(plain('größer 日本'), 'größer 日本');
  t.equal(ascii('blue 1→0… größe'), 'blue 1->0~ gr??e');
});

t.test('text is measured, cut and padded by the columns it takes', async (t) => {
  t.equal(columnsOf('日本e\u0301'), 5);
  t.equal(cut('日本語', 5, '…'), '日本…');
  t.equal(cut('日本語', 4, '…'), '日…', 'a wide character is not cut in half');
  t.equal(cut('abc', 3, '…'), 'abc');
  t.equal(cut('abc', 0, '…'), '');
  t.equal(fit('ab', 4, 'right', '…'), '  ab');
  t.equal(fit('日本語', 4, 'left', '…'), '日… ');
});

t.test('paint leaves text alone where there are no colours', async (t) => {
  t.equal(paint('x', 'red', false), 'x');
  t.equal(paint('x', 'red', true), '\x1b[31mx\x1b[0m');
  t.equal(paint('x', 'none', true), 'x');
});

t.test('a change that is not kept says so at the end of its line', async (t) => {
  t.match(receiptLine(receipt({ stored: false })), /; NOT KEPT in the state file, a restart now would forget it$/);
  t.notMatch(receiptLine(receipt()), /state file/);
});

t.test(
  'a state file in trouble stands above the services, cut to the width, and one that is well does not',
  async (t) => {
    const style = { width: 60, colour: false, unicode: true };
    const well = { file: 'state.db', writable: true, problem: null, since: null, unkept: 0, setAside: [] };
    t.equal(renderState(null, style), '');
    t.equal(renderState(well, style), '');
    const text = renderState(
      {
        ...well,
        problem: 'disk\u001b[2J full',
        since: '2026-01-31T12:00:00.000Z',
        unkept: 3,
        setAside: ['/x.broken-1'],
      },
      style,
    );
    t.match(text, /^! state file not written since .*: disk/);
    t.match(text, /3 changes and events would be lost/);
    t.match(text, /a damaged state file was set aside: .x.broken-1/);
    for (const line of text.split('\n')) t.ok(line.length <= 60, line);
    t.notOk(text.includes('\u001b'));
  },
);
