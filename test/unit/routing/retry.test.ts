import t from 'tap';
import {
  decideRetry,
  type FailedAttempt,
  isIdempotent,
  type RetryPolicy,
  retryAfterMs,
} from '../../../src/routing/retry.ts';

const POLICY: RetryPolicy = {
  attempts: 1,
  budget: 0.2,
  fallback: true,
  perTryMs: null,
  bodyBytes: 65_536,
  statuses: [],
  backoffMs: 100,
};

/** A GET that was sent and has failed for the first time, with another endpoint to go to. */
const SENT: FailedAttempt = {
  reach: 'sent',
  method: 'GET',
  isReplayable: true,
  retries: 0,
  hasRaced: false,
  hasOther: true,
  hasRescue: false,
  isAffordable: true,
  leftMs: 1000,
  retryAfterMs: 0,
};

/** The decision as one word, and what it costs: `+` a retry, `$` paid by the budget. */
function decide(failed: Partial<FailedAttempt>, policy: Partial<RetryPolicy> = {}): string {
  const decision = decideRetry({ ...POLICY, ...policy }, { ...SENT, ...failed }, 0.5);
  if (!decision.again) return decision.why;
  const cost = `${decision.isRetry ? '+' : ''}${decision.isCharged ? '$' : ''}`;
  return `${decision.where}${cost}${decision.waitMs > 0 ? ` after ${decision.waitMs}` : ''}`;
}

const ROWS: readonly (readonly [string, Partial<FailedAttempt>, string, Partial<RetryPolicy>?])[] = [
  ['a request that was sent goes elsewhere, paid by the budget', {}, 'other+$'],
  ['one that no connection took goes elsewhere and costs nothing', { reach: 'unsent' }, 'other+'],
  ['one that is not idempotent may not be sent again', { method: 'POST' }, 'not-safe'],
  ['unless no connection took it', { method: 'POST', reach: 'unsent' }, 'other+'],
  [
    'a used connection that died does not prove that it was not acted on',
    { method: 'POST', reach: 'raced' },
    'not-safe',
  ],
  ['methods nobody knows are not idempotent', { method: 'BREW' }, 'not-safe'],
  ['a body that was not kept cannot be sent again', { method: 'PUT', isReplayable: false }, 'not-safe'],
  ['not even when no connection took it', { reach: 'unsent', isReplayable: false }, 'not-safe'],
  ['a race is run again on the same endpoint, for nothing', { reach: 'raced' }, 'same'],
  ['whatever the policy', { reach: 'raced' }, 'same', { attempts: 0 }],
  ['and the budget', { reach: 'raced', isAffordable: false }, 'same'],
  ['but once', { reach: 'raced', hasRaced: true }, 'other+$'],
  ['and not when its time is over', { reach: 'raced', leftMs: 0 }, 'no-time'],
  ['no attempts, no retry', {}, 'off', { attempts: 0 }],
  ['not even of what no connection took', { reach: 'unsent' }, 'off', { attempts: 0 }],
  ['after the last attempt there is none', { retries: 1 }, 'spent'],
  ['after the last but one there is', { retries: 1 }, 'other+$', { attempts: 2 }],
  ['a budget that is used up allows no repetition', { isAffordable: false }, 'budget'],
  ['but a first sending', { isAffordable: false, reach: 'unsent' }, 'other+'],
  ['no time, no retry', { leftMs: 0 }, 'no-time'],
  ['the last attempt goes to the pool that may save the request', { hasRescue: true }, 'rescue+$'],
  ['an earlier one stays in the pool', { hasRescue: true }, 'other+$', { attempts: 2 }],
  ['as long as there is another endpoint', { hasRescue: true, hasOther: false }, 'rescue+$', { attempts: 2 }],
  ['the same endpoint is asked again after a pause', { hasOther: false }, 'same+$ after 75'],
  ['which doubles', { hasOther: false, retries: 2 }, 'same+$ after 300', { attempts: 3 }],
  ['and must fit into what is left', { hasOther: false, leftMs: 75 }, 'no-time'],
  ['Retry-After is waited for', { retryAfterMs: 500 }, 'other+$ after 500'],
  ['also when the pause is shorter', { retryAfterMs: 500, hasOther: false }, 'same+$ after 500'],
  ['if there is time for it', { retryAfterMs: 1000 }, 'no-time'],
  ['a pool without an endpoint is helped by the other pool', { reach: 'nowhere', hasRescue: true }, 'rescue'],
  ['whatever the method', { reach: 'nowhere', hasRescue: true, method: 'POST' }, 'rescue'],
  ['also without further attempts', { reach: 'nowhere', hasRescue: true }, 'rescue', { attempts: 0 }],
  ['or not at all', { reach: 'nowhere' }, 'spent'],
];

t.test('what follows a failed attempt', async (t) => {
  for (const [title, failed, expected, policy] of ROWS) t.equal(decide(failed, policy), expected, title);
});

t.test('nothing that may have been acted on is ever sent again, whatever else holds', async (t) => {
  const either = [true, false];
  for (const method of ['POST', 'PATCH', 'CONNECT', 'get']) {
    for (const reach of ['sent', 'raced'] as const) {
      for (const hasOther of either) {
        for (const hasRescue of either) {
          for (const hasRaced of either) {
            const failed = { ...SENT, method, reach, hasOther, hasRescue, hasRaced };
            t.notOk(decideRetry({ ...POLICY, attempts: 5 }, failed, 0).again, JSON.stringify(failed));
          }
        }
      }
    }
  }
});

t.test('pauses are spread between half and the whole', async (t) => {
  const waits = [0, 0.999].map((random) => {
    const decision = decideRetry(POLICY, { ...SENT, hasOther: false }, random);
    return decision.again ? decision.waitMs : -1;
  });
  t.equal(waits[0], 50);
  t.ok(waits[1]! > 99 && waits[1]! < 100);
});

t.test('the idempotent methods are those of RFC 9110', async (t) => {
  t.same(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].map(isIdempotent), new Array(6).fill(true));
  t.same(['POST', 'PATCH', 'CONNECT', 'get', ''].map(isIdempotent), new Array(5).fill(false));
});

t.test('Retry-After is seconds or a date, and otherwise nothing', async (t) => {
  const now = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT');
  t.equal(retryAfterMs('120', now), 120_000);
  t.equal(retryAfterMs('Sun, 06 Nov 1994 08:49:40 GMT', now), 3000);
  t.equal(retryAfterMs('Sun, 06 Nov 1994 08:49:00 GMT', now), 0, 'a date that has passed');
  for (const value of [undefined, '', '-1', 'soon', '1e99']) t.equal(retryAfterMs(value, now), 0, String(value));
});
