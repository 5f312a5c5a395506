/** Flags that the steps of a service's rollout set, and what becomes of them. */
import t from 'tap';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import { StepFlags } from '../../../src/control/step-flags.ts';
import type { Plan } from '../../../src/rollout/plan.ts';
import { step } from '../rollout/course-of.ts';
import { ANN, done, FlagStage, flagConfig } from './flag-stage.ts';
import { RunStage, settled } from './run-stage.ts';

const PLAN: Partial<Plan> = {
  verifyBefore: false,
  verifyAfter: false,
  steps: [
    step(0.05, { flags: { checkout: 0.1 } }),
    step(0.5, { flags: { checkout: 0.4, dark: 1 } }),
    step(0.8),
    step(1),
  ],
};
const FLAGS = ['checkout: { strategy: percentage, value: 2 }', 'dark: { strategy: percentage, value: 0 }'];

class Both {
  readonly flags: FlagStage;
  readonly rolling = new Set<string>();
  /** Rollouts of other services that run. */
  readonly others: Pick<RolloutRecord, 'id' | 'service'>[] = [];
  readonly stepFlags = new StepFlags({
    flags: {
      entry: (name) => this.flags.flags.entry(name),
      moveShare: (...move) => this.flags.flags.moveShare(...move),
    },
    isRolling: (flag) => this.rolling.has(flag),
    running: () => this.others,
    inTurn: (work) => work(),
  });
  readonly run: RunStage;

  /** `flags` have been set up by the test; of its own unless given. */
  constructor(flags = new FlagStage()) {
    this.flags = flags;
    if (flags.flags.entry('dark') === undefined) flags.apply(flagConfig(...FLAGS));
    this.run = new RunStage(PLAN, null, this.stepFlags);
  }

  async command(command: Parameters<RunStage['run']['command']>[0]): Promise<void> {
    this.run.run.command(command, 'bob');
    await settled();
  }

  get shares(): readonly (number | null)[] {
    return ['checkout', 'dark'].map((flag) => done(this.flags.flags.get(flag)).share);
  }

  get reason(): string {
    return this.run.run.record.rollout.reason;
  }
}

t.test('a step sets its flags once its move has been made, and says so in its event', async (t) => {
  const both = new Both();
  await settled();
  t.same(both.shares, [10, 0]);
  t.equal(both.run.told.at(-1), 'step: step 1 of 4: green has 5%, checkout has 10%');
  const [receipt] = done(both.flags.flags.history('checkout'));
  t.match(receipt, { how: 'rollout', by: 'rollout 7 of shop' });
  await both.command('promote');
  t.same(both.shares, [40, 100]);
  t.equal(both.reason, 'step 2 of 4: green has 50%, checkout has 40%, dark has 100%');
  await both.command('promote');
  t.same(both.shares, [40, 100], 'a step that says nothing leaves them');
  t.equal(both.reason, 'step 3 of 4: green has 80%');
});

t.test('they go back with the rollout, and stay with a success', async (t) => {
  const back = new Both();
  await settled();
  await back.command('promote');
  await back.command('abort');
  t.same(back.shares, [2, 0]);
  t.equal(back.run.told.at(-1), 'ended: aborted by bob; checkout has 2%, dark has 0%');
  const full = new Both();
  await settled();
  await full.command('promote-full');
  t.same(full.shares, [40, 100], 'whoever promotes past a step has its flags too');
  await full.command('promote');
  t.equal(full.run.phase, 'succeeded');
  t.same(full.shares, [40, 100]);
});

t.test('what somebody says of a flag meanwhile is overwritten neither on the way nor on the way back', async (t) => {
  const both = new Both();
  await settled();
  await both.flags.set('checkout', { value: 7 });
  await both.command('promote');
  t.same(both.shares, [7, 100]);
  t.equal(both.reason, 'step 2 of 4: green has 50%, checkout is left alone: set by ann meanwhile, dark has 100%');
  await both.flags.flags.kill('dark', ANN);
  await both.command('abort');
  t.same(both.shares, [7, 100]);
  t.equal(
    both.reason,
    'aborted by bob; checkout is left alone: set by ann meanwhile, dark is left alone: kill by ann meanwhile',
  );
});

t.test('a flag that is killed, gone or rolled out by itself is left alone', async (t) => {
  const both = new Both();
  await settled();
  both.flags.apply(flagConfig('checkout: { strategy: percentage, value: 2 }'));
  both.rolling.add('checkout');
  await both.command('promote');
  t.equal(
    both.reason,
    'step 2 of 4: green has 50%, checkout is left alone: it is rolled out by itself, dark is left alone: there is no such flag any more',
  );
  t.equal(done(both.flags.flags.get('checkout')).share, 10);
});

t.test(
  "a flag that another running rollout has set is that one's until it ends, and stays on for neither",
  async (t) => {
    const asCart = { by: 'rollout 6 of cart', reason: '', ifEpoch: null };
    const flags = new FlagStage();
    flags.apply(flagConfig(...FLAGS));
    done(await flags.flags.moveShare('checkout', 30, asCart));
    const later = new Both(flags);
    later.others.push({ id: 6, service: 'cart' });
    await settled();
    t.same(later.shares, [30, 0]);
    t.equal(later.reason, 'step 1 of 4: green has 5%, checkout is left alone: rollout 6 of cart has set it');
    await later.command('promote');
    t.same(later.shares, [30, 100]);
    done(await flags.flags.moveShare('checkout', 2, asCart));
    later.others.pop();
    await later.command('promote');
    t.same(later.shares, [40, 100], 'when that one has ended, it is set with the next step');
    await later.command('abort');
    t.same(later.shares, [2, 0], 'and goes back to where it was before both');
  },
);

t.test(
  'a kill -9 between a flag and the record is made good: the step is taken again, and the way back is the first',
  async (t) => {
    const before = new Both();
    before.run.isQuick = false;
    await settled();
    const left = JSON.parse(JSON.stringify(before.run.kept.at(-1))) as RolloutRecord;
    t.match(left, { rollout: { errand: { kind: 'move' } }, flagsBefore: { checkout: { share: 2_000 } } });
    // The flag was set, and its rollout did not live to hear of it.
    done(await before.flags.flags.moveShare('checkout', 10, { by: 'rollout 7 of shop', reason: '', ifEpoch: null }));
    before.run.run.close();
    const again = new RunStage(PLAN, left, before.stepFlags);
    again.run.resume();
    await settled();
    t.equal(again.phase, 'holding');
    again.run.command('abort', 'bob');
    await settled();
    t.same(before.shares, [2, 0]);
  },
);
