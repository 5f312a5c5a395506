/** One running rollout: errands, the queue of changes, looks that are kept, and going on after a restart. */
import t from 'tap';
import type { Look } from '../../../src/judge/look.ts';
import { replay } from '../../../src/judge/replay.ts';
import type { Command } from '../../../src/rollout/commands.ts';
import { step } from '../rollout/course-of.ts';
import { RunStage, settings, settled } from './run-stage.ts';

const UNVERIFIED = { verifyBefore: false, verifyAfter: false } as const;
const TWO_STEPS = { ...UNVERIFIED, steps: [step(0.1), step(1)] };

t.test('a step is taken, judged every tick, and kept with each error and each second', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  t.equal(stage.phase, 'holding');
  t.equal(stage.share, 0.1);
  const looks = (): number => stage.entries.filter(({ kind }) => kind === 'look').length;
  await stage.tick();
  t.equal(looks(), 1, 'the first look is kept');
  stage.count('active', 90);
  stage.count('candidate', 10);
  await stage.tick();
  t.equal(looks(), 1, 'good requests wait for the second to be over');
  stage.count('active', 1, 1);
  await stage.tick();
  t.equal(looks(), 2, 'an error does not');
  for (let ticks = 0; ticks < 10; ticks++) await stage.tick();
  t.equal(looks(), 3);
});

t.test('the tick that sees the evidence moves the gate back, with the sentence of the verdict', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  stage.count('active', 90);
  stage.count('candidate', 10, 4);
  await stage.tick();
  t.equal(stage.phase, 'rolled-back');
  t.same(stage.weights, { blue: 100, green: 0 });
  const { reason } = stage.run.record.rollout;
  t.match(reason, /^worse: 4 of 10 on green failed, 0 of 90 on blue/);
  t.equal(stage.moves.at(-1)?.note, reason);
  t.same(stage.endings, ['rolled-back']);
  const looks = stage.entries.flatMap((entry) => (entry.kind === 'look' ? [entry.look] : []));
  const again = replay(JSON.parse(JSON.stringify(looks)), settings());
  t.strictSame(again.verdicts.at(-1)?.verdict, stage.run.record.verdict, 'and the log alone repeats it');
});

t.test('the gate moves back before what is to be said of it goes to the disk, and then all of it does', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  stage.count('active', 90);
  stage.count('candidate', 10, 4);
  stage.isQuick = false;
  const written = () => stage.kept.length + stage.entries.length + stage.told.length;
  const before = written();
  await stage.tick();
  t.equal(stage.phase, 'rolling-back');
  t.equal(written(), before, 'nothing is written while the gate waits for its turn');
  const { turn } = stage.asked.at(-1)!;
  await turn();
  t.equal(stage.phase, 'rolled-back');
  const kinds = stage.entries.map((entry) => (entry.kind === 'told' ? entry.what : entry.kind));
  t.same(kinds.slice(-3), ['look', 'rolling-back', 'ended'], 'in its order');
  t.equal(stage.kept.at(-1)?.rollout.phase, 'rolled-back');
});

t.test('a rollback returns to where all steps began, one after it not to the candidate', async (t) => {
  const stage = new RunStage({ ...UNVERIFIED, steps: [step(0.1), step(0.5), step(1)] });
  await settled();
  stage.run.command('promote', 'ana');
  await settled();
  stage.run.command('promote', 'ana');
  await settled();
  t.same(
    stage.moves.map(({ previous }) => previous),
    [0, 1, 2].map(() => ({ blue: 100, green: 0 })),
  );
  stage.run.command('abort', 'ana');
  await settled();
  t.same(stage.moves.at(-1)?.previous, { blue: 0, green: 100 }, 'what it was before the rollout');
});

t.test('a move that waits for its turn is called off by whatever ends its purpose', async (t) => {
  const ways: Record<string, (stage: RunStage) => void> = {
    abort: (stage) => void stage.run.command('abort', 'ana'),
    superseded: (stage) => stage.run.superseded('flipped by bo', 0),
    lost: (stage) => stage.run.lost('green has left the file'),
    close: (stage) => stage.run.close(),
  };
  for (const [name, end] of Object.entries(ways)) {
    const stage = new RunStage({ ...TWO_STEPS, verifyBefore: true });
    stage.isQuick = false;
    await stage.verifications[0]!.answer(true, 'verified');
    t.equal(stage.asked.length, 1, name);
    end(stage);
    await stage.asked[0]!.turn();
    t.same(stage.moves, [], `${name}: green never had anything`);
    for (const { turn } of stage.asked.slice(1)) await turn();
    t.equal(stage.share, 0, name);
    t.match(stage.phase, /aborted|superseded|failed|stepping/, name);
  }
});

