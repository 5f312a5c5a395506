/** What links do, and what they do not do any more, with rollouts that are in each phase. */
import t from 'tap';
import type { Config } from '../../../src/config/schema.ts';
import { LinkActions } from '../../../src/control/link-actions.ts';
import { type LinkClaim, sealLink } from '../../../src/control/links.ts';
import { NotifyStore } from '../../../src/control/notify-store.ts';
import type { Instruction, Receipt, Refusal, Weights } from '../../../src/control/operations.ts';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import type { Command } from '../../../src/rollout/commands.ts';
import { advance } from '../../../src/rollout/machine.ts';
import { hasEnded } from '../../../src/rollout/rollout.ts';
import { RECEIPT } from '../admin/scripted-operations.ts';
import { accept, SMALL } from '../config/texts.ts';
import { Course, step } from '../rollout/course-of.ts';

const SECRET = 'a secret of more than sixteen letters';
const NOW_S = 1_767_225_600;

/** A control plane with one rollout, which commands advance. */
class Plane {
  readonly commands: string[] = [];
  readonly returns: { readonly service: string; readonly weights: Weights; readonly instruction: Instruction }[] = [];
  readonly store: StateStore;
  readonly course: Course;
  id = 7;
  epoch = 12;
  nowS = NOW_S;
  isStopping = false;
  returned: Receipt | Refusal = RECEIPT;
  links: LinkActions;

  constructor(course: Course) {
    this.course = course;
    const opened = StateStore.open(':memory:');
    if (!opened.ok) throw new Error(opened.error);
    this.store = opened.value.store;
    this.links = this.begin();
  }

  /** Links as a process has them that has just started. */
  begin(): LinkActions {
    const notify = { webhooks: [], links: { baseUrl: 'http://a', secret: SECRET, ttlMs: 1 } };
    const config: Config = { ...accept(SMALL), notify };
    return new LinkActions({
      store: new NotifyStore(this.store),
      rollouts: () => ({ last: () => this.#record(), command: (_service, what, by) => this.#command(what, by) }),
      config: () => config,
      epochOf: () => this.epoch,
      returnTo: async (service, weights, instruction) => {
        this.returns.push({ service, weights, instruction });
        return this.returned;
      },
      isStopping: () => this.isStopping,
      now: () => this.nowS * 1000,
    });
  }

  token(action: LinkClaim['action'], rest: Partial<LinkClaim> = {}): string {
    const { step: at } = this.course.rollout;
    const claim = { action, service: 'shop', rollout: 7, step: at, epoch: 12, event: 1, expiresS: NOW_S + 60, ...rest };
    return sealLink(claim, SECRET);
  }

  #command(what: Command, by: string): RolloutRecord | Refusal {
    const next = advance(this.course.rollout, { kind: 'command', command: what, by });
    if (!next.ok) return { refused: true, code: next.code, message: next.message };
    this.commands.push(`${what} by ${by}`);
    this.course.rollout = next.rollout;
    return this.#record();
  }

  #record(): RolloutRecord {
    const { rollout } = this.course;
    const endedAt = hasEnded(rollout) ? '2026-01-01T00:00:00.000Z' : null;
    return { id: this.id, service: 'shop', version: 'v2', endedAt, rollout } as RolloutRecord;
  }
}

const PLAN = { steps: [step(0.1, { approve: true }), step(0.5), step(1)], verifyBefore: false, verifyAfter: false };

const holding = (): Course => new Course(PLAN).until('holding');
const awaiting = (): Course => new Course(PLAN).until('awaiting-approval');
const succeeded = (): Course => holding().command('promote-full').settle().command('promote').settle();

t.test('approving says first what it would do, does it once, and says who it was', async (t) => {
  const plane = new Plane(awaiting());
  const token = plane.token('approve');
  t.match(plane.links.look(token), {
    action: 'approve',
    text: 'Rollout 7 of shop goes on with step 2 of 3: green (v2) gets 50% of the traffic.',
    expiresAt: '2026-01-01T00:01:00.000Z',
  });
  t.same(plane.commands, [], 'looking does nothing');
  t.match(await plane.links.use(token, 'Anna'), { text: 'Approved: the next step is taken.' });
  t.same(plane.commands, ['approve by link (Anna)']);
  t.match(plane.links.look(token), { code: 'link-used' });
  t.match(await plane.links.use(token, ''), { code: 'link-used' });
  t.match(await plane.begin().use(token, ''), { code: 'link-used' }, 'a restart knows it too');
  t.equal(plane.commands.length, 1);
});

