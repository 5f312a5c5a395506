import t from 'tap';
import { lagging, leadsOf, type Member, parted, reachedMark, turnOf } from '../../../src/rollout/bond.ts';
import { advance } from '../../../src/rollout/machine.ts';
import { hasEnded, type Rollout } from '../../../src/rollout/rollout.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { Course, step, worse } from './course-of.ts';

const THREE = [step(0.1), step(0.5), step(1)];

function member(service: string, rollout: Rollout, undone: Member['undone'] = null): Member {
  return { service, rollout, undone };
}

t.test('steps are counted from the end, so that all arrive together', async (t) => {
  t.same(leadsOf([5, 5, 5]), [0, 0, 0]);
  t.same(leadsOf([5, 1, 3]), [0, 4, 2]);
});

t.test(
  'a mark is reached by who stands at it, has passed it, or has ended; not by who is asked or verified',
  async (t) => {
    const course = new Course({ steps: [step(0.1), step(0.5, { verify: true }), step(1)] }, 0);
    const at = (one: Course): string =>
      `${one.rollout.phase} ${one.rollout.errand?.kind ?? '-'} ${reachedMark(one.rollout)}`;
    t.equal(at(course), 'verifying verify -1');
    const ways: readonly (readonly [go: (one: Course) => Course, where: string])[] = [
      [(one) => one.answer(), 'stepping confirm -1'],
      [(one) => one.answer(), 'stepping join 0'],
      [(one) => one.answer(), 'stepping move 0'],
      [(one) => one.command('pause'), 'paused move 0'],
      [(one) => one.command('resume').answer(), 'holding - 0'],
      [(one) => one.tick(1e9), 'verifying verify 0'],
      [(one) => one.command('pause'), 'paused - 0'],
      [(one) => one.command('resume').answer().answer(), 'stepping join 1'],
      // Whoever is paused is not at the mark any more.
      [(one) => one.command('pause'), 'paused - 0'],
      [(one) => one.command('resume').answer().answer().answer(), 'holding - 1'],
      [(one) => one.command('promote-full'), 'stepping join 2'],
      // Verified after the last step, that has been taken.
      [(one) => one.answer().answer(), 'verifying verify 2'],
      [(one) => one.answer().tick(1e9), 'baking join 3'],
      [(one) => one.answer(), 'succeeded - 3'],
    ];
    for (const [go, where] of ways) t.equal(at(go(course)), where);
    t.equal(
      reachedMark(new Course({ steps: THREE, verifyBefore: false }, 4).answer().rollout),
      4,
      'by the marks of the bond',
    );
    const held = new Course({ steps: [step(1)], holdBack: 0.1 }, 0).until('baking').tick(1e9).answer();
    t.match(held.rollout, { phase: 'baking', errand: { kind: 'finish' } });
    t.equal(reachedMark(held.rollout), 1);
    const ended = new Course({}, 0).command('abort').rollout;
    t.same(lagging([member('shop', course.rollout), member('cart', ended)], 99), []);
  },
);

t.test('who turned by itself comes before those who were taken along', async (t) => {
  const running = new Course({ steps: THREE }, 0).until('holding');
  const bad = new Course({ steps: THREE }, 0).until('holding').tick(1, { judgement: worse }).rollout;
  const taken = new Course({ steps: THREE }, 0).until('holding').on({ kind: 'taken-along', by: 'cart', why: 'so' });
  t.equal(turnOf([member('shop', running.rollout)]), null);
  t.same(turnOf([member('shop', taken.rollout), member('cart', bad)]), { service: 'cart', why: worse.sentence });
  const done = new Course({ steps: THREE }, 0).until('succeeded').rollout;
  t.equal(turnOf([member('shop', done)]), null);
  const undone = member('mail', done, { why: 'rolled back', along: null });
  t.same(turnOf([member('shop', done, { why: 'x', along: 'mail' }), undone]), { service: 'mail', why: 'rolled back' });
  const moved = (share: number) => running.try({ kind: 'superseded', why: 'moved', share });
  const [back, on] = [moved(0), moved(0.7)];
  if (!back.ok || !on.ok) throw new Error('it is never refused');
  t.same(turnOf([member('shop', back.rollout)]), { service: 'shop', why: 'moved' });
  t.equal(turnOf([member('shop', on.rollout)]), null);
  t.same(
    parted([member('shop', on.rollout), member('cart', back.rollout)]).map(({ service }) => service),
    ['shop'],
  );
});

