/** The calls of rollouts: what they hand on, what they refuse, and with which status. */
import t from 'tap';
import type { RolloutOperations, RolloutView } from '../../../src/control/operations.ts';
import { explanation, forecast } from '../cli/rollout-samples.ts';
import { errorOf, start } from './harness.ts';
import { refusal } from './scripted-operations.ts';

const ROLLOUT = '/api/services/shop/rollout';

const VIEW: RolloutView = {
  id: 3,
  service: 'shop',
  flag: null,
  active: 'blue',
  candidate: 'green',
  version: 'v2',
  plan: 'canary',
  phase: 'holding',
  step: 1,
  steps: [{ share: 1, holdMs: 1, minRequests: 0, approve: false, group: null, endpoints: null }],
  bakeMs: 1,
  warmUntil: null,
  share: 0.1,
  elapsedMs: 1,
  pausedBy: null,
  isHalted: false,
  reason: 'step 1 of 1',
  startedAt: '2026-01-01T00:00:00.000Z',
  startedBy: 'api',
  endedAt: null,
  ranMs: 1,
  verdict: null,
  unjudged: null,
  verification: null,
  isQueued: false,
  group: null,
  takenBackWith: null,
  undone: null,
  confirmation: null,
};

const FORECAST = forecast();
const EXPLANATION = explanation();

async function scripted(t: Parameters<typeof start>[0]) {
  const admin = await start(t);
  const calls: unknown[][] = [];
  const note =
    <T>(answer: T) =>
    (...args: unknown[]): T => {
      calls.push(args);
      return answer;
    };
  const rollouts: RolloutOperations = {
    ...admin.operations.rollouts,
    start: note(Promise.resolve(VIEW)),
    command: note(VIEW),
    view: note(VIEW),
    history: note([VIEW]),
    judgeAgain: note(Promise.resolve({ rollout: VIEW, verdicts: [], turnedBackAtMs: null, decisions: [], next: null })),
    forecast: note(FORECAST),
    find: note(VIEW),
    explain: note(Promise.resolve(EXPLANATION)),
  };
  Object.assign(admin.operations.rollouts, rollouts);
  return { admin, calls };
}

t.test('a start hands on what the body says and nothing that it does not', async (t) => {
  const { admin, calls } = await scripted(t);
  const body = { to: 'green', version: 'v2', steps: [0.1, 1], bakeMs: 0, verify: false, again: true, reason: 'try it' };
  const answer = await admin.change('POST', ROLLOUT, body);
  t.equal(answer.status, 200);
  t.match(JSON.parse(answer.text), { id: 3, phase: 'holding', verdict: null });
  const { reason, ...order } = body;
  t.match(calls[0], ['shop', order, { by: 'api', reason }]);
  await admin.change('POST', ROLLOUT, {});
  t.strictSame(calls[1]?.[1], { to: null, version: null, again: false });
});

t.test('a body that says something else is refused before anything begins', async (t) => {
  const { admin, calls } = await scripted(t);
  for (const body of [
    { stepz: [1] },
    { steps: [] },
    { steps: [2] },
    { steps: ['10%'] },
    { holdMs: -1 },
    { plan: 'yolo' },
    { __proto__: null, constructor: 1 },
  ]) {
    t.equal((await admin.change('POST', ROLLOUT, body)).status, 400, JSON.stringify(body));
  }
  for (const path of ['/promotion', '/start', '/__proto__']) {
    const { status } = await admin.change('POST', `${ROLLOUT}${path}`, {});
    t.ok(status === 400 || status === 404, path);
  }
  t.equal((await admin.change('POST', `${ROLLOUT}/pause`, { full: true })).status, 400, 'full goes with promote');
  t.same(calls, []);
});

t.test('each command has its call; promote to 100% is one of its own', async (t) => {
  const { admin, calls } = await scripted(t);
  for (const command of ['promote', 'pause', 'resume', 'approve', 'abort']) {
    t.equal((await admin.change('POST', `${ROLLOUT}/${command}`, {})).status, 200, command);
    t.match(calls.at(-1), ['shop', command, { by: 'api' }]);
  }
  await admin.change('POST', `${ROLLOUT}/promote`, { full: true });
  t.equal(calls.at(-1)?.[1], 'promote-full');
});

t.test('commands ask for what every change asks for: content type and the Host of the admin', async (t) => {
  const { admin, calls } = await scripted(t);
  t.not((await admin.ask({ method: 'POST', path: `${ROLLOUT}/abort` })).status, 200);
  const headers = { 'Content-Type': 'application/json' };
  t.not(
    (await admin.ask({ method: 'POST', path: `${ROLLOUT}/abort`, host: 'evil.test', headers, body: '{}' })).status,
    200,
  );
  t.same(calls, []);
});

