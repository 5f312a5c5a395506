/** Guards of flags: who is heard and how often, what they do when a treatment is worse, and when their evidence begins anew. */
import t from 'tap';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import { ANN, done, flagConfig } from './flag-stage.ts';
import { GuardStage } from './guard-stage.ts';
import { settled } from './run-stage.ts';

const GUARDED = 'new-checkout: { strategy: percentage, value: 20, guard: { latency: off } }';
const FLAG = 'new-checkout';

t.test('a treatment that fails is killed, once, with a receipt that can be judged again', async (t) => {
  const one = new GuardStage(GUARDED);
  one.visits(FLAG, 'control', 300);
  one.visits(FLAG, 'treatment', 200);
  await one.tick();
  t.match(one.view(FLAG), { rests: null, part: 0.5, verdict: { kind: 'waiting' } });
  one.visits(FLAG, 'treatment', 20, { isBad: true }, 'other');
  await one.tick();
  await one.tick();
  t.match(one.stand(FLAG), { killed: true, share: 20 });
  const receipts = done(one.flags.history(FLAG));
  t.equal(receipts.filter(({ how }) => how === 'guard').length, 1);
  const { decision, reason, by } = receipts[0]!;
  t.equal(by, 'guard');
  t.match(reason, /^worse: 20 of 220 on treatment failed, 0 of 300 on control; risk .*; evidence .*, needs 100$/);
  const { settings, evidence, verdict, table } = decision!;
  const signals = evidence.signals.map(({ name, evidence: { epochs } }) => ({ kind: 'counts' as const, name, epochs }));
  const again = judge(openJudgement(settings), { atMs: 0, sinceEpoch: 0, isHoldOver: false, signals }, settings);
  t.equal(again.verdict.sentence, verdict.sentence);
  t.match(table, [
    { service: 'shop', pool: 'blue', version: 'v1.0', treatment: { requests: 220, bad: 20 } },
    { pool: 'green' },
  ]);
  t.equal(one.told.filter(({ text }) => text.startsWith('flag new-checkout: killed by its guard (worse')).length, 1);
  t.equal(one.view(FLAG).rests, 'the flag is killed');
});

t.test(
  'a bad event of the treatment wakes the guard, and evidence kills before the tick; a good one wakes nobody',
  async (t) => {
    const one = new GuardStage(GUARDED);
    await one.tick();
    let isNews = false;
    for (let user = 0; user < 100; user += 1) {
      if (one.armOf(FLAG, `user-${user}`) === 'control' && one.visit(FLAG, `user-${user}`, { isBad: true }))
        isNews = true;
    }
    t.equal(isNews, false, 'a failure of the control is no news');
    const two = new GuardStage(GUARDED);
    t.equal(two.word[0], 1, 'somebody listens');
    let failures = 0;
    for (let user = 0; failures < 20; user += 1) {
      if (two.armOf(FLAG, `user-${user}`) !== 'treatment') continue;
      t.equal(two.visit(FLAG, `user-${user}`), false);
      if (two.visit(FLAG, `user-${user}`, { isBad: true })) two.bell.ring();
      failures += 1;
      two.guards.lookEarly();
      if (two.variantOf(FLAG, `user-${user}`) === 'off') break;
    }
    t.match(two.stand(FLAG), { killed: true });
    t.ok(failures <= 12, `${failures} failures`);
    await settled();
    t.equal(done(two.flags.history(FLAG))[0]!.how, 'guard');
  },
);

t.test('a key speaks once, however often it fails, and a harmless treatment stays', async (t) => {
  const one = new GuardStage(GUARDED);
  const broken = ['a', 'b'].flatMap((prefix) => Array.from({ length: 20 }, (_, user) => `${prefix}-${user}`));
  const treated = broken.filter((user) => one.armOf(FLAG, user) === 'treatment').slice(0, 2);
  for (let times = 0; times < 100; times += 1) for (const user of treated) one.visit(FLAG, user, { isBad: true });
  one.visits(FLAG, 'treatment', 400);
  one.visits(FLAG, 'control', 400);
  await one.tick();
  const [row] = one.view(FLAG).table;
  t.equal(row!.treatment.bad, 2);
  t.match(one.stand(FLAG), { killed: false });
});

