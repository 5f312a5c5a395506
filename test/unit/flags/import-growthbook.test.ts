/** Flags from GrowthBook. Cases with a value that is drawn are those of growthbook/growthbook, packages/sdk-js/test/cases.json. */
import t from 'tap';
import { importGrowthbook } from '../../../src/flags/import-growthbook.ts';
import { Imported } from './imported.ts';

type Rule = Readonly<Record<string, unknown>>;

const read = (features: Readonly<Record<string, unknown>>, more: Rule = {}) =>
  new Imported(importGrowthbook({ status: 200, features, ...more }));
const feature = (defaultValue: unknown, ...rules: readonly Rule[]) => ({ defaultValue, rules });
/** True for those for whom the condition holds. */
const asked = (condition: unknown) => feature(false, { condition, force: true });

t.test('who is in there is in here, with the value that they have there', async (t) => {
  const from = read({
    feature: feature(2, { force: 1, coverage: 0.5 }),
    three: feature('none', { key: 'feature', variations: ['a', 'b', 'c'] }),
    'my-test': feature(9, { variations: [0, 1], coverage: 0.4 }),
    uneven: feature(9, { key: 'my-test', variations: [0, 1], weights: [0.1, 0.9] }),
    second: feature(9, {
      key: 'key',
      seed: 'foo',
      hashVersion: 2,
      variations: [0, 1],
      ranges: [
        [0, 0.5],
        [0.5, 1],
      ],
    }),
    company: feature(9, { key: 'my-test', variations: [0, 1], hashAttribute: 'companyId' }),
    nobody: feature(2, { force: 1, coverage: 0 }),
  });
  t.strictSame(from.unfit, []);
  t.strictSame(from.notes, []);
  t.equal(from.value('feature', '3'), 1);
  t.equal(from.value('feature', '1'), 2);
  t.strictSame(
    ['123', '456', 'fds'].map((key) => from.value('three', key)),
    ['c', 'a', 'b'],
  );
  const users = Array.from({ length: 9 }, (_, index) => String(index + 1));
  t.strictSame(
    users.map((key) => from.value('my-test', key)),
    [9, 0, 0, 9, 1, 9, 0, 1, 9],
  );
  t.strictSame(
    users.map((key) => from.value('uneven', key)),
    [1, 1, 0, 1, 1, 1, 0, 1, 1],
  );
  t.equal(from.value('second', '1'), 1);
  t.equal(from.value('company', '2', { companyId: '1' }), 1);
  t.equal(from.value('nobody', '3'), 2);
  t.match(from.evaluate('company', '1'), { error: 'TARGETING_KEY_MISSING', value: 9 });
});

