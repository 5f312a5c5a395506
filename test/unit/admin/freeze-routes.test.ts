import t from 'tap';
import { errorOf, start } from './harness.ts';

const FROZEN = {
  frozen: 'an incident (declared by api)',
  declared: { reason: 'an incident', by: 'api', at: '2026-01-01T00:00:00.000Z', until: null, stored: true },
  windows: [{ window: 'Fri 16:00 to Mon 08:00 UTC', reason: 'nobody is there', isOpen: false }],
};

t.test('a freeze is shown, declared and ended, and each change has its line in the audit log', async (t) => {
  const admin = await start(t);
  admin.operations.frozen = FROZEN;
  t.same(JSON.parse((await admin.ask({ path: '/api/freeze' })).text), FROZEN);
  const json = { 'Content-Type': 'application/json', 'X-Tidegate-By': 'anna' };
  const until = '2026-01-02T01:00:00+01:00';
  const declared = await admin.change('POST', '/api/freeze', { reason: 'an\nincident', until }, json);
  t.same([declared.status, JSON.parse(declared.text)], [200, FROZEN]);
  const ended = await admin.ask({ method: 'DELETE', path: '/api/freeze', headers: json, body: '{"reason":"solved"}' });
  t.equal(ended.status, 200);
  t.match(admin.operations.calls, [
    { input: { reason: 'anincident', untilMs: Date.UTC(2026, 0, 2) }, instruction: { by: 'anna' } },
    { input: null, instruction: { by: 'anna', reason: 'solved' } },
  ]);
  t.match(admin.lines('audit'), [
    { audit: 'freeze', by: 'anna', note: 'anincident', status: 200 },
    { audit: 'freeze', by: 'anna', note: 'solved', status: 200 },
  ]);
});

t.test('a freeze needs a reason, a moment with its offset, and a caller who may change things', async (t) => {
  const admin = await start(t, { tokens: [{ name: 'eve', token: 'see-only', role: 'read' }] });
  const token = { Authorization: 'Bearer see-only' };
  t.equal((await admin.change('POST', '/api/freeze', { reason: 'x' }, token)).status, 403);
  const open = await start(t);
  for (const body of [
    {},
    { reason: '' },
    { reason: 'x', until: 'tomorrow' },
    { reason: 'x', until: '2026-01-02T01:00:00' },
  ]) {
    const answer = await open.change('POST', '/api/freeze', body);
    t.equal(answer.status, 400, JSON.stringify(body));
    t.equal(errorOf(answer).code, 'invalid-request');
  }
  t.same([...admin.operations.calls, ...open.operations.calls], []);
});