t.test('a promotion while the gate is about to move is refused, an abort then is not', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  stage.isQuick = false;
  await settled();
  t.match(stage.run.command('promote', 'ana'), { ok: false, code: 'moving' });
  t.match(stage.run.command('pause', 'ana'), { ok: true });
  await stage.asked[0]!.turn();
  t.equal(stage.phase, 'paused');
  t.equal(stage.share, 0.1, 'a move that was under way is not taken back by a pause');
  t.match(stage.run.command('abort', 'ana'), { ok: true });
  await settled();
  await stage.asked[1]!.turn();
  t.equal(stage.phase, 'aborted');
  t.equal(stage.share, 0);
});

t.test('a verification that is paused or ended asks nobody any more', async (t) => {
  for (const what of ['pause', 'abort'] as readonly Command[]) {
    const stage = new RunStage();
    t.equal(stage.verifications.length, 1);
    stage.run.command(what, 'ana');
    t.equal(stage.verifications[0]!.stop.aborted, true, what);
    await stage.verifications[0]!.answer(false, 'called off');
    t.equal(stage.phase, what === 'pause' ? 'paused' : 'aborted', 'its late answer means nothing');
  }
});

t.test('a rollback during the verification after the cutover does not wait for it', async (t) => {
  const stage = new RunStage({ steps: [step(1)], verifyBefore: false });
  await settled();
  t.equal(stage.phase, 'verifying');
  const receipt = await stage.run.takeBack('ana');
  t.same(receipt?.to, { blue: 100, green: 0 });
  t.equal(stage.phase, 'aborted');
  t.equal(stage.verifications[0]!.stop.aborted, true);
});

t.test('evidence during a verification after the cutover still turns it back', async (t) => {
  const stage = new RunStage({ steps: [step(0.5), step(1)], verifyBefore: false });
  await settled();
  await stage.tick();
  stage.run.command('promote', 'ana');
  await settled();
  t.equal(stage.phase, 'verifying');
  stage.count('candidate', 100, 60);
  await stage.tick();
  t.equal(stage.phase, 'rolled-back');
  t.match(stage.run.record.rollout.reason, /the ceiling is 20%/);
});

t.test('a move back that fails is tried again with each tick until it is done', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  stage.isQuick = false;
  stage.run.command('abort', 'ana');
  await settled();
  const receipt = stage.run.takeBack('bo');
  // As when the service is between two configs: nobody moves, and the errand fails.
  const { weights } = stage;
  stage.asked.length = 0;
  t.equal(stage.weights, weights);
  await stage.tick();
  t.equal(stage.phase, 'rolling-back');
  stage.run.close();
  t.equal(await receipt, null);
});

t.test('a lost pool that held everything leaves nothing to go back to, and the rollout ends', async (t) => {
  const stage = new RunStage({ ...UNVERIFIED, steps: [step(1)] });
  await settled();
  stage.pools = ['green'];
  stage.run.lost('the pool blue has left the file');
  await settled();
  t.equal(stage.phase, 'failed');
  t.match(stage.run.record.rollout.reason, /blue has left the file; there is nothing to go back to/);
  t.equal(stage.share, 1, 'and the traffic stays where it is');
});

t.test('a restart in the middle goes on with the counts of the position, and does not call them shrunk', async (t) => {
  const first = new RunStage(TWO_STEPS);
  await settled();
  await first.tick();
  first.count('active', 900, 2);
  first.count('candidate', 100, 2);
  await first.tick();
  const record = JSON.parse(JSON.stringify(first.kept.at(-1)!));
  first.run.close();

  const second = new RunStage(TWO_STEPS, record);
  second.elsewhere(first.weights);
  second.epoch = first.epoch;
  // What was routed before anybody looked belongs to the position as well.
  second.count('active', 90);
  second.count('candidate', 10, 1);
  second.run.resume();
  await second.tick();
  const errors = second.run.record.judge.signals[0]!;
  t.equal(errors.unknown, null);
  t.match(errors.evidence.epochs.at(-1), {
    epoch: first.epoch,
    share: 0.1,
    active: { requests: 990, events: [2] },
    candidate: { requests: 110, events: [3] },
  });
  t.equal(second.phase, 'holding');
  second.count('candidate', 4, 4);
  await second.tick();
  t.equal(second.phase, 'rolled-back', 'evidence of both processes together turns it back');
});