t.test('another share is another position of the same evidence; another definition begins anew', async (t) => {
  const one = new GuardStage(GUARDED);
  one.visits(FLAG, 'treatment', 5, { isBad: true });
  await one.tick();
  done(await one.set(FLAG, { value: 75 }));
  one.visits(FLAG, 'control', 100, {}, 'other');
  await one.tick();
  t.equal(one.view(FLAG).part, 0.75);
  t.match(one.view(FLAG).table[0], { treatment: { bad: 5 }, control: { requests: 100 } });
  const { since } = one.view(FLAG);
  done(await one.set(FLAG, { on: { text: 'new' }, off: { text: 'old' } }));
  await one.tick();
  t.match(one.view(FLAG).table[0], { treatment: { requests: 0, bad: 0 }, control: { requests: 0 } });
  t.not(one.view(FLAG).since, since);
  one.visits(FLAG, 'treatment', 5, { isBad: true });
  await one.tick();
  t.equal(one.view(FLAG).table[0]!.treatment.bad, 5, 'the same keys are heard again');
});

t.test('requests of the treatment are counted from the moment on at which the dial came to its place', async (t) => {
  const stage = new GuardStage('checkout: { strategy: percentage, value: 10, guard: {} }');
  const now = () => stage.guards.word('checkout')!.requestsAt(stage.flags.entry('checkout')!.slot);
  await stage.tick();
  stage.visits('checkout', 'treatment', 12);
  stage.visits('checkout', 'control', 5);
  await stage.tick();
  t.equal(now(), 12);
  await stage.set('checkout', { value: 20 });
  t.equal(now(), 0, 'before the guard has seen the new position, what it knows is not of it');
  await stage.tick();
  t.equal(now(), 0);
  stage.visits('checkout', 'treatment', 3);
  await stage.tick();
  t.equal(now(), 3);
});

t.test('with all others as control the part is the share, and four failures of a few are enough', async (t) => {
  const one = new GuardStage(
    'new-checkout: { strategy: percentage, value: 5, guard: { latency: off, control: others } }',
  );
  one.visits(FLAG, 'control', 1900);
  one.visits(FLAG, 'treatment', 100);
  one.visits(FLAG, 'control', 1, { isBad: true }, 'other');
  await one.tick();
  t.match(one.view(FLAG), { rests: null, control: 'others', part: 0.05, unheard: 0 });
  one.visits(FLAG, 'treatment', 3, { isBad: true }, 'bad');
  await one.tick();
  t.match(one.stand(FLAG), { killed: false });
  one.visits(FLAG, 'treatment', 1, { isBad: true }, 'worse');
  await one.tick();
  t.match(one.stand(FLAG), { killed: true });
  const { decision } = done(one.flags.history(FLAG))[0]!;
  const { settings, evidence, verdict, control } = decision!;
  t.equal(control, 'others');
  const signals = evidence.signals.map(({ name, evidence: { epochs } }) => ({ kind: 'counts' as const, name, epochs }));
  t.match(signals[0]!.epochs, [{ share: 0.05, candidate: { events: [4] }, active: { events: [1] } }]);
  const again = judge(openJudgement(settings), { atMs: 0, sinceEpoch: 0, isHoldOver: false, signals }, settings);
  t.equal(again.verdict.sentence, verdict.sentence, 'who judges again finds the same');
});

t.test('a key that has failed in the control is not heard again when it is treated', async (t) => {
  const one = new GuardStage(
    'new-checkout: { strategy: percentage, value: 5, guard: { latency: off, control: others } }',
  );
  const users = Array.from({ length: 400 }, (_, at) => `user-${at}`);
  for (const user of users) one.visit(FLAG, user, { isBad: true });
  await one.tick();
  const [before] = one.view(FLAG).table;
  t.equal(before!.treatment.bad + before!.control.bad, 400, 'everybody is in an arm');
  done(await one.set(FLAG, { value: 50 }));
  for (const user of users) one.visit(FLAG, user, { isBad: true });
  await one.tick();
  const [after] = one.view(FLAG).table;
  t.same([after!.treatment.bad, after!.control.bad], [before!.treatment.bad, before!.control.bad]);
  t.equal(one.view(FLAG).part, 0.5);
  t.match(one.stand(FLAG), { killed: false });
  done(await one.set(FLAG, { guard: { latency: 'off' } }));
  t.match(
    one.view(FLAG),
    { control: 'equal', table: [{ control: { requests: 0 } }, {}] },
    'another control, other books',
  );
});

t.test('a guard rests where a flag that is required picks the same keys', async (t) => {
  const flag = (salt: string) =>
    `new-checkout: { strategy: percentage, value: 5, salt: ${salt}, requires: [{ flag: beta }], guard: { latency: off, control: others } }`;
  const beta = 'beta: { strategy: percentage, value: 10, salt: same }';
  const one = new GuardStage(flag('same'), beta);
  // Of those who have `beta` half are treated, so half of what fails for all of them is the treatment's.
  for (let user = 0; user < 2000; user += 1) one.visit(FLAG, `user-${user}`, { isBad: user % 10 === 0 });
  await one.tick();
  t.match(
    one.view(FLAG).rests,
    /^beta, which it requires, has the same salt and picks the same keys: only the ceiling/,
  );
  t.match(one.stand(FLAG), { killed: false });
  const two = new GuardStage(flag('other'), beta);
  await two.tick();
  t.equal(two.view(FLAG).rests, null);
});

