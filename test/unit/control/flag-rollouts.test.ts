/** Rollouts of flags: the share moves along a plan, and whatever is said of the flag meanwhile comes first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { turnBy } from '../../../src/control/flag-instruction.ts';
import { judgementOfFlag } from '../../../src/control/flag-judgement.ts';
import { isRefusal } from '../../../src/control/operations.ts';
import { FlagRolloutStage, guardWord, PLANNED } from './flag-rollout-stage.ts';
import { ANN, done, flagConfig } from './flag-stage.ts';
import { settled } from './run-stage.ts';

t.test('the share of a flag is raised step by step, each for its hold, and stays when it has succeeded', async (t) => {
  const stage = new FlagRolloutStage();
  const begun = await stage.start();
  t.match(begun, {
    service: 'flag checkout',
    flag: 'checkout',
    active: 'control',
    candidate: 'treatment',
    share: 0.01,
  });
  t.same(stage.where(), ['holding', 5]);
  t.equal(done(stage.releases.view('checkout')).unjudged, 'without a guard, nothing is judged');
  await stage.pass(9);
  t.same(stage.where(), ['holding', 5]);
  await stage.pass(1);
  t.same(stage.where(), ['holding', 50]);
  await stage.pass(10);
  t.same(stage.where(), ['baking', 100]);
  await stage.pass(15);
  t.same(stage.where(), ['succeeded', 100]);
  const moves = done(stage.stage.flags.history('checkout')).filter(({ how }) => how === 'rollout');
  t.same(
    moves.map(({ to }) => to?.share),
    [100, 50, 5],
    'the history of the flag has each step',
  );
  t.match(moves[2], { by: 'rollout 1', reason: /^control to treatment, canary, started by ana/ });
  const told = stage.stage.told.filter(({ kind }) => kind === 'rollout');
  t.equal(told[0]?.text, 'flag checkout: control to treatment, canary, started by ana');
  t.match(told.at(-1), {
    service: null,
    data: { what: 'ended', phase: 'succeeded', flag: 'checkout', services: ['shop'], share: 1 },
  });
  t.match(stage.rollouts.figures(), [{ flag: 'checkout', phase: 'succeeded', outcomes: { succeeded: 1 } }]);
});

t.test('a flag shows its rollout while it runs, and so does the list of all that run', async (t) => {
  const stage = new FlagRolloutStage();
  const shown = () => done(stage.stage.flags.get('checkout')).rollout;
  t.equal(shown(), undefined);
  t.same(stage.releases.running(), []);
  await stage.start();
  await stage.pass(2);
  const glance = { id: 1, phase: 'holding', step: 1, steps: 3, share: 0.05, elapsedMs: 120_000, untilMs: 600_000 };
  t.match(shown(), glance);
  t.match(stage.releases.running(), [{ flag: 'checkout', ...glance }]);
  await stage.command('abort');
  t.equal(shown(), undefined);
  t.same(stage.releases.running(), []);
});

t.test('aborted, it gives the share back that the flag had before', async (t) => {
  const stage = new FlagRolloutStage();
  await stage.start();
  await stage.pass(10);
  t.same(stage.where(), ['holding', 50]);
  await stage.command('abort');
  t.same(stage.where(), ['aborted', 1]);
  t.equal(stage.record().rollout.share, 0.01);
  t.match(stage.stage.stand('checkout'), { share: 1, asInFile: true }, 'which is what the file says');
});

t.test('steps that a flag has passed are left out, so that nobody loses it on the way', async (t) => {
  const stage = new FlagRolloutStage([
    'checkout: { strategy: percentage, value: 50, rollout: { steps: [5%, { weight: 50%, approve: true }, 80%, 100%], holdBack: 60% } }',
  ]);
  await stage.start();
  t.same(
    stage.record().rollout.plan.steps.map(({ share }) => share),
    [0.5, 0.8, 1],
    'one that waits for an approval is not passed by being there',
  );
  t.equal(stage.record().rollout.plan.holdBack, 0.5, 'nor is anything held back of what it is on for');
});

t.test('a flag whose share cannot be moved is not rolled out, and the reason is said', async (t) => {
  const stage = new FlagRolloutStage([
    'all: { strategy: all }',
    'ramp: { strategy: percentage, ramp: { from: 1, to: 2, start: 2026-12-01T00:00:00Z, over: 1h } }',
    'full: { strategy: percentage, value: 100 }',
    'dead: { strategy: percentage, value: 1 }',
    'fine: { strategy: percentage, value: 1 }',
  ]);
  await stage.stage.flags.kill('dead', ANN);
  const refused = (flag: string, order: object = {}, ifEpoch: number | null = null) => {
    const answer = stage.releases.start(flag, { again: false, ...order }, { ...ANN, ifEpoch });
    return isRefusal(answer) ? `${answer.code}: ${answer.message}` : 'begun';
  };
  t.match(refused('none'), 'unknown-flag: there is no flag none');
  t.match(refused('all'), 'no-share: all has no share that could be moved: its strategy is all');
  t.match(refused('ramp'), 'no-share: ramp has a ramp');
  t.match(refused('full'), 'already-active: full is on for all keys already');
  t.match(refused('dead'), 'flag-killed: dead is killed');
  t.match(refused('fine', { steps: [0.5] }), 'bad-plan: the last step must be 100%');
  t.match(refused('fine', { steps: [0.123456, 1] }), 'bad-plan: shares have steps of 0.001%');
  t.match(refused('fine', {}, 7), 'revision-mismatch: fine is at revision 1 and not at 7');
  stage.frozen = 'Christmas';
  t.match(refused('fine'), 'frozen: nothing is started now: Christmas');
  stage.frozen = null;
  t.equal(refused('fine'), 'begun');
  t.match(refused('fine'), 'running: a rollout to treatment is');
});

t.test('whatever is said of a flag meanwhile is the last explicit instruction', async (t) => {
  const cases: readonly [
    title: string,
    say: (stage: FlagRolloutStage) => Promise<unknown>,
    ends: string,
    reason: RegExp,
    stands: { readonly share?: number | null; readonly killed?: boolean },
  ][] = [
    [
      'set',
      (s) => s.stage.set('checkout', { value: 20 }),
      'superseded',
      /^checkout was set by ann \(why not\)$/,
      { share: 20 },
    ],
    [
      'another strategy',
      (s) => s.stage.set('checkout', { strategy: 'all' }),
      'superseded',
      /set by ann/,
      { share: null },
    ],
    [
      'import',
      (s) => s.stage.flags.import([{ name: 'checkout', definition: { strategy: 'percentage', value: 7 } }], ANN),
      'superseded',
      /imported by ann/,
      { share: 7 },
    ],
    [
      'the file',
      async (s) => s.stage.apply(flagConfig('checkout: { strategy: percentage, value: 9 }')),
      'superseded',
      /the file says something else of checkout/,
      { share: 9 },
    ],
    [
      'kill',
      (s) => s.stage.flags.kill('checkout', ANN),
      'aborted',
      /^aborted by a kill of ann \(why not\)/,
      { share: 1, killed: true },
    ],
  ];
  for (const [title, say, ends, reason, stands] of cases) {
    await t.test(title, async (t) => {
      const stage = new FlagRolloutStage();
      await stage.start();
      await say(stage);
      await settled();
      const { phase, reason: why } = stage.record().rollout;
      t.equal(phase, ends);
      t.match(why, reason);
      t.match(stage.stage.stand('checkout'), stands);
      await stage.pass(30);
      t.match(stage.stage.stand('checkout'), stands, 'and it stays so');
    });
  }
});

t.test('an edit of the rollout in the file is for the next start, and no instruction', async (t) => {
  const stage = new FlagRolloutStage();
  await stage.start();
  const edited = flagConfig('checkout: { strategy: percentage, value: 1, rollout: { steps: [10%, 100%], hold: 1m } }');
  stage.stage.apply(edited);
  t.same(stage.where(), ['holding', 5]);
  await stage.command('abort');
  await stage.start();
  t.same(stage.where(), ['holding', 10]);
  const said = await stage.stage.set('checkout', { rollout: { steps: ['2%', '100%'] } });
  t.match(said, { refused: true, code: 'flag-in-file' }, 'a call cannot say it of a flag of the file');
});

t.test('whoever changes nothing but the words about a flag does not end its rollout', async (t) => {
  const stage = new FlagRolloutStage([]);
  const rollout = { steps: ['20%', '60%', '100%'], hold: '5m' };
  done(await stage.stage.set('late', { strategy: 'percentage', value: 0, rollout }));
  await stage.start({}, 'late');
  done(await stage.stage.set('late', { description: 'the late one' }));
  done(await stage.stage.set('late', { rollout: { ...rollout, hold: '1m' } }));
  await stage.pass(5);
  t.same(stage.where('late'), ['holding', 60], 'it goes on as it was begun');
  done(await stage.stage.set('late', { value: 60 }));
  t.same(stage.where('late'), ['superseded', 60], 'who says the share that it has means that share');
});

t.test('a flag that was made at run time is rolled out as was said then', async (t) => {
  const stage = new FlagRolloutStage([]);
  const rollout = { steps: ['20%', '100%'], hold: '1m', bake: '0s' };
  done(await stage.stage.set('late', { strategy: 'percentage', value: 0, rollout }));
  await stage.start({}, 'late');
  t.same(stage.where('late'), ['holding', 20]);
  await stage.pass(2);
  t.same(stage.where('late'), ['succeeded', 100]);
});

t.test('a flag that is removed takes its rollout with it, and what happened is kept', async (t) => {
  const stage = new FlagRolloutStage([]);
  done(await stage.stage.set('late', { strategy: 'percentage', value: 0 }));
  await stage.start({}, 'late');
  done(await stage.stage.flags.remove('late', ANN));
  await settled();
  t.match(stage.releases.view('late'), { refused: true, code: 'unknown-flag' });
  t.same(stage.rollouts.figures(), [], 'a series exists for what there is');
  const ended = stage.stage.told.filter(({ kind }) => kind === 'rollout').at(-1);
  t.match(ended, { text: 'flag late: late was removed by ann (why not)', data: { phase: 'superseded' } });
});

t.test('the guard of a flag decides where there is one', async (t) => {
  const cases = [
    { says: guardWord('waiting'), share: 5, unjudged: null, title: 'waiting without a request waits on' },
    { says: guardWord('healthy'), share: 50, unjudged: null, title: 'healthy goes on' },
    { says: guardWord('halt'), share: 5, unjudged: null, title: 'both arms in trouble: time stands still' },
    {
      says: guardWord('waiting', { dryRun: true }),
      share: 50,
      unjudged: 'its guard is a dry run',
      title: 'a dry run holds nobody up',
    },
    {
      says: guardWord('waiting', { rests: 'no route names it' }),
      share: 50,
      unjudged: 'its guard rests: no route names it',
      title: 'a guard that rests holds nobody up',
    },
  ];
  for (const { says, share, unjudged, title } of cases) {
    const stage = new FlagRolloutStage();
    stage.guard = says;
    await stage.start();
    await stage.pass(12);
    t.same(stage.where(), ['holding', share], title);
    const view = done(stage.releases.view('checkout'));
    t.equal(view.unjudged, unjudged);
    t.equal(view.verdict?.sentence, says.verdict.sentence, 'and its verdict is shown');
  }
});

t.test('worse takes the share back, and only a flag that says something else is started again', async (t) => {
  const stage = new FlagRolloutStage();
  await stage.start();
  await stage.pass(10);
  stage.guard = guardWord('worse');
  await stage.pass(1);
  t.same(stage.where(), ['rolled-back', 1]);
  t.equal(stage.record().rollout.reason, 'worse, it says');
  t.match(stage.releases.start('checkout', { again: false }, ANN), {
    refused: true,
    code: 'rolled-back-before',
    message: 'what checkout says was rolled back the last time: worse, it says; say --again to start it all the same',
  });
  await stage.stage.set('checkout', { on: false, off: true });
  stage.guard = null;
  await stage.start();
  t.same(stage.where(), ['holding', 5]);
});

t.test('a flag that its guard has killed is worse, with the reason of the kill', (t) => {
  const since = { at: '', by: 'guard', how: 'guard', reason: '4 of 10 failed' } as const;
  t.same(judgementOfFlag({ killed: true, since }, null, false), {
    verdict: 'worse',
    sentence: 'killed by its guard: 4 of 10 failed',
  });
  t.same(turnBy({ flag: 'checkout', ...since }), { kind: 'judged' });
  t.same(turnBy({ flag: 'checkout', ...since, how: 'restore' }), { kind: 'none' });
  t.end();
});

t.test('who cannot tell when the time is over pauses, if the treatment was met at all', async (t) => {
  const stage = new FlagRolloutStage();
  const { verdict } = guardWord('waiting');
  const counts = { candidate: { requests: 3, bad: 0 }, active: { requests: 3, bad: 0 } };
  const signal = { kind: 'compared', name: 'errors', acts: true, numbers: { counts } };
  stage.guard = guardWord('waiting', {
    verdict: { ...verdict, signals: [signal] as unknown as typeof verdict.signals },
  });
  await stage.start();
  await stage.pass(11);
  t.same(stage.where(), ['paused', 5]);
  t.equal(done(stage.releases.view('checkout')).pausedBy, 'inconclusive');
  await stage.command('promote');
  t.same(stage.where(), ['holding', 50]);
});

t.test('a step goes on when the treatment has had its requests, as the guard counts them', async (t) => {
  const steps = '[{ weight: 5%, minRequests: 100 }, { weight: 20%, approve: true }, 100%]';
  const stage = new FlagRolloutStage([
    `checkout: { strategy: percentage, value: 1, guard: {}, rollout: { steps: ${steps}, minRequests: 7, hold: 1m } }`,
  ]);
  const counted = new Map<number, number>();
  stage.guard = guardWord('healthy', { requestsAt: (slot) => counted.get(slot) ?? 0 });
  const slot = () => stage.stage.flags.entry('checkout')!.slot;
  counted.set(slot(), 500);
  await stage.start();
  await stage.pass(3);
  t.same(stage.where(), ['holding', 5], 'what came before the step is not counted');
  t.equal(stage.record().rollout.reason, 'the hold of step 1 is over, but treatment has had 0 of 100 requests');
  counted.set(slot(), 100);
  await stage.pass(1);
  t.same(stage.where(), ['holding', 20]);
  counted.set(slot(), 6);
  await stage.pass(3);
  t.same(stage.where(), ['holding', 20], 'a step that says nothing has the number of the rollout');
  counted.set(slot(), 7);
  await stage.pass(1);
  t.same(stage.where(), ['awaiting-approval', 20]);
});

t.test('the commands of services steer it', async (t) => {
  const stage = new FlagRolloutStage([
    'checkout: { strategy: percentage, value: 1, rollout: { steps: [{ weight: 5%, approve: true }, 50%, 100%], hold: 1m } }',
  ]);
  await stage.start();
  await stage.pass(1);
  t.same(stage.where(), ['awaiting-approval', 5]);
  await stage.command('approve');
  t.same(stage.where(), ['holding', 50]);
  await stage.command('pause');
  await stage.pass(5);
  t.same(stage.where(), ['paused', 50]);
  await stage.command('resume');
  stage.frozen = 'Christmas';
  await stage.pass(1);
  t.same(stage.where(), ['paused', 50]);
  stage.frozen = null;
  await stage.pass(1);
  await stage.command('promote-full');
  t.same(stage.where(), ['baking', 100]);
  await stage.command('promote');
  t.same(stage.where(), ['succeeded', 100]);
  t.match(await stage.command('abort'), { refused: true, code: 'no-rollout' });
  t.equal(done(stage.releases.history('checkout', 5)).length, 1);
});

t.test('a restart goes on where it was, and finds what was said of the flag before it was read back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  let count = 0;
  const left = async (): Promise<{ readonly path: string; readonly stage: FlagRolloutStage }> => {
    count += 1;
    const path = join(folder, `${count}.db`);
    const stage = new FlagRolloutStage([PLANNED], path);
    await stage.start();
    await stage.pass(10);
    t.same(stage.where(), ['holding', 50]);
    return { path, stage };
  };
  const again = async (
    path: string,
    stage: FlagRolloutStage,
    ...flags: readonly string[]
  ): Promise<FlagRolloutStage> => {
    stage.rollouts.close();
    stage.stage.store.close();
    const next = new FlagRolloutStage(flags.length === 0 ? [PLANNED] : flags, path);
    await settled();
    return next;
  };
  const one = await left();
  const goesOn = await again(one.path, one.stage);
  t.same(goesOn.where(), ['holding', 50]);
  await goesOn.pass(25);
  t.same(goesOn.where(), ['succeeded', 100]);

  const two = await left();
  const edited = await again(two.path, two.stage, 'checkout: { strategy: percentage, value: 3 }');
  t.same(edited.where(), ['superseded', 3], 'the file was edited while nobody looked');

  const three = await left();
  three.stage.rollouts.close();
  await three.stage.stage.flags.kill('checkout', ANN);
  const killed = await again(three.path, three.stage);
  t.same(killed.where(), ['aborted', 1], 'a kill came between the two');

  const four = await left();
  four.stage.rollouts.close();
  await four.stage.stage.set('checkout', { value: 33 });
  const moved = await again(four.path, four.stage);
  t.same(moved.where(), ['superseded', 33], 'and so did a set');

  const five = await left();
  const gone = await again(five.path, five.stage, 'other: { strategy: all }');
  t.same(gone.rollouts.figures(), [], 'it was taken out of the file: a series exists for what there is');
  t.match(gone.releases.view('checkout'), { refused: true, code: 'unknown-flag' });
});