t.test('after a restart the errand that was open is done, a verification from its beginning', async (t) => {
  const first = new RunStage();
  const record = JSON.parse(JSON.stringify(first.kept.at(-1)!));
  const second = new RunStage({}, record);
  second.run.resume();
  t.equal(second.verifications.length, 1);
  await second.verifications[0]!.answer(true, 'verified');
  t.equal(second.share, 0.01);
});

t.test('a rollout that was going back when its candidate was edited away still comes back', async (t) => {
  const first = new RunStage(TWO_STEPS);
  await settled();
  first.isQuick = false;
  first.run.command('abort', 'ana');
  await settled();
  const record = JSON.parse(JSON.stringify(first.kept.at(-1)!));
  t.equal(record.rollout.phase, 'rolling-back');
  const second = new RunStage(TWO_STEPS, record);
  second.elsewhere(first.weights);
  second.run.resume();
  second.run.lost('green runs v3 now and not v2');
  await settled();
  t.equal(second.phase, 'aborted');
  t.equal(second.share, 0);
});

t.test('a ramp goes down a little each second, from where the gate stands, and a rollback cuts it short', async (t) => {
  const stage = new RunStage({ ...TWO_STEPS, rollbackOverMs: 10_000 });
  await settled();
  stage.elsewhere({ blue: 96, green: 4 });
  stage.run.command('abort', 'ana');
  await settled();
  t.equal(stage.share.toFixed(6), '0.036000');
  const receipt = await stage.run.takeBack('ana');
  t.same(receipt?.to, { blue: 100, green: 0 });
  t.equal(stage.phase, 'aborted');
});

t.test('a look that blames by latency is kept although no second is over; others leave no trace', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  const before = stage.run.record.judge;
  stage.count('candidate', 50);
  await stage.tick();
  t.equal(stage.run.record.judge, before);
});

t.test('a bad event between two ticks is looked at without one, and the evidence turns back there', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  const { record } = stage.run;
  const kept = stage.kept.length + stage.entries.length;
  stage.count('active', 90);
  stage.count('candidate', 10, 3);
  stage.run.lookEarly();
  t.equal(stage.run.record, record, 'a look that does not blame leaves no trace');
  t.equal(stage.kept.length + stage.entries.length, kept);
  stage.count('active', 1, 1);
  stage.run.lookEarly();
  t.equal(stage.run.record, record, 'one that nobody has asked for is none');
  stage.count('candidate', 2, 2);
  stage.run.lookEarly();
  await settled();
  t.equal(stage.phase, 'rolled-back');
  t.match(stage.run.record.rollout.reason, /^worse: 5 of 12 on green failed, 1 of 91 on blue/);
  t.equal(stage.run.record.ranMs, record.ranMs, 'and no time has passed');
  const looks = stage.entries.flatMap((entry) => (entry.kind === 'look' ? [entry.look] : []));
  const again = replay(JSON.parse(JSON.stringify(looks)), settings());
  t.strictSame(again.verdicts.at(-1)?.verdict, stage.run.record.verdict, 'the log alone repeats the verdict');
});

t.test('an early look leaves the readings of signals to the next tick', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  stage.hasNews = true;
  stage.count('candidate', 1, 1);
  stage.run.lookEarly();
  t.equal(stage.hasNews, true);
  await stage.tick();
  t.equal(stage.hasNews, false);
});

t.test('no early look before the first move, on the way back, or after the end', async (t) => {
  const stage = new RunStage({ ...TWO_STEPS, verifyBefore: true });
  stage.count('candidate', 10, 10);
  stage.run.lookEarly();
  t.equal(stage.phase, 'verifying');
  await stage.verifications[0]!.answer(true, 'verified');
  stage.isQuick = false;
  stage.run.command('abort', 'ana');
  await settled();
  stage.count('candidate', 10, 10);
  const { record } = stage.run;
  stage.run.lookEarly();
  t.equal(stage.run.record, record);
  await stage.asked.at(-1)!.turn();
  t.equal(stage.phase, 'aborted');
  stage.count('candidate', 10, 10);
  t.equal(stage.isRung, false, 'nobody watches any more');
});