t.test('a flag that is restored, and a period that is over, begin with clean books', async (t) => {
  const one = new GuardStage('new-checkout: { strategy: percentage, value: 20, guard: { latency: off, renew: 1m } }');
  one.visits(FLAG, 'treatment', 20, { isBad: true });
  await one.tick();
  t.match(one.stand(FLAG), { killed: true });
  done(await one.flags.restore(FLAG, ANN));
  one.guards.lookEarly();
  await settled();
  t.match(one.stand(FLAG), { killed: false }, 'what it was killed for is not held against it again');
  await one.tick();
  t.match(one.view(FLAG).table[0], { treatment: { requests: 0, bad: 0 } });
  one.visits(FLAG, 'treatment', 5, { isBad: true });
  await one.tick();
  t.equal(one.view(FLAG).table[0]!.treatment.bad, 5);
  await one.tick(60_000);
  t.equal(one.view(FLAG).table[0]!.treatment.bad, 0, 'a minute later');
  one.visits(FLAG, 'treatment', 20, { isBad: true });
  await one.tick();
  t.match(one.stand(FLAG), { killed: true }, 'the same keys are heard again');
});

t.test('a slow treatment is found by latency, whose boundaries come from the untreated', async (t) => {
  const one = new GuardStage('new-checkout: { strategy: percentage, value: 20, guard: {} }');
  one.visits(FLAG, 'control', 300, { durationUs: 2000 });
  await one.tick();
  for (let round = 0; round < 3; round += 1) {
    one.visits(FLAG, 'control', 150, { durationUs: 2000 }, `round ${round}`);
    one.visits(FLAG, 'treatment', 150, { durationUs: 2000 }, `round ${round}`);
  }
  await one.tick();
  t.match(one.stand(FLAG), { killed: false });
  one.visits(FLAG, 'treatment', 60, { durationUs: 800_000 }, 'slow');
  await one.tick();
  t.match(one.stand(FLAG), { killed: true });
  t.match(
    done(one.flags.history(FLAG))[0]!.reason,
    /^worse: 60 of 510 on treatment took .* or longer, 0 of 450 on control/,
  );
});

t.test('a dry run tells once and kills nothing', async (t) => {
  const one = new GuardStage(
    'new-checkout: { strategy: percentage, value: 20, guard: { latency: off, dryRun: true } }',
  );
  one.visits(FLAG, 'treatment', 20, { isBad: true });
  await one.tick();
  await one.tick();
  t.match(one.stand(FLAG), { killed: false });
  t.equal(one.told.filter(({ text }) => text.includes('its guard would kill it')).length, 1);
});

t.test('a guard says why it rests', async (t) => {
  const rests = async (flag: string): Promise<string | null> => {
    const one = new GuardStage(`new-checkout: { ${flag}, guard: {} }`);
    await one.tick();
    return one.view(FLAG).rests;
  };
  t.match(await rests('strategy: all'), /the strategy is all/);
  t.match(await rests('strategy: percentage, value: 0'), /nobody is treated/);
  t.match(await rests('strategy: percentage, value: 100'), /only the ceiling holds/);
  t.match(await rests('strategy: percentage, value: 5, schedule: { from: 2030-01-01T00:00:00Z }'), /schedule/);
  t.equal(
    await rests('strategy: variants, variants: { a: { weight: 1 }, b: { weight: 1 } }, offVariant: a'),
    null,
    'A/B',
  );
});

t.test('a flag without a guard, and one whose guard is taken away, has none; and nobody listens then', async (t) => {
  const one = new GuardStage(GUARDED);
  one.apply(flagConfig('new-checkout: { strategy: percentage, value: 20 }'));
  t.equal(one.guards.view(FLAG), null);
  await settled();
  t.equal(one.word[0], 0);
});

t.test('a bad treatment beside a release is the flag’s, and the release goes on', async (t) => {
  const one = new GuardStage(GUARDED);
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
  await one.tick();
  one.visits(FLAG, 'control', 200);
  one.visits(FLAG, 'control', 60, { pool: 'green' });
  one.visits(FLAG, 'treatment', 200, {}, 'good');
  one.visits(FLAG, 'treatment', 60, { pool: 'green' }, 'good green');
  one.visits(FLAG, 'treatment', 15, { isBad: true }, 'bad');
  one.visits(FLAG, 'treatment', 4, { isBad: true, pool: 'green' }, 'bad green');
  await one.tick();
  t.match(one.stand(FLAG), { killed: true });
  t.match(done(one.flags.history(FLAG))[0]!, {
    decision: { suspect: 'flag', releases: [{ service: 'shop', blame: 'flag' }] },
  });
  t.same(one.startedOver, []);
});

