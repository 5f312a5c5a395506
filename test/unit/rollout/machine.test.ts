import t from 'tap';
import { PHASES } from '../../../src/rollout/rollout.ts';
import { BAKE_MS, Course, HOLD_MS, step, worse } from './course-of.ts';

t.test('a canary that is well goes through its steps, is watched, and succeeds', async (t) => {
  const course = new Course().until('succeeded');
  t.same(course.moves(), [1, 5, 25, 50, 100]);
  t.equal(course.rollout.share, 1);
  t.same(course.told(), ['started', 'step', 'step', 'step', 'step', 'baking', 'ended']);
});

t.test('nothing is moved before the candidate is verified; what fails then has touched nobody', async (t) => {
  const course = new Course();
  t.match(course.rollout, { phase: 'verifying', occasion: 'before', hasMoved: false });
  t.same(course.moves(), []);
  course.answer('failed', '/healthz answered 500');
  t.match(course.rollout, { phase: 'failed', reason: '/healthz answered 500' });
  t.same(course.moves(), [], 'and there is nothing to take back');
});

t.test('a verification after the cutover that fails takes the traffic back', async (t) => {
  const course = new Course({ steps: [step(1)] }).answer().answer().answer();
  t.match(course.rollout, { phase: 'verifying', occasion: 'after', share: 1 });
  course.answer('failed', 'the checkout page is empty');
  t.match(course.rollout, { phase: 'rolling-back', ending: 'rolled-back' });
  course.answer();
  t.match(course.rollout, { phase: 'rolled-back', reason: 'the checkout page is empty', share: 0 });
  t.same(course.moves(), [100, null]);
});

t.test('a step that wants it is verified before it takes effect, and asked for before it is taken', async (t) => {
  const course = new Course({ steps: [step(0.1), step(1, { verify: true })] }).until('holding').tick(HOLD_MS);
  t.match(course.rollout, { phase: 'verifying', occasion: 'step', share: 0.1, step: 1 });
  course.answer();
  t.match(course.rollout, { phase: 'stepping', errand: { kind: 'confirm', step: 1 }, share: 0.1 });
  course.answer();
  t.match(course.rollout, { phase: 'stepping', errand: { kind: 'move', share: 1 } });
});

t.test('a verdict of worse takes the traffic back wherever a user may reach the candidate', async (t) => {
  const inPhase: Record<string, () => Course> = {
    'verifying again': () =>
      new Course({ steps: [step(0.1), step(1, { verify: true })] }).until('holding').tick(HOLD_MS),
    stepping: () => new Course().until('holding').tick(HOLD_MS),
    'moving for the first time': () => new Course().answer().answer(),
    holding: () => new Course().until('holding'),
    'awaiting approval': () =>
      new Course({ steps: [step(0.1, { approve: true }), step(1)] }).until('awaiting-approval'),
    paused: () => new Course().until('holding').command('pause'),
    frozen: () => new Course().until('holding').tick(1, { frozen: 'Christmas' }),
    baking: () => new Course().until('baking'),
  };
  for (const [where, make] of Object.entries(inPhase)) {
    const course = make().tick(1, { judgement: worse });
    t.match(course.rollout, { phase: 'rolling-back', reason: worse.sentence }, where);
    course.answer();
    t.match(course.rollout, { phase: 'rolled-back', share: 0 }, where);
  }
});

t.test('a verdict before anybody has reached the candidate is about nothing', async (t) => {
  const course = new Course().tick(1, { judgement: worse });
  t.equal(course.rollout.phase, 'verifying');
});

t.test('a step lasts for its hold and for its requests', async (t) => {
  const course = new Course({ steps: [step(0.1, { minRequests: 500 }), step(1)] }).until('holding');
  course.tick(HOLD_MS - 1);
  t.equal(course.rollout.phase, 'holding');
  course.tick(1, { requests: 499 });
  t.match(course.rollout, { phase: 'holding', reason: /has had 499 of 500 requests/ });
  course.tick(1, { requests: 500 });
  t.equal(course.rollout.phase, 'stepping');
});

t.test('each step has its own time', async (t) => {
  const course = new Course().until('holding').tick(HOLD_MS).settle();
  t.match(course.rollout, { phase: 'holding', step: 1, elapsedMs: 0 });
  course.tick(HOLD_MS - 1);
  t.equal(course.rollout.phase, 'holding');
});

t.test('without traffic a step waits and says so, however long it takes', async (t) => {
  const course = new Course().until('holding');
  const judgement = { verdict: 'waiting', sentence: 'no requests on green yet' } as const;
  for (let hours = 0; hours < 100; hours += 1) course.tick(3_600_000, { judgement });
  t.match(course.rollout, { phase: 'holding', step: 0, reason: /no requests on green yet/ });
  course.tick(1);
  t.equal(course.rollout.phase, 'stepping');
});

