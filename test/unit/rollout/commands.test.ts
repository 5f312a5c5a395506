import t from 'tap';
import { COMMANDS, type Command } from '../../../src/rollout/commands.ts';
import { advance } from '../../../src/rollout/machine.ts';
import { PHASES, type Phase } from '../../../src/rollout/rollout.ts';
import { Course, step, worse } from './course-of.ts';

const TWO = [step(0.1, { approve: true }), step(0.5), step(1)];

/** Each place that a rollout can be in when a command comes. */
const places: readonly (readonly [place: string, phase: Phase, make: () => Course])[] = [
  ['verifying', 'verifying', () => new Course({ steps: TWO })],
  ['asking', 'stepping', () => new Course({ steps: TWO }).answer()],
  ['moving', 'stepping', () => new Course({ steps: TWO }).answer().answer()],
  ['holding', 'holding', () => new Course({ steps: TWO }).until('holding')],
  ['awaiting', 'awaiting-approval', () => new Course({ steps: TWO }).until('awaiting-approval')],
  ['paused verifying', 'paused', () => new Course({ steps: TWO }).command('pause')],
  ['paused asking', 'paused', () => new Course({ steps: TWO }).answer().command('pause')],
  ['paused moving', 'paused', () => new Course({ steps: TWO }).answer().answer().command('pause')],
  ['paused holding', 'paused', () => new Course({ steps: TWO }).until('holding').command('pause')],
  ['paused awaiting', 'paused', () => new Course({ steps: TWO }).until('awaiting-approval').command('pause')],
  [
    'paused baking',
    'paused',
    () => new Course({ steps: TWO }).until('holding').command('promote-full').settle().command('pause'),
  ],
  ['inconclusive', 'paused', () => inconclusive()],
  ['frozen', 'paused', () => new Course({ steps: TWO }).until('holding').tick(1, { frozen: 'Christmas' })],
  ['verifying after', 'verifying', () => lastMoved()],
  ['baking', 'baking', () => lastMoved().answer()],
  ['finishing', 'baking', () => finishing()],
  ['joining', 'stepping', () => new Course({ steps: TWO, verifyBefore: false }, 0).answer()],
  ['joining last', 'stepping', () => new Course({ steps: TWO }, 0).until('holding').command('promote-full')],
  ['asking bonded', 'stepping', () => new Course({ steps: TWO, verifyBefore: false }, 0)],
  ['joining end', 'baking', () => new Course({ steps: [step(1)] }, 0).until('baking').tick(1e9)],
  ['parted', 'paused', () => new Course({ steps: TWO }, 0).until('holding').on({ kind: 'parted', why: 'cart left' })],
  ['rolling back', 'rolling-back', () => new Course({ steps: TWO }).until('holding').tick(1, { judgement: worse })],
  ['succeeded', 'succeeded', () => lastMoved().until('succeeded')],
  ['rolled back', 'rolled-back', () => new Course().until('holding').tick(1, { judgement: worse }).settle()],
  ['aborted', 'aborted', () => new Course().until('holding').command('abort').settle()],
  ['superseded', 'superseded', () => new Course().on({ kind: 'superseded', why: 'flipped', share: 1 })],
  ['failed', 'failed', () => new Course().answer('failed', 'no')],
];

function inconclusive(): Course {
  const judgement = { verdict: 'inconclusive', sentence: 'too few' } as const;
  return new Course({ steps: TWO }).until('holding').tick(1e9, { judgement });
}

function lastMoved(): Course {
  return new Course({ steps: TWO }).until('holding').command('promote-full').answer();
}

function finishing(): Course {
  return new Course({ steps: [step(1)], holdBack: 0.1 }).until('baking').tick(1e9);
}

