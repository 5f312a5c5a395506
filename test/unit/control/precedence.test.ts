import t from 'tap';
import type { Weights } from '../../../src/control/operations.ts';
import { decideAtLoad } from '../../../src/control/precedence.ts';

const FILE: Weights = { blue: 100, green: 0 };

interface Case {
  readonly promise: string;
  /** null: no position in the store. Otherwise its fingerprint is `same` as the file's or `other`. */
  readonly stored: readonly [weights: Weights, fingerprint: 'same' | 'other'] | null;
  readonly pools: readonly string[];
  readonly weights: Weights;
  readonly source: 'store' | 'file';
  readonly why: RegExp;
}

const TABLE: readonly Case[] = [
  {
    promise: 'without an earlier position the file decides',
    stored: null,
    pools: ['blue', 'green'],
    weights: FILE,
    source: 'file',
    why: /no earlier position/,
  },
  {
    promise: 'a restart does not undo what was done at run time',
    stored: [{ blue: 10, green: 90 }, 'same'],
    pools: ['blue', 'green'],
    weights: { blue: 10, green: 90 },
    source: 'store',
    why: /has not changed/,
  },
  {
    promise: 'a changed traffic block is an instruction',
    stored: [{ blue: 10, green: 90 }, 'other'],
    pools: ['blue', 'green'],
    weights: FILE,
    source: 'file',
    why: /the traffic in the file has changed/,
  },
  {
    promise: 'a changed traffic block counts even where the earlier position names pools that are gone',
    stored: [{ red: 100 }, 'other'],
    pools: ['blue', 'green'],
    weights: FILE,
    source: 'file',
    why: /the traffic in the file has changed/,
  },
  {
    promise: 'a pool that is gone without having had weight changes nothing',
    stored: [{ blue: 10, green: 90, red: 0 }, 'same'],
    pools: ['blue', 'green'],
    weights: { blue: 10, green: 90 },
    source: 'store',
    why: /has not changed/,
  },
  {
    promise: 'the weight of a pool that is gone is dropped and the rest keeps its ratio',
    stored: [{ blue: 10, green: 30, red: 60 }, 'same'],
    pools: ['blue', 'green'],
    weights: { blue: 10, green: 30 },
    source: 'store',
    why: /stands without red, which is gone/,
  },
  {
    promise: 'several pools that are gone are all named',
    stored: [{ blue: 10, green: 30, red: 60 }, 'same'],
    pools: ['blue'],
    weights: { blue: 10 },
    source: 'store',
    why: /stands without green and red, which are gone/,
  },
  {
    promise: 'when nothing with weight is left, the file decides',
    stored: [{ blue: 0, red: 100 }, 'same'],
    pools: ['blue', 'green'],
    weights: FILE,
    source: 'file',
    why: /held only red, which is gone/,
  },
  {
    promise: 'a position that held no traffic at all was an instruction too',
    stored: [{ blue: 0, green: 0 }, 'same'],
    pools: ['blue', 'green'],
    weights: { blue: 0, green: 0 },
    source: 'store',
    why: /has not changed/,
  },
  {
    promise: 'a pool that is new gets nothing from an earlier position',
    stored: [{ blue: 40, green: 60 }, 'same'],
    pools: ['blue', 'green', 'red'],
    weights: { blue: 40, green: 60 },
    source: 'store',
    why: /has not changed/,
  },
];

for (const { promise, stored, pools, weights, source, why } of TABLE) {
  t.test(promise, async (t) => {
    const decision = decideAtLoad({
      stored: stored === null ? null : { weights: stored[0], fingerprint: stored[1] === 'same' ? 'file' : 'earlier' },
      fileWeights: FILE,
      fileFingerprint: 'file',
      pools,
    });
    t.strictSame({ weights: decision.weights, source: decision.source }, { weights, source });
    t.match(decision.why, why);
  });
}
