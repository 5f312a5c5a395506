/** The calls of groups: what they hand on, what they refuse, and with which status. */
import t from 'tap';
import type { GroupView } from '../../../src/control/operations.ts';
import { forecast, rollout } from '../cli/rollout-samples.ts';
import { errorOf, start } from './harness.ts';
import { refusal } from './scripted-operations.ts';

const ROLLOUT = '/api/groups/suite/rollout';

const VIEW: GroupView = {
  group: 'suite',
  services: ['shop'],
  rollouts: [rollout()],
  hasEnded: false,
  isPromoted: false,
  reason: 'shop: all go on together',
};

async function scripted(t: Parameters<typeof start>[0]) {
  const admin = await start(t);
  const calls: unknown[][] = [];
  const note =
    <T>(answer: T) =>
    (...args: unknown[]): T => {
      calls.push(args);
      return answer;
    };
  const { groups } = admin.operations.rollouts;
  const forecasts = { group: 'suite', forecasts: [forecast()] };
  Object.assign(groups, { start: note(VIEW), command: note(VIEW), view: note(VIEW), forecast: note(forecasts) });
  return { admin, calls, groups };
}

t.test('a group is started, steered, foretold and shown, and answered whole', async (t) => {
  const { admin, calls } = await scripted(t);
  const body = { to: 'green', again: true, reason: 'release 2' };
  const started = await admin.change('POST', ROLLOUT, body);
  t.equal(started.status, 200);
  t.same(JSON.parse(started.text), VIEW);
  t.match(calls[0], ['suite', { to: 'green', version: null, again: true }, { by: 'api', reason: 'release 2' }]);
  for (const command of ['promote', 'pause', 'resume', 'approve', 'abort']) {
    t.equal((await admin.change('POST', `${ROLLOUT}/${command}`, {})).status, 200, command);
    t.match(calls.at(-1), ['suite', command, { by: 'api' }]);
  }
  await admin.change('POST', `${ROLLOUT}/promote`, { full: true });
  t.equal(calls.at(-1)?.[1], 'promote-full');
  t.equal((await admin.change('POST', `${ROLLOUT}/forecast`, { to: 'green' })).status, 200);
  t.same(JSON.parse((await admin.ask({ path: ROLLOUT })).text), VIEW);
  t.match(admin.lines('audit')[0], { group: 'suite', status: 200 });
});

t.test('a condition that a group cannot have is refused and not dropped', async (t) => {
  const { admin, calls } = await scripted(t);
  const headers = { 'Content-Type': 'application/json', 'If-Match': '"3"' };
  for (const path of ['', '/abort']) {
    const answer = await admin.ask({ method: 'POST', path: `${ROLLOUT}${path}`, headers, body: '{}' });
    t.equal(answer.status, 400);
    t.match(errorOf(answer), { message: /A group has no epoch/ });
  }
  t.equal((await admin.change('POST', `${ROLLOUT}/pause`, { full: true })).status, 400);
  t.equal((await admin.change('POST', `${ROLLOUT}/launch`, {})).status, 400);
  t.same(calls, []);
});

t.test('a refusal says what stood in the way of each member', async (t) => {
  const { admin, groups } = await scripted(t);
  const details = [{ service: 'cart', code: 'running', message: 'a rollout runs' }];
  Object.assign(groups, {
    start: () => refusal('group-refused', 'suite was not started: cart: a rollout runs', details),
  });
  const answer = await admin.change('POST', ROLLOUT, {});
  t.equal(answer.status, 409);
  t.match(errorOf(answer), { code: 'group-refused', details });
  Object.assign(groups, { view: () => refusal('unknown-group', 'no service belongs to it') });
  t.equal((await admin.ask({ path: ROLLOUT })).status, 404);
});
