import t from 'tap';
import {
  type AttemptFacts,
  type BadEventRule,
  badEventTable,
  classify,
  DEFAULT_BAD_EVENTS,
  type Exclusion,
  FAILURES,
} from '../../../src/judge/bad-event.ts';
import { OUTCOMES, type Outcome } from '../../../src/stats/series.ts';

const PLAIN: AttemptFacts = {
  status: 200,
  outcome: 'ok',
  durationUs: 1000,
  attempt: 1,
  isForced: false,
  isHealthCheck: false,
  isMirrored: false,
  isRouteExcluded: false,
  isWarmUp: false,
};

function said(facts: Partial<AttemptFacts>, rule: Partial<BadEventRule> = {}): string {
  const classified = classify({ ...PLAIN, ...facts }, badEventTable({ ...DEFAULT_BAD_EVENTS, ...rule }));
  return classified.kind === 'good' ? 'good' : `${classified.kind}: ${classified.why}`;
}

t.test('by default 5xx is bad and everything below is not', async (t) => {
  for (let status = 100; status < 600; status++) {
    t.equal(said({ status }), status >= 500 ? 'bad: status' : 'good', `${status}`);
  }
});

t.test('the class 4xx covers all but 401, 404 and 429, which count when they are named', async (t) => {
  for (let status = 400; status < 500; status++) {
    const named = [401, 404, 429].includes(status);
    t.equal(said({ status }, { statuses: ['4xx'] }), named ? 'good' : 'bad: status', `${status}`);
  }
  t.equal(said({ status: 404 }, { statuses: ['4xx', 404] }), 'bad: status');
  t.equal(said({ status: 429 }, { statuses: [429] }), 'bad: status');
  t.equal(said({ status: 500 }, { statuses: [429] }), 'good', 'only what the rule says');
});

t.test('every outcome is either a failure by choice, a matter of the status, or never counted', async (t) => {
  const never: readonly Outcome[] = ['client-gone', 'reuse-race', 'internal'];
  for (const outcome of OUTCOMES) {
    const isFailure = (FAILURES as readonly Outcome[]).includes(outcome);
    const expected = never.includes(outcome) ? /^not-counted/ : isFailure ? /^bad: failure$/ : /^good$/;
    t.match(said({ outcome, status: isFailure ? 0 : 200 }), expected, outcome);
    if (isFailure) t.equal(said({ outcome, status: 0 }, { failures: [] }), 'good', `${outcome} by choice`);
  }
});

t.test('slower than a bound is bad only when asked for', async (t) => {
  t.equal(said({ durationUs: 9e9 }), 'good');
  t.equal(said({ durationUs: 500_000 }, { slowerThanUs: 500_000 }), 'bad: slow');
  t.equal(said({ durationUs: 499_999 }, { slowerThanUs: 500_000 }), 'good');
});

const NEVER: readonly (readonly [Partial<AttemptFacts>, Exclusion])[] = [
  [{ isForced: true }, 'forced-pool'],
  [{ isHealthCheck: true }, 'health-check'],
  [{ isMirrored: true }, 'mirrored'],
  [{ attempt: 2 }, 'later-attempt'],
  [{ isRouteExcluded: true }, 'excluded-route'],
  [{ isWarmUp: true }, 'warm-up'],
  [{ outcome: 'client-gone' }, 'client-gone'],
  [{ outcome: 'internal' }, 'own-answer'],
];

for (const [facts, why] of NEVER) {
  t.test(`${why}: never counted, be it good or bad`, async (t) => {
    t.equal(said({ ...facts, status: 200 }), `not-counted: ${why}`);
    t.equal(said({ ...facts, status: 503 }), `not-counted: ${why}`);
  });
}

t.test('a first attempt that failed is bad, whatever another attempt saved', async (t) => {
  t.equal(said({ attempt: 1, outcome: 'connect', status: 0 }), 'bad: failure');
  t.equal(said({ attempt: 2, outcome: 'ok', status: 200 }), 'not-counted: later-attempt');
});