t.test('what the judge cannot tell is decided by the plan, and called what it is', async (t) => {
  const judgement = { verdict: 'inconclusive', sentence: 'about 90,000 more requests are needed' } as const;
  const paused = new Course({ inconclusive: 'pause' }).until('holding').tick(HOLD_MS, { judgement });
  t.match(paused.rollout, { phase: 'paused', pause: { from: 'holding', by: 'inconclusive' }, reason: /90,000/ });
  paused.command('resume');
  t.match(paused.rollout, { phase: 'holding', elapsedMs: 0 }, 'it is given its time once more');

  const promoted = new Course({ inconclusive: 'promote' }).until('holding').tick(HOLD_MS, { judgement });
  t.match(promoted.rollout, { phase: 'stepping', step: 1, reason: /^inconclusive, promoted all the same/ });
  t.ok(promoted.told().includes('inconclusive'));

  const back = new Course({ inconclusive: 'rollback' }).until('holding').tick(HOLD_MS, { judgement }).answer();
  t.match(back.rollout, { phase: 'rolled-back', reason: /^inconclusive, rolled back/ });
});

t.test('while both versions are failing time stands still, nobody is blamed, and it is told once', async (t) => {
  const course = new Course().until('holding').tick(HOLD_MS - 1);
  const judgement = { verdict: 'halted', sentence: '31% of blue and 30% of green fail' } as const;
  for (let count = 0; count < 10; count += 1) course.tick(HOLD_MS, { judgement });
  t.match(course.rollout, { phase: 'holding', isHalted: true, elapsedMs: HOLD_MS - 1 });
  t.equal(course.told().filter((what) => what === 'halted').length, 1);
  course.tick(1);
  t.match(course.rollout, { phase: 'stepping', step: 1 });
});

t.test('a step that wants approval waits for it, however long, and is judged meanwhile', async (t) => {
  const course = new Course({ steps: [step(0.1, { approve: true }), step(1)] }).until('holding').tick(HOLD_MS);
  t.equal(course.rollout.phase, 'awaiting-approval');
  course.tick(1e12);
  t.equal(course.rollout.phase, 'awaiting-approval');
  course.command('approve');
  t.match(course.rollout, { phase: 'stepping', step: 1 });
});

t.test(
  'a first step of 0% with an approval is a preview: nobody is sent there, and nothing is waited for',
  async (t) => {
    const course = new Course({ steps: [step(0, { approve: true }), step(1)] }).until('holding');
    course.tick(HOLD_MS, { judgement: { verdict: 'waiting', sentence: '' }, requests: 0 });
    t.match(course.rollout, { phase: 'awaiting-approval', share: 0 });
  },
);

t.test('a webhook that does not agree stops the step; one that does not answer in time pauses it', async (t) => {
  const stopped = new Course().answer().answer('failed', 'the gate said no');
  t.match(stopped.rollout, { phase: 'rolled-back', reason: 'the gate said no' }, 'nothing had moved');
  const second = new Course().until('holding').tick(HOLD_MS).answer('failed', 'the gate said no');
  t.match(second.rollout, { phase: 'rolling-back', ending: 'rolled-back' });
  const late = new Course().until('holding').tick(HOLD_MS).answer('undecided', 'no answer in 5 minutes');
  t.match(late.rollout, { phase: 'paused', pause: { from: 'stepping', by: 'unconfirmed' } });
  late.command('resume');
  t.match(late.rollout, { phase: 'stepping', errand: { kind: 'confirm', step: 1 } }, 'it is asked again');
});

t.test('an answer that nobody waits for any more changes nothing', async (t) => {
  const course = new Course();
  const { id } = course.rollout.errand!;
  course.command('pause').on({ kind: 'answer', errand: id, result: 'ok', why: '' });
  t.equal(course.rollout.phase, 'paused', 'a pause gives up what was asked');
  course.command('resume');
  const before = course.rollout;
  course.on({ kind: 'answer', errand: id, result: 'ok', why: '' });
  t.equal(course.rollout, before);
  course.answer();
  t.equal(course.rollout.phase, 'stepping', 'the answer to the second question counts');
});

t.test('a move that was under way when it was paused is completed, and it is still paused then', async (t) => {
  const course = new Course().answer().answer();
  t.equal(course.rollout.errand?.kind, 'move');
  course.command('pause').answer();
  t.match(course.rollout, { phase: 'paused', pause: { from: 'holding', by: 'person' }, share: 0.01 });
  course.command('resume');
  t.match(course.rollout, { phase: 'holding', elapsedMs: 0 });
});

t.test('the last move that was under way when it was paused still verifies before it is watched', async (t) => {
  const course = new Course({ steps: [step(1)] }).answer().answer().command('pause').answer();
  t.match(course.rollout, { phase: 'paused', pause: { from: 'verifying' }, occasion: 'after', share: 1 });
  course.command('resume');
  t.match(course.rollout, { phase: 'verifying', errand: { kind: 'verify', occasion: 'after' } });
});