t.test('a candidate that is over the ceiling alone, without evidence, waits for the tick', async (t) => {
  const stage = new RunStage({ ...UNVERIFIED, steps: [step(0.5), step(1)] });
  await settled();
  await stage.tick();
  stage.count('candidate', 60, 13);
  stage.count('active', 60, 5);
  const { record } = stage.run;
  stage.run.lookEarly();
  t.equal(stage.run.record, record, 'the ceiling is no test, and is not asked at moments that the events choose');
  await stage.tick();
  t.match(stage.run.record.rollout.reason, /the ceiling is 20%/);
});

t.test(
  'a confirmation that is waited for is kept each second, and a restart goes on with the time that was left',
  async (t) => {
    const stage = new RunStage(TWO_STEPS);
    await settled();
    t.same(stage.questions, [{ step: 0, askedMs: 0 }]);
    stage.isConfirmed = false;
    stage.run.command('promote', 'ana');
    t.same(stage.questions.at(-1), { step: 1, askedMs: 0 });
    for (let ticks = 0; ticks < 25; ticks++) await stage.tick();
    const { asked } = stage.kept.at(-1)!;
    t.ok(asked!.ms > 1500 && asked!.ms <= 2500, 'at most a second of it is lost');
    const after = new RunStage(TWO_STEPS, JSON.parse(JSON.stringify(stage.kept.at(-1))));
    after.isConfirmed = false;
    after.run.resume();
    t.same(after.questions, [{ step: 1, askedMs: asked!.ms }]);
    after.run.command('pause', 'ana');
    await after.tick();
    after.run.command('resume', 'ana');
    t.same(after.questions.at(-1), { step: 1, askedMs: 0 }, 'a question that a pause has ended is asked anew');
  },
);

t.test('the confirmation of a first step is kept too, before anybody was moved', async (t) => {
  const stage = new RunStage({ ...TWO_STEPS, verifyBefore: true });
  stage.isConfirmed = false;
  await stage.verifications[0]!.answer(true, 'verified');
  for (let ticks = 0; ticks < 12; ticks++) await stage.tick();
  t.equal(stage.kept.at(-1)?.asked?.ms, 1000);
});

t.test(
  'a candidate whose failures are excused stays, is judged anew, and the log says so and repeats the rest',
  async (t) => {
    const stage = new RunStage(TWO_STEPS);
    await settled();
    await stage.tick();
    stage.excuses.push('a flag is to blame');
    stage.count('active', 90);
    stage.count('candidate', 10, 4);
    await stage.tick();
    t.equal(stage.phase, 'holding');
    t.same(stage.entries.at(-1), { kind: 'anew', why: 'a flag is to blame' });
    await stage.tick(1000);
    t.match(stage.run.record.verdict, { kind: 'waiting' });
    stage.count('active', 50);
    stage.count('candidate', 12, 5);
    await stage.tick();
    t.equal(stage.phase, 'rolled-back');
    t.match(stage.run.record.rollout.reason, /^worse: 5 of 12 on green failed, 0 of 50 on blue/);
    const looks = stage.entries.flatMap((entry): (Look | 'anew')[] => {
      if (entry.kind === 'anew') return ['anew'];
      return entry.kind === 'look' ? [entry.look] : [];
    });
    const again = replay(JSON.parse(JSON.stringify(looks)), settings());
    t.strictSame(again.verdicts.at(-1)?.verdict, stage.run.record.verdict, 'the log alone repeats the verdict');
  },
);

t.test('an early look is excused as well as a tick, and a rollout that is over is not begun anew', async (t) => {
  const stage = new RunStage(TWO_STEPS);
  await settled();
  await stage.tick();
  stage.excuses.push('a flag is to blame');
  stage.count('active', 90);
  stage.count('candidate', 10, 6);
  stage.run.lookEarly();
  await settled();
  t.same([stage.phase, stage.entries.at(-1)?.kind], ['holding', 'anew']);
  stage.count('candidate', 10, 6);
  stage.run.lookEarly();
  await settled();
  t.equal(stage.phase, 'rolled-back');
  const { record } = stage.run;
  stage.run.startOver('too late');
  t.equal(stage.run.record, record);
});
