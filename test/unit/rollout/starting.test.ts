import t from 'tap';
import { answerStart, type FreezeWindow, frozenAt, minuteOfWeek } from '../../../src/rollout/starting.ts';
import { Course, worse } from './course-of.ts';

const asked = { version: 'v2', again: false, apartFrom: null };
const HOUR = 60;
const weekend: FreezeWindow = {
  kind: 'weekly',
  from: 4 * 1440 + 16 * HOUR,
  to: 8 * HOUR,
  zone: 'Europe/Berlin',
  reason: 'nobody is there',
};

t.test('a start is answered by what runs, by the policy, and by what became of the version before', async (t) => {
  const running = { rollout: new Course().until('holding').rollout, version: 'v1' };
  const rolledBack = {
    rollout: new Course().until('holding').tick(1, { judgement: worse }).settle().rollout,
    version: 'v2',
  };
  const succeeded = { rollout: new Course().until('succeeded').rollout, version: 'v2' };
  t.match(answerStart(asked, null, null, 'reject'), { kind: 'begin' });
  t.match(answerStart(asked, succeeded, null, 'reject'), { kind: 'begin' });
  t.match(answerStart(asked, running, null, 'restart'), { kind: 'restart' });
  t.match(answerStart(asked, running, null, 'queue'), { kind: 'queue' });
  t.match(answerStart(asked, running, null, 'reject'), { kind: 'refuse', code: 'running', message: /holding/ });
  t.match(answerStart(asked, rolledBack, null, 'queue'), {
    kind: 'refuse',
    code: 'rolled-back-before',
    message: /5 of 412/,
  });
  t.match(answerStart({ ...asked, again: true }, rolledBack, null, 'queue'), { kind: 'begin' });
  t.match(answerStart({ ...asked, version: 'v3' }, rolledBack, null, 'queue'), { kind: 'begin' });
  const along = { ...rolledBack, rollout: { ...rolledBack.rollout, along: 'cart' } };
  t.match(
    answerStart(asked, along, null, 'queue'),
    { kind: 'begin' },
    'it went back with another and was not bad itself',
  );
  const apart = answerStart({ ...asked, apartFrom: 'suite' }, null, null, 'queue');
  t.match(apart, { kind: 'refuse', code: 'in-group', message: /--group suite/ });
  t.match(answerStart(asked, null, 'Christmas', 'queue'), { kind: 'refuse', code: 'frozen', message: /Christmas/ });
});

t.test('a weekly freeze goes over the end of the week, on the clock of its zone, in summer and winter', async (t) => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['2026-01-09T14:59:00Z', null],
    ['2026-01-09T15:00:00Z', 'nobody is there'],
    ['2026-01-11T12:00:00Z', 'nobody is there'],
    ['2026-01-12T06:59:00Z', 'nobody is there'],
    ['2026-01-12T07:00:00Z', null],
    ['2026-07-10T13:59:00Z', null],
    ['2026-07-10T14:00:00Z', 'nobody is there'],
    ['2026-07-13T06:00:00Z', null],
  ];
  for (const [at, reason] of cases) t.equal(frozenAt([weekend], Date.parse(at)), reason, at);
});

t.test('a freeze with dates holds from its first millisecond to the last but one', async (t) => {
  const christmas: FreezeWindow = { kind: 'once', fromMs: 1000, toMs: 2000, reason: 'Christmas' };
  t.same(
    [999, 1000, 1999, 2000].map((at) => frozenAt([christmas], at)),
    [null, 'Christmas', 'Christmas', null],
  );
});

t.test('the minute of the week is counted from Monday midnight', async (t) => {
  t.equal(minuteOfWeek(Date.parse('2026-11-23T00:00:00Z'), 'UTC'), 0);
  t.equal(minuteOfWeek(Date.parse('2026-11-22T23:59:00Z'), 'UTC'), 7 * 1440 - 1);
  t.throws(() => minuteOfWeek(0, 'Nowhere/None'), RangeError);
});