/** What each command does: the phase and step that follow, or the code of the refusal. */
const table: Readonly<Record<string, readonly string[]>> = {
  //                  promote          promote-full     pause            resume           approve                  abort
  verifying: ['verifying', 'verifying', 'paused 0', 'not-paused', 'not-awaiting-approval', 'aborted 0'],
  asking: ['stepping 0', 'stepping 2', 'paused 0', 'not-paused', 'not-awaiting-approval', 'aborted 0'],
  moving: ['moving', 'moving', 'paused 0', 'not-paused', 'moving', 'rolling-back 0'],
  holding: ['stepping 1', 'stepping 2', 'paused 0', 'not-paused', 'not-awaiting-approval', 'rolling-back 0'],
  awaiting: ['stepping 1', 'stepping 2', 'paused 0', 'not-paused', 'stepping 1', 'rolling-back 0'],
  'paused verifying': ['verifying', 'verifying', 'already-paused', 'verifying 0', 'not-awaiting-approval', 'aborted 0'],
  'paused asking': ['stepping 0', 'stepping 2', 'already-paused', 'stepping 0', 'not-awaiting-approval', 'aborted 0'],
  'paused moving': ['moving', 'moving', 'already-paused', 'stepping 0', 'moving', 'rolling-back 0'],
  'paused holding': [
    'stepping 1',
    'stepping 2',
    'already-paused',
    'holding 0',
    'not-awaiting-approval',
    'rolling-back 0',
  ],
  'paused awaiting': [
    'stepping 1',
    'stepping 2',
    'already-paused',
    'awaiting-approval 0',
    'stepping 1',
    'rolling-back 0',
  ],
  'paused baking': [
    'succeeded 2',
    'succeeded 2',
    'already-paused',
    'baking 2',
    'not-awaiting-approval',
    'rolling-back 2',
  ],
  inconclusive: ['stepping 1', 'stepping 2', 'paused 0', 'holding 0', 'not-awaiting-approval', 'rolling-back 0'],
  frozen: ['frozen', 'frozen', 'paused 0', 'frozen', 'frozen', 'rolling-back 0'],
  'verifying after': ['verifying', 'verifying', 'paused 2', 'not-paused', 'not-awaiting-approval', 'rolling-back 2'],
  baking: ['succeeded 2', 'succeeded 2', 'paused 2', 'not-paused', 'not-awaiting-approval', 'rolling-back 2'],
  finishing: ['moving', 'moving', 'paused 0', 'not-paused', 'moving', 'rolling-back 0'],
  joining: ['waiting-for-group', 'stepping 2', 'paused 0', 'not-paused', 'not-awaiting-approval', 'aborted 0'],
  'joining last': [
    'waiting-for-group',
    'waiting-for-group',
    'paused 2',
    'not-paused',
    'not-awaiting-approval',
    'rolling-back 2',
  ],
  'asking bonded': ['stepping 0', 'stepping 2', 'paused 0', 'not-paused', 'not-awaiting-approval', 'aborted 0'],
  'joining end': [
    'waiting-for-group',
    'waiting-for-group',
    'paused 0',
    'not-paused',
    'not-awaiting-approval',
    'rolling-back 0',
  ],
  parted: ['stepping 1', 'stepping 2', 'paused 0', 'holding 0', 'not-awaiting-approval', 'rolling-back 0'],
  'rolling back': Array<string>(6).fill('rolling-back'),
  succeeded: Array<string>(6).fill('ended'),
  'rolled back': Array<string>(6).fill('ended'),
  aborted: Array<string>(6).fill('ended'),
  superseded: Array<string>(6).fill('ended'),
  failed: Array<string>(6).fill('ended'),
};

t.test('the places of the table cover every phase', async (t) => {
  t.same(new Set(places.map(([, phase]) => phase)), new Set(PHASES));
  t.same(Object.keys(table).sort(), places.map(([place]) => place).sort());
});

for (const [place, phase, make] of places) {
  t.test(`commands while ${place}`, async (t) => {
    t.equal(make().rollout.phase, phase);
    COMMANDS.forEach((command: Command, index) => {
      const { rollout } = make();
      const answer = advance(rollout, { kind: 'command', command, by: 'ana' });
      const came = answer.ok ? `${answer.rollout.phase} ${answer.rollout.step}` : answer.code;
      t.equal(came, table[place]![index], command);
      if (!answer.ok) t.match(answer.message, /\w/);
      else t.match(answer.rollout.reason, /ana|going|waits|moving/, 'it says who');
    });
  });
}