t.test('rolling back ends what runs, and the way back after a success goes to where it began', async (t) => {
  const running = new Plane(holding());
  t.match(running.links.look(running.token('rollback')), { text: /All its users go back to blue at once/ });
  t.match(await running.links.use(running.token('rollback'), ''), { text: 'Done: aborted by link.' });
  t.equal(running.course.rollout.phase, 'rolling-back');

  const early = new Plane(new Course(PLAN));
  t.match(early.links.look(early.token('rollback')), { text: /No user has reached green yet/ });

  const done = new Plane(succeeded());
  t.match(done.links.look(done.token('rollback')), { text: /returns to where it stood before rollout 7/ });
  t.match(await done.links.use(done.token('rollback'), ''), { text: 'Done: the users of shop are back on blue.' });
  t.match(done.returns, [
    { service: 'shop', weights: { blue: 100, green: 0 }, instruction: { by: 'link', ifEpoch: 12 } },
  ]);
});

t.test('two uses at the same moment are one', async (t) => {
  const plane = new Plane(succeeded());
  const token = plane.token('rollback');
  const answers = await Promise.all([plane.links.use(token, 'a'), plane.links.use(token, 'b')]);
  t.equal(answers.filter((answer) => 'refused' in answer).length, 1);
  t.equal(plane.returns.length, 1);
});

t.test('a use that was refused leaves the link as it was', async (t) => {
  const plane = new Plane(succeeded());
  plane.returned = { refused: true, code: 'stopping', message: 'later' };
  const token = plane.token('rollback');
  t.match(await plane.links.use(token, ''), { code: 'stopping' });
  plane.returned = RECEIPT;
  t.match(await plane.begin().use(token, ''), { text: /^Done/ });
});

t.test('what does not mean any more what the message meant does nothing', async (t) => {
  const refused = async (plane: Plane, token: string, code: string, words: RegExp, about: string) => {
    t.match(plane.links.look(token), { code, message: words }, about);
    t.match(await plane.links.use(token, ''), { code }, about);
    t.same([plane.commands, plane.returns], [[], []], about);
  };
  const other = new Plane(awaiting());
  other.id = 8;
  await refused(
    other,
    other.token('approve'),
    'link-stale',
    /Rollout 7 of shop is not the present one/,
    'another rollout',
  );
  const gone = new Plane(awaiting());
  await refused(gone, gone.token('approve', { service: 'cart', rollout: 9 }), 'link-stale', /not the present/, 'gone');
  const early = new Plane(holding());
  await refused(early, early.token('approve'), 'link-stale', /waits for nobody; it is holding/, 'it does not wait yet');
  const elsewhere = new Plane(awaiting());
  await refused(elsewhere, elsewhere.token('approve', { step: 1 }), 'link-stale', /waits for nobody/, 'another step');
  const moved = new Plane(succeeded());
  moved.epoch = 13;
  await refused(moved, moved.token('rollback'), 'link-stale', /traffic has moved since/, 'moved since');
  const back = new Plane(holding().command('abort'));
  await refused(back, back.token('rollback'), 'link-stale', /is going back already: aborted by ana/, 'going back');
  const ended = new Plane(holding().command('abort').settle());
  await refused(ended, ended.token('rollback'), 'link-stale', /has ended: aborted/, 'ended');
  const late = new Plane(awaiting());
  late.nowS = NOW_S + 60;
  await refused(late, late.token('approve'), 'link-expired', /has expired/, 'expired');
  const forged = new Plane(awaiting());
  await refused(forged, `${forged.token('approve')}A`, 'bad-link', /is not one of ours/, 'forged');
});

t.test('a paused rollout that waits for approval can be approved all the same', async (t) => {
  const plane = new Plane(awaiting().command('pause'));
  t.match(await plane.links.use(plane.token('approve'), ''), { text: /^Approved/ });
});

t.test('a state file that takes nothing is no reason to refuse, and the process knows what was used', async (t) => {
  const plane = new Plane(holding());
  plane.store.close();
  const token = plane.token('rollback');
  t.match(await plane.links.use(token, ''), { text: /^Done/ });
  t.match(await plane.links.use(token, ''), { code: 'link-used' });
});

t.test('nothing is done while Tidegate stops', async (t) => {
  const plane = new Plane(holding());
  plane.isStopping = true;
  t.match(await plane.links.use(plane.token('rollback'), ''), { code: 'stopping' });
  t.same(plane.commands, []);
});