t.test('taken along, a rollout goes back from wherever it is; its end stays its end', async (t) => {
  const along = { kind: 'taken-along', by: 'cart', why: 'taken back with cart: worse' } as const;
  const course = new Course({ steps: THREE }, 0);
  for (const phase of ['verifying', 'stepping', 'holding', 'baking'] as const) {
    course.until(phase);
    const answer = course.try(along);
    if (!answer.ok) throw new Error(answer.message);
    const phases = course.rollout.hasMoved ? 'rolling-back' : 'rolled-back';
    t.match(answer.rollout, { phase: phases, along: 'cart', reason: along.why }, phase);
  }
  const paused = course.command('pause').on(along).settle().rollout;
  t.match(paused, { phase: 'rolled-back', share: 0, along: 'cart' });
  t.equal(advance(paused, along).ok && advance(paused, along).ok, true);
  const done = new Course({ steps: THREE }, 0).until('succeeded');
  t.equal(done.on(along).rollout.phase, 'succeeded');
  const back = new Course({ steps: THREE }, 0).until('holding').command('abort');
  t.equal(back.on(along).rollout.along, null, 'who goes back already keeps its own reason');
});

t.test('a member that leaves pauses the others, unless they wait for a person already', async (t) => {
  const parts = { kind: 'parted', why: 'cart has left the group' } as const;
  const of = (): Course => new Course({ steps: THREE }, 0).until('holding');
  t.match(of().on(parts).rollout, { phase: 'paused', pause: { by: 'group', from: 'holding' }, reason: parts.why });
  t.match(of().tick(1, { frozen: 'Christmas' }).on(parts).tick(1).rollout, { pause: { by: 'group' } });
  t.match(of().command('pause').on(parts).rollout, { pause: { by: 'person' } });
  t.match(of().command('abort').on(parts).rollout, { phase: 'rolling-back' });
  t.match(of().on(parts).command('resume').rollout, { phase: 'holding' });
});

t.test(`whatever happens, members go on together and back together (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const ends = new Map<string, number>();
  for (let walk = 0; walk < 400; walk += 1) {
    const plans = [0, 1, 2].map(() => THREE.slice(rng.below(3)));
    const most = Math.max(...plans.map(({ length }) => length));
    const leads = leadsOf(plans.map(({ length }) => length));
    const best = [-1, -1, -1];
    const courses = plans.map((steps, index) => new Course({ steps, holdBack: rng.pick([0, 0.1]) }, leads[index]!));
    const members = (): Member[] => courses.map(({ rollout }, index) => member(`s${index}`, rollout));
    const isBad = rng.chance(0.5);
    for (let count = 0; count < 120; count += 1) {
      const course = rng.pick(courses);
      const { rollout } = course;
      const { errand } = rollout;
      if (hasEnded(rollout)) continue;
      if (errand?.kind === 'join') {
        if (lagging(members(), errand.mark).length === 0) course.answer();
      } else if (errand !== null && rng.chance(0.8)) course.answer(isBad && rng.chance(0.02) ? 'failed' : 'ok');
      else if (rng.chance(0.1)) {
        const answer = course.try({
          kind: 'command',
          command: rng.pick(['promote', 'pause', 'resume', 'promote-full']),
          by: 'ana',
        });
        if (answer.ok) course.rollout = answer.rollout;
      } else course.tick(rng.below(700_000), isBad && rng.chance(0.02) ? { judgement: worse } : {});
      if (course.rollout.pause?.by === 'person' && rng.chance(0.5)) course.command('resume');
      const turn = turnOf(members());
      if (turn !== null) for (const one of courses) one.on({ kind: 'taken-along', by: turn.service, why: turn.why });
      const where = `walk ${walk}, event ${count}: ${JSON.stringify(members().map(({ rollout: one }) => [one.phase, one.step, one.errand]))}`;
      const isTurned = (one: Rollout): boolean => one.ending !== null || (hasEnded(one) && one.phase !== 'succeeded');
      if (turn !== null) {
        // A success is undone by the gate and not by the rollout.
        const still = courses.filter((one) => !isTurned(one.rollout) && one.rollout.phase !== 'succeeded');
        if (still.length > 0) t.fail(`all go back at once: ${where}`);
        continue;
      }
      courses.forEach((one, index) => {
        best[index] = Math.max(best[index]!, reachedMark(one.rollout));
      });
      courses.forEach(({ rollout: one }, index) => {
        const isAtEnd = one.phase === 'succeeded' || one.errand?.kind === 'finish';
        const mark = isAtEnd ? most : one.errand?.kind === 'move' ? leads[index]! + one.errand.step : -1;
        if (best.some((other) => other < mark)) t.fail(`nobody goes where the others have not come to: ${where}`);
      });
    }
    const end = new Set(courses.map(({ rollout }) => rollout.phase));
    ends.set([...end].sort().join(' '), (ends.get([...end].sort().join(' ')) ?? 0) + 1);
  }
  t.ok((ends.get('succeeded') ?? 0) > 20, JSON.stringify([...ends]));
});