/** A condition, a context, whether it holds: the cases `evalCondition`, as far as they have a counterpart. */
const CONDITIONS: readonly (readonly [unknown, Readonly<Record<string, unknown>>, boolean])[] = [
  [{ $not: { name: 'hello' } }, { name: 'world' }, true],
  [{ $not: { name: 'hello' } }, { name: 'hello' }, false],
  [{ $not: { name: 'hello' } }, {}, true],
  [{ $or: [{ a: 1 }, { b: 2 }] }, { b: 2 }, true],
  [{ $or: [{ a: 1 }, { b: 2 }] }, { b: 1 }, false],
  [{ $or: [] }, {}, true],
  [{ $and: [] }, {}, true],
  [{}, {}, true],
  [{ $nor: [{ a: 1 }, { b: 2 }] }, { a: 2 }, true],
  [{ $nor: [{ a: 1 }, { b: 2 }] }, { b: 2 }, false],
  [{ x: { $exists: false } }, {}, true],
  [{ x: { $exists: true } }, { x: 0 }, true],
  [{ str: 'str', num: 10, flag: false }, { str: 'str', num: 10, flag: false }, true],
  [{ num: { $in: [1, 2, 3] } }, { num: 2 }, true],
  [{ num: { $in: 1 } }, { num: 1 }, false],
  [{ tags: { $in: ['a', 'b'] } }, { tags: ['d', 'e', 'a'] }, true],
  [{ tags: { $in: ['a', 'b'] } }, { tags: [] }, false],
  [{ num: { $nin: [1, 2, 3] } }, { num: 4 }, true],
  [{ num: { $nin: [1, 2, 3] } }, {}, true],
  [{ num: { $nin: 1 } }, { num: 2 }, false],
  [{ tags: { $nin: ['a', 'b'] } }, { tags: ['d', 'e', 'a'] }, false],
  [{ nums: { $elemMatch: { $gt: 10 } } }, { nums: [0, 5, -20, 15] }, true],
  [{ nums: { $elemMatch: { $gt: 10 } } }, { nums: [0, 5, -20, 8] }, false],
  [{ tags: { $all: ['a', 'b'] } }, { tags: ['b', 'a', 'c'] }, true],
  [{ tags: { $all: ['a', 'b'] } }, { tags: ['b', 'c'] }, false],
  [{ age: { $gt: -10, $lt: 10, $gte: -9, $lte: 9, $ne: 10 } }, {}, true],
  [{ age: { $gt: 30, $lt: 60 } }, { age: 50 }, true],
  [{ age: { $gt: 30, $lt: 60 } }, { age: 60 }, false],
  [{ n: { $gt: '5', $lt: '10' } }, { n: 8 }, true],
  [{ level: { $ne: 'senior' } }, { level: 'junior' }, true],
  [{ level: { $ne: 'senior' } }, { level: 'senior' }, false],
  [{ userAgent: { $regex: '(Mobile|Tablet)' } }, { userAgent: 'Android Mobile Browser' }, true],
  [{ x: { $not: { $regex: 'a' } } }, { x: 'b' }, true],
  [{ x: null }, {}, true],
  [{ x: { $ne: null } }, { x: 1 }, true],
  [{ v: { $vgt: '1.0.0-alpha', $vlt: '1.0.0-beta' } }, { v: '1.0.0-alpha.10' }, true],
  [{ v: { $veq: '1.2.3' } }, { v: '1.2.3+build.abc' }, true],
  [{ v: { $vne: '1.2.3' } }, { v: '1.2.3-alpha' }, true],
  [{ born: { $gte: '2000-01-01' } }, { born: '2000-01-01' }, true],
  [{ born: { $gte: '2000-01-01' } }, {}, false],
  [{ id: { $inGroup: 'staff' } }, {}, true],
  [{ id: { $notInGroup: 'staff' } }, {}, false],
];

t.test('conditions hold for whom they hold there', async (t) => {
  const features = Object.fromEntries(CONDITIONS.map(([condition], index) => [`c${index}`, asked(condition)]));
  const from = read(features, { savedGroups: { staff: ['alice', 'bob'] } });
  t.strictSame(from.unfit, []);
  CONDITIONS.forEach(([condition, attributes, holds], index) => {
    t.strictSame(from.notesOn(`c${index}`), []);
    t.equal(
      from.value(`c${index}`, 'alice', attributes),
      holds,
      `${JSON.stringify(condition)} of ${JSON.stringify(attributes)}`,
    );
  });
});

t.test('a condition without a counterpart leaves its rule out, by name', async (t) => {
  const cases = {
    $size: { tags: { $size: 3 } },
    $type: { a: { $type: 'string' } },
    'a list as a whole': { a: ['x'] },
    'a mapping as a whole': { a: { b: 1 } },
    'no number and no moment': { word: { $gt: 'alphabet' } },
    'no expression of RE2': { a: { $regex: '(?=x)' } },
    'no semantic version': { v: { $vgt: '1.2' } },
    'saved group': { id: { $inGroup: 'gone' } },
    'only one thing': { nums: { $elemMatch: { $gt: 1, $lt: 5 } } },
  };
  const from = read(
    Object.fromEntries(Object.values(cases).map((condition, index) => [`c${index}`, asked(condition)])),
  );
  t.strictSame(from.unfit, []);
  Object.keys(cases).forEach((words, index) => {
    t.equal(from.value(`c${index}`, 'x', { a: 'x', tags: [1, 2, 3], word: 'z', v: '9.0.0' }), false);
    const [note] = from.notesOn(`c${index}`);
    t.ok(
      note?.startsWith(`lost features.c${index}.rules[0].condition.`) && note.includes(words),
      note ?? 'nothing is said',
    );
    t.ok(note?.endsWith('the rule is left out') === true);
  });
});

t.test('rules that give one value draw alike in any order; of others it is said what changes', async (t) => {
  const german = { condition: { country: 'DE' } };
  const from = read({
    same: feature(false, { force: true, coverage: 0.1 }, { ...german, force: true }),
    other: feature('a', { force: 'b', coverage: 0.1 }, { ...german, force: 'c' }),
  });
  t.equal(from.value('same', 'x', { country: 'DE' }), true);
  t.match(from.definition('same'), { strategy: 'percentage', value: 10, rules: [{ strategy: 'all' }] });
  t.strictSame(from.notesOn('same'), []);
  t.match(from.notesOn('other'), [
    /^changed features.other.rules\[0\]: a key that it does not draw .* rules behind it are left out/,
  ]);
});

