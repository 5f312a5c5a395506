import t from 'tap';
import { COMMANDS } from '../../../src/rollout/commands.ts';
import { advance, type Event } from '../../../src/rollout/machine.ts';
import { hasEnded } from '../../../src/rollout/rollout.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { Course, HOLD_MS, planOf, step } from './course-of.ts';

const WALKS = 2000;
const EVENTS = 60;

function anyEvent(course: Course, rng: Seeded): Event {
  const { errand } = course.rollout;
  const dice = rng.below(20);
  if (errand !== null && dice < 8) {
    return {
      kind: 'answer',
      errand: errand.id,
      result: rng.pick(['ok', 'ok', 'ok', 'failed', 'undecided'] as const),
      why: 'so',
    };
  }
  if (dice < 9)
    return { kind: 'answer', errand: rng.below(30), result: rng.pick(['ok', 'failed'] as const), why: 'stale' };
  if (dice < 12) return { kind: 'command', command: rng.pick(COMMANDS), by: 'ana' };
  if (dice === 12) return { kind: 'restarted' };
  if (dice === 13 && rng.chance(0.1)) return { kind: 'superseded', why: 'by hand', share: rng.pick([0, 0.3]) };
  if (dice === 14 && rng.chance(0.1)) return { kind: 'lost', why: 'gone' };
  const verdict = rng.pick(['healthy', 'healthy', 'healthy', 'waiting', 'inconclusive', 'halted', 'unjudged'] as const);
  return {
    kind: 'tick',
    ms: rng.below(HOLD_MS),
    judgement: { verdict: rng.chance(0.01) ? 'worse' : verdict, sentence: verdict },
    requests: rng.below(1000),
    frozen: rng.chance(0.05) ? 'Christmas' : null,
  };
}

t.test(`whatever happens, a rollout keeps its promises (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const ends = new Map<string, number>();
  for (let walk = 0; walk < WALKS; walk += 1) {
    const course = new Course(
      planOf({
        steps: [
          step(0.1, { approve: rng.chance(0.3) }),
          step(0.5, { verify: rng.chance(0.3), minRequests: 500 }),
          step(1),
        ],
        holdBack: rng.pick([0, 0.01]),
        verifyBefore: rng.chance(0.5),
        inconclusive: rng.pick(['pause', 'promote', 'rollback'] as const),
      }),
    );
    for (let count = 0; count < EVENTS; count += 1) {
      const before = course.rollout;
      const event = anyEvent(course, rng);
      const answer = advance(before, event);
      if (!answer.ok) {
        if (event.kind !== 'command') t.fail(`only commands are refused, not ${JSON.stringify(event)}`);
        continue;
      }
      course.on(event);
      const after = course.rollout;
      const where = `walk ${walk}, event ${count}: ${JSON.stringify({ event, before, after })}`;
      if (hasEnded(before) && after !== before) t.fail(`an end is the end: ${where}`);
      if (hasEnded(after) && after.errand !== null) t.fail(`nothing is under way after the end: ${where}`);
      if ((after.phase === 'paused') !== (after.pause !== null)) t.fail(`a pause has its reason: ${where}`);
      if (after.phase === 'verifying' && after.errand?.kind !== 'verify') t.fail(`verifying is an errand: ${where}`);
      if (after.phase === 'stepping' && after.errand === null) t.fail(`stepping waits for an answer: ${where}`);
      if (after.share > before.share && event.kind !== 'answer' && event.kind !== 'superseded')
        t.fail(`a share grows when the gate has moved: ${where}`);
      if (after.phase === 'succeeded' && after.share !== 1) t.fail(`success is 100%: ${where}`);
      if (['rolled-back', 'aborted', 'failed'].includes(after.phase) && after.share !== 0)
        t.fail(`back is back: ${where}`);
      if (!after.hasMoved && after.share !== 0 && after.phase !== 'superseded')
        t.fail(`a share comes from a move: ${where}`);
      const isJudged =
        event.kind === 'tick' && event.judgement.verdict === 'worse' && before.hasMoved && !hasEnded(before);
      if (isJudged && after.phase !== 'rolling-back') t.fail(`worse goes back, always: ${where}`);
    }
    ends.set(course.rollout.phase, (ends.get(course.rollout.phase) ?? 0) + 1);
  }
  for (const end of ['succeeded', 'rolled-back', 'aborted', 'superseded', 'failed'])
    t.ok((ends.get(end) ?? 0) > 20, `${end} was reached`);
});