t.test('what is bad only where both meet kills the flag, and the release is judged anew', async (t) => {
  const one = new GuardStage(GUARDED);
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
  await one.tick();
  for (const arm of ['control', 'treatment'] as const) {
    one.visits(FLAG, arm, 300);
    one.visits(FLAG, arm, 60, { pool: 'green' }, 'green');
  }
  one.visits(FLAG, 'treatment', 20, { isBad: true, pool: 'green' }, 'bad');
  await one.tick();
  t.match(one.stand(FLAG), { killed: true });
  t.match(done(one.flags.history(FLAG))[0]!.reason, /flag new-checkout and green \(v2.0\) cannot be told apart/);
  t.match(one.startedOver, [/^shop: flag new-checkout and green \(v2.0\) cannot be told apart/]);
});

t.test('a release that is worse where a flag treats is excused, and that flag is killed', async (t) => {
  const one = new GuardStage(GUARDED);
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
  await one.tick();
  one.visits(FLAG, 'treatment', 200);
  one.visits(FLAG, 'treatment', 40, { pool: 'green' }, 'green');
  one.visits(FLAG, 'treatment', 5, { isBad: true, pool: 'green' }, 'bad');
  await one.tick();
  one.releases({ requests: 250, bad: 5 }, { requests: 1000, bad: 0 });
  t.match(one.guards.seenBy('shop'), [
    { flag: FLAG, release: { blame: 'undecidable' }, table: [{ pool: 'blue' }, { pool: 'green' }] },
  ]);
  t.match(
    one.guards.excuse('shop'),
    /cannot be told apart: .*; the flag is killed first and the release is judged anew$/,
  );
  t.equal(one.guards.excuse('shop'), null, 'while it is being killed');
  await settled();
  t.match(done(one.flags.history(FLAG))[0]!, { how: 'guard', decision: { suspect: 'version' } });
});

t.test('an excuse goes by what has happened, and not by what the guard has looked at last', async (t) => {
  const one = new GuardStage(GUARDED);
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
  await one.tick();
  one.visits(FLAG, 'treatment', 200);
  one.visits(FLAG, 'treatment', 40, { pool: 'green' }, 'green');
  one.visits(FLAG, 'treatment', 5, { isBad: true, pool: 'green' }, 'bad');
  // The judge of the release has its turn first.
  one.releases({ requests: 250, bad: 5 }, { requests: 1000, bad: 0 });
  t.match(one.guards.excuse('shop'), /cannot be told apart/);
});

t.test(
  'a release that is worse for everybody is not excused, nor for one key that fails again and again',
  async (t) => {
    const one = new GuardStage(GUARDED);
    one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
    await one.tick();
    one.visits(FLAG, 'treatment', 40, { pool: 'green' }, 'green');
    one.visits(FLAG, 'treatment', 2, { isBad: true, pool: 'green' }, 'bad');
    await one.tick();
    one.releases({ requests: 250, bad: 12 }, { requests: 1000, bad: 0 });
    t.equal(one.guards.excuse('shop'), null, '2 of 12 with the treated sixth');

    const two = new GuardStage(GUARDED);
    two.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
    await two.tick();
    two.visits(FLAG, 'treatment', 40, { pool: 'green' }, 'green');
    const user = Array.from({ length: 50 }, (_, at) => `x-${at}`).find(
      (name) => two.armOf(FLAG, name) === 'treatment',
    )!;
    for (let times = 0; times < 8; times += 1) two.visit(FLAG, user, { isBad: true, pool: 'green' });
    await two.tick();
    two.releases({ requests: 250, bad: 8 }, { requests: 1000, bad: 0 });
    t.equal(two.guards.excuse('shop'), null, 'all eight are of one key');
    t.match(two.stand(FLAG), { killed: false });
  },
);

t.test('a release whose judge has begun anew is compared from there on', async (t) => {
  const one = new GuardStage(GUARDED);
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 });
  await one.tick();
  one.visits(FLAG, 'treatment', 100, { pool: 'green' });
  one.visits(FLAG, 'treatment', 4, { isBad: true, pool: 'green' }, 'bad');
  one.releases({ requests: 0, bad: 0 }, { requests: 0, bad: 0 }, 'begun anew');
  await one.tick();
  one.releases({ requests: 100, bad: 6 }, { requests: 1000, bad: 0 }, 'begun anew');
  t.equal(one.guards.excuse('shop'), null, 'what the treated have said before is not of this');
});