t.test('past rollouts are listed and judged again under other settings', async (t) => {
  const { admin, calls } = await scripted(t);
  const list = await admin.ask({ path: '/api/services/shop/rollouts?limit=5' });
  t.match(JSON.parse(list.text), { rollouts: [{ id: 3 }] });
  t.same(calls[0], ['shop', 5]);
  const again = await admin.ask({ path: '/api/rollouts/3/judgement?margin=2&falseAlarm=0.05' });
  t.match(JSON.parse(again.text), { rollout: { id: 3 }, verdicts: [], turnedBackAtMs: null });
  t.same(calls[1], [3, { margin: 2, falseAlarm: 0.05 }, { after: 0, limit: 1000 }]);
  await admin.ask({ path: '/api/rollouts/3/judgement?after=1000&limit=50' });
  t.same(calls[2], [3, { margin: null, falseAlarm: null }, { after: 1000, limit: 50 }]);
  for (const path of [
    '/api/services/shop/rollouts?limit=0',
    '/api/services/shop/rollouts?limit=x',
    '/api/rollouts/x/judgement',
    '/api/rollouts/3/judgement?margin=0.5',
    '/api/rollouts/3/judgement?falseAlarm=1',
    '/api/rollouts/3/judgement?limit=1001',
    '/api/rollouts/3/judgement?after=-1',
  ]) {
    t.equal((await admin.ask({ path })).status, 400, path);
  }
});

t.test('a refusal comes with its status and code', async (t) => {
  const { admin } = await scripted(t);
  for (const [code, status] of [
    ['no-rollout', 404],
    ['unknown-service', 404],
    ['running', 409],
    ['rolled-back-before', 409],
    ['frozen', 409],
    ['moving', 409],
    ['ended', 409],
  ] as const) {
    Object.assign(admin.operations.rollouts, { command: () => refusal(code, 'because') });
    const answer = await admin.change('POST', `${ROLLOUT}/promote`, {});
    t.equal(answer.status, status, code);
    t.match(errorOf(answer), { code, message: 'because' });
  }
});

t.test(
  'a forecast takes the body of a start, and an explanation the settings of a replay; both answer whole',
  async (t) => {
    const { admin, calls } = await scripted(t);
    const body = { to: 'green', steps: [0.1, 1], maxFailedRequests: 20 };
    const foretold = await admin.change('POST', `${ROLLOUT}/forecast`, body);
    t.equal(foretold.status, 200);
    t.same(JSON.parse(foretold.text), FORECAST);
    t.strictSame(calls[0], ['shop', { version: null, again: false, ...body }]);
    t.equal((await admin.change('POST', `${ROLLOUT}/forecast`, { maxFailedRequests: 0 })).status, 400);
    const told = await admin.ask({ path: '/api/rollouts/3/explanation?margin=1.5&falseAlarm=0.001' });
    t.same(JSON.parse(told.text), JSON.parse(JSON.stringify(EXPLANATION)));
    t.strictSame(calls[1], [3, { margin: 1.5, falseAlarm: 0.001 }]);
    await admin.ask({ path: '/api/rollouts/3/explanation' });
    t.strictSame(calls[2], [3, { margin: null, falseAlarm: null }]);
    t.equal(JSON.parse((await admin.ask({ path: '/api/rollouts/3' })).text).id, 3);
    t.equal((await admin.ask({ path: '/api/rollouts/x' })).status, 400);
  },
);

t.test('the rollout of a flag has the same verbs, and a body of its own', async (t) => {
  const { admin } = await scripted(t);
  const calls: unknown[][] = [];
  const note =
    <T>(answer: T) =>
    (...args: unknown[]): T => {
      calls.push(args);
      return answer;
    };
  const view = { ...VIEW, service: 'flag new-nav', flag: 'new-nav' };
  const flags = {
    start: note(view),
    command: note(view),
    view: note(view),
    history: note([view]),
    forecast: note(FORECAST),
  };
  Object.assign(admin.operations.rollouts.flags, flags);
  const path = '/api/flags/new-nav/rollout';
  const started = await admin.change(
    'POST',
    path,
    { steps: [0.1, 1], holdMs: 5, reason: 'try it' },
    { 'if-match': '"7"' },
  );
  t.match(JSON.parse(started.text), { flag: 'new-nav', phase: 'holding' });
  t.strictSame(calls[0], [
    'new-nav',
    { steps: [0.1, 1], holdMs: 5, again: false },
    { by: 'api', reason: 'try it', ifEpoch: 7 },
  ]);
  await admin.change('POST', `${path}/forecast`, {});
  await admin.change('POST', `${path}/promote`, { full: true });
  t.match(calls[2], ['new-nav', 'promote-full']);
  t.equal((await admin.ask({ path })).status, 200);
  t.equal((await admin.ask({ path: `${path}s?limit=3` })).status, 200);
  t.same(calls[4], ['new-nav', 3]);
  for (const body of [{ to: 'green' }, { plan: 'canary' }, { verify: false }, { steps: [2] }]) {
    t.equal((await admin.change('POST', path, body)).status, 400, JSON.stringify(body));
  }
  t.equal((await admin.change('POST', `${path}/pause`, { full: true })).status, 400);
  t.equal(calls.length, 5);
});