t.test('a gate is a prerequisite; one that cannot be asked for takes the flag away', async (t) => {
  const gate = (id: string, condition: unknown) => ({ parentConditions: [{ id, condition, gate: true }] });
  const on = { force: true, condition: { member: 'basic' } };
  const from = read({
    parent: feature(
      'silver',
      { condition: { country: 'CA' }, force: 'red' },
      { condition: { country: 'US' }, force: 'green' },
    ),
    child: feature(false, gate('parent', { value: 'green' }), on),
    toggle: feature(true),
    second: feature(false, { ...gate('toggle', { value: true }), ...on }),
    odd: feature(false, gate('parent', { value: { $gt: 1 } }), on),
    deep: feature(false, gate('child', { value: true }), on),
    one: feature(false, { ...on, parentConditions: [{ id: 'toggle', condition: { value: true } }] }),
    late: feature(false, { force: true, condition: { id: 'root' } }, gate('toggle', { value: true }), on),
  });
  t.strictSame(from.unfit, []);
  t.equal(from.value('child', '1', { member: 'basic', country: 'US' }), true);
  t.equal(from.value('child', '1', { member: 'basic', country: 'CA' }), false);
  t.equal(from.value('second', '1', { member: 'basic' }), true);
  for (const name of ['odd', 'deep']) {
    t.equal(from.definition(name), undefined);
    t.match(from.notesOn(name), [/^refused .*what it needs cannot be asked for/]);
  }
  t.match(from.notesOn('one'), [/^lost .*another feature as a condition/]);
  t.ok(from.notesOn('late').some((note) => note.includes('all rules here')));
});

t.test('what else has no counterpart is named, with where it is', async (t) => {
  const experiment = { key: 'e', variations: ['a', 'b'] };
  const from = read({
    nothing: {},
    type: feature('a', { force: 1 }),
    namespace: feature('a', { ...experiment, namespace: ['pricing', 0, 0.5] }),
    whole: feature('a', { ...experiment, namespace: ['pricing', 0, 1], filters: [{ seed: 'x', ranges: [[0, 1]] }] }),
    filter: feature('a', { ...experiment, filters: [{ seed: 'x', ranges: [[0, 0.5]] }] }),
    version: feature('a', { ...experiment, hashVersion: 99 }),
    ranges: feature('a', {
      ...experiment,
      ranges: [
        [0.1, 0.5],
        [0.5, 1],
      ],
    }),
    range: feature('a', { force: 'b', range: [0.2, 0.4] }),
    second: feature('a', { ...experiment, condition: { x: 1 } }, { key: 'f', variations: ['c', 'd'] }),
    sums: feature('a', { ...experiment, weights: [0.4, 0.5] }),
    sticky: feature('a', { ...experiment, fallbackAttribute: 'deviceId' }),
    new: feature('a', { ...experiment, bandit: true }),
    empty: feature('a', {}),
    'a b': feature(true),
  });
  t.strictSame(from.unfit, []);
  const said: Readonly<Record<string, RegExp>> = {
    nothing: /^refused features.nothing: it has no default value/,
    type: /^lost features.type.rules\[0\]: 1 is of another type/,
    namespace: /^lost .*a namespace has no counterpart/,
    filter: /^lost .*a filter has no counterpart/,
    version: /^lost .*the version 99 of the hash/,
    ranges: /^lost .*no parts of all keys/,
    range: /^lost .*its range does not begin at 0/,
    second: /^lost features.second.rules\[1\]: it draws by another seed/,
    sums: /^changed .*its weights sum up to 0.9/,
    sticky: /^lost features.sticky.rules\[0\].fallbackAttribute/,
    new: /^lost features.new.rules\[0\].bandit: is not known here/,
    empty: /^lost .*the rule says no value/,
    'a b': /^refused .*cannot be called so/,
  };
  for (const [name, words] of Object.entries(said)) t.match(from.notesOn(name), [words], name);
  t.strictSame(from.notesOn('whole'), []);
  t.match(importGrowthbook({ encryptedFeatures: 'xyz' }).notes, [
    { kind: 'refused', message: 'the payload is encrypted' },
  ]);
});