t.test('time does not pass while it is paused', async (t) => {
  const course = new Course()
    .until('holding')
    .tick(HOLD_MS - 1)
    .command('pause')
    .tick(1e9)
    .command('resume');
  t.match(course.rollout, { phase: 'holding', elapsedMs: HOLD_MS - 1 });
});

t.test('what is held back stays on the active pool during the bake, and is given at its end', async (t) => {
  const course = new Course({ steps: [step(0.5), step(1)], holdBack: 0.01 }).until('baking');
  t.equal(course.rollout.share, 0.99);
  course.tick(BAKE_MS);
  t.match(course.rollout, { phase: 'baking', errand: { kind: 'finish' } });
  const asked = course.rollout.errand;
  course.tick(1);
  t.equal(course.rollout.errand, asked, 'it is asked for once');
  course.answer('failed', 'no such pool').tick(1);
  t.match(course.rollout, { errand: { kind: 'finish' } }, 'it is tried again');
  course.answer();
  t.match(course.rollout, { phase: 'succeeded', share: 1 });
});

t.test(
  'a move that fails takes back what may have moved, and a way back that fails is tried at each tick',
  async (t) => {
    const course = new Course().answer().answer().answer('failed', 'the pool has left the file');
    t.match(course.rollout, { phase: 'rolling-back', ending: 'failed' });
    course.answer('failed', 'not yet').tick(100);
    t.match(course.rollout, { phase: 'rolling-back', errand: { kind: 'move-back' } });
    course.answer();
    t.equal(course.rollout.phase, 'failed');
  },
);

t.test('a freeze pauses it and ends by itself; the bake and the way back go on', async (t) => {
  const course = new Course().until('holding').tick(1000).tick(1, { frozen: 'Christmas' });
  t.match(course.rollout, { phase: 'paused', pause: { by: 'freeze' }, reason: 'frozen: Christmas' });
  course.tick(1e9, { frozen: 'Christmas' }).tick(0);
  t.match(course.rollout, { phase: 'holding', elapsedMs: 1000 });
  const baking = new Course().until('baking').tick(BAKE_MS, { frozen: 'Christmas' });
  t.equal(baking.rollout.phase, 'succeeded');
  const going = new Course({ onFreeze: 'continue' }).until('holding').tick(HOLD_MS, { frozen: 'Christmas' });
  t.match(going.rollout, { phase: 'stepping', step: 1 });
});

t.test('a freeze that is over does not undo the pause of a person', async (t) => {
  const course = new Course().until('holding').tick(1, { frozen: 'Christmas' }).command('pause').tick(1);
  t.match(course.rollout, { phase: 'paused', pause: { from: 'holding', by: 'person' } });
});

t.test('somebody who moves the gate supersedes it in every phase, and it moves nothing more', async (t) => {
  for (const phase of PHASES) {
    const course = at(phase);
    if (course === null) continue;
    const moves = course.moves().length;
    course.on({ kind: 'superseded', why: 'flipped by hand', share: 0 });
    t.match(course.rollout, { phase: 'superseded', errand: null }, phase);
    t.equal(course.moves().length, moves, phase);
  }
});

t.test('a pool that is lost ends it as failed, with the traffic back where it was', async (t) => {
  const course = new Course().until('holding').on({ kind: 'lost', why: 'green has left the file' }).answer();
  t.match(course.rollout, { phase: 'failed', share: 0 });
  t.same(course.moves(), [1, null]);
});

t.test('after a restart what was under way is asked for again, and nothing else has changed', async (t) => {
  for (const phase of PHASES) {
    const course = at(phase);
    if (course === null) continue;
    const kept = JSON.parse(JSON.stringify(course.rollout));
    t.same(kept, course.rollout, 'it is plain data');
    const again = course.try({ kind: 'restarted' });
    const { errand } = course.rollout;
    t.match(again, { ok: true, rollout: course.rollout });
    t.same(again.ok && again.effects, errand === null ? [] : [{ kind: 'run', errand }], phase);
  }
});

/** A rollout in this phase; null for its ends. */
export function at(phase: (typeof PHASES)[number]): Course | null {
  switch (phase) {
    case 'verifying':
      return new Course();
    case 'stepping':
      return new Course().answer();
    case 'holding':
    case 'baking':
      return new Course().until(phase);
    case 'awaiting-approval':
      return new Course({ steps: [step(0.1, { approve: true }), step(1)] }).until(phase);
    case 'paused':
      return new Course().until('holding').command('pause');
    case 'rolling-back':
      return new Course().until('holding').tick(1, { judgement: worse });
    default:
      return null;
  }
}

t.test('the judgement of time alone is enough where there is nothing to compare with', async (t) => {
  const judgement = { verdict: 'unjudged', sentence: '' } as const;
  const course = new Course({ steps: [step(1)] }).until('baking').tick(BAKE_MS, { judgement });
  t.match(course.rollout, { phase: 'succeeded', reason: 'the bake is over' });
});
