import t, { type Test } from 'tap';
import type { AdminAccess } from '../../../src/admin/admission.ts';
import { done, FlagStage, flagConfig } from '../control/flag-stage.ts';
import { type Answer, errorOf, type Harness, start } from './harness.ts';
import { ScriptedOperations } from './scripted-operations.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** The admin API over flags that are real, and nothing else that is. */
async function flagAdmin(t: Test, access: Partial<AdminAccess> = {}): Promise<{ admin: Harness; stage: FlagStage }> {
  const stage = new FlagStage();
  stage.apply(flagConfig('web: { strategy: percentage, value: 5 }', 'base: { strategy: all }'));
  const operations = Object.assign(new ScriptedOperations(), { flags: stage.flags });
  return { admin: await start(t, { ...access, operations }), stage };
}

function body(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}

t.test('flags are listed and shown, with their revision as the tag', async (t) => {
  const { admin, stage } = await flagAdmin(t);
  const list = body(await admin.ask({ path: '/api/flags' }));
  t.strictSame(list, { revision: stage.flags.revision, flags: JSON.parse(JSON.stringify(stage.flags.list())) });
  const one = await admin.ask({ path: '/api/flags/web' });
  t.equal(one.headers.etag, '"1"');
  t.match(body(one), { name: 'web', share: 5, killed: false, routes: ['/'], since: { by: 'file' } });
  t.equal((await admin.ask({ path: '/api/flags/nobody' })).status, 404);
});

t.test('a POST changes the keys that it names, on the condition that it names', async (t) => {
  const { admin } = await flagAdmin(t);
  const change = { strategy: 'percentage', value: 25, reason: 'more\nof them' };
  const answer = await admin.change('POST', '/api/flags/web', change, {
    ...JSON_TYPE,
    'X-Tidegate-By': 'ann',
    'If-Match': '"1"',
  });
  t.equal(answer.headers.etag, '"2"');
  t.match(body(answer), {
    flag: 'web',
    how: 'set',
    by: 'ann',
    reason: 'moreof them',
    from: { share: 5 },
    to: { share: 25 },
  });
  const late = await admin.change('POST', '/api/flags/web', { value: 30 }, { 'If-Match': '"1"' });
  t.equal(late.status, 412);
  t.match(errorOf(late), { code: 'revision-mismatch', details: { revision: 2 } });
  t.equal((await admin.change('POST', '/api/flags/web', { value: 30 }, { 'If-Match': 'W/"2"' })).status, 400);
  t.match(admin.lines('audit'), [
    { audit: 'flag-set', flag: 'web', by: 'ann', status: 200, change: [{ flag: 'web', revision: 2, how: 'set' }] },
    { audit: 'flag-set', status: 412, code: 'revision-mismatch' },
    { audit: 'flag-set', status: 400 },
  ]);
});

t.test('what is wrong with a definition is told by its path, with what is allowed', async (t) => {
  const { admin } = await flagAdmin(t);
  const answer = await admin.change('POST', '/api/flags/web', {
    rules: [{ strategy: 'all', when: [{ attribute: 'a', lt: 'x' }] }],
    vlaue: 5,
  });
  t.equal(answer.status, 400);
  t.match(errorOf(answer), {
    code: 'bad-flag',
    details: {
      problems: [
        { path: 'rules[0].when[0].lt', message: 'is not allowed', allowed: 'a number' },
        { path: 'vlaue', message: 'is not a known key', allowed: /did you mean "value"/ },
      ],
    },
  });
});

t.test('what is missing is said to be missing, and a name that cannot be is told what one may be', async (t) => {
  const { admin } = await flagAdmin(t);
  const problem = async (flag: string, body: object) => {
    const answer = await admin.change('POST', `/api/flags/${flag}`, body);
    t.equal(answer.status, 400);
    return String(errorOf(answer).message);
  };
  t.match(await problem('fresh', { value: 5 }), /^flag fresh: strategy: is missing; allowed: all, none/);
  t.match(await problem('web', { rules: [{ when: [] }] }), /rules\[0\].strategy: is missing; allowed: all/);
  t.match(
    await problem('bad%20name', { strategy: 'all' }),
    /cannot be the name of a flag; allowed: a name of 1 to 100/,
  );
  const variants = { strategy: 'variants', variants: { 'a b': {} } };
  t.match(await problem('web', variants), /variants\["a b"\]: is not allowed as a name; allowed: .*such as treatment/);
});

t.test('another salt has to be meant, in the body or beside it', async (t) => {
  const { admin } = await flagAdmin(t);
  t.equal(errorOf(await admin.change('POST', '/api/flags/web', { salt: 'x' })).code, 'resalt');
  t.equal((await admin.change('POST', '/api/flags/web', { salt: 'x', resalt: true })).status, 200);
  t.equal((await admin.change('POST', '/api/flags/web?resalt=true', { salt: 'y' })).status, 200);
});

t.test('kill, restore, history and DELETE', async (t) => {
  const { admin } = await flagAdmin(t);
  t.match(body(await admin.change('POST', '/api/flags/web/kill', { reason: 'it burns' })), {
    how: 'kill',
    to: { killed: true },
  });
  t.match(body(await admin.change('POST', '/api/flags/web/restore')), { how: 'restore', to: { killed: false } });
  t.equal((await admin.change('POST', '/api/flags/web/restore')).status, 409);
  t.equal((await admin.change('POST', '/api/flags/nobody/kill')).status, 404);
  const { receipts } = body(await admin.ask({ path: '/api/flags/web/history' })) as { receipts: { how: string }[] };
  t.strictSame(
    receipts.map(({ how }) => how),
    ['restore', 'kill', 'file'],
  );
  const remove = (flag: string) =>
    admin.ask({ method: 'DELETE', path: `/api/flags/${flag}`, headers: JSON_TYPE, body: '{"reason":"done"}' });
  t.equal(errorOf(await remove('web')).code, 'flag-in-file');
  await admin.change('POST', '/api/flags/made', { strategy: 'all' });
  t.match(body(await remove('made')), { how: 'remove', reason: 'done', to: null });
  t.equal((await admin.ask({ path: '/api/flags/made' })).status, 404);
  t.equal((await admin.ask({ path: '/api/flags/made/history' })).status, 200);
});

t.test('a list is imported as a whole, and a flag with thousands of users fits into a call', async (t) => {
  const { admin, stage } = await flagAdmin(t);
  const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}-of-ten-thousand`);
  const flags = [
    { name: 'many', definition: { strategy: 'users', value: users } },
    { name: 'few', definition: { strategy: 'none' } },
  ];
  const answer = await admin.change('POST', '/api/flags/import', { flags, reason: 'from elsewhere' });
  t.match(body(answer), { receipts: [{ flag: 'many', how: 'import', reason: 'from elsewhere' }, { flag: 'few' }] });
  t.equal(stage.variantOf('many', users.at(-1)), 'on');
  const bad = await admin.change('POST', '/api/flags/import', {
    flags: [{ name: 'x', definition: { strategy: 'maybe' } }],
  });
  t.equal(errorOf(bad).code, 'bad-flag');
});

t.test('whoever may only read may ask why, and what would be, and may change nothing', async (t) => {
  const { admin, stage } = await flagAdmin(t, {
    tokens: [
      { name: 'eve', token: 'see-only', role: 'read' },
      { name: 'ann', token: 'may-operate', role: 'operate' },
    ],
  });
  const eve = { Authorization: 'Bearer see-only' };
  const context = { targetingKey: 'alice', constructor: 'x' };
  const why = await admin.change('POST', '/api/flags/web/explain', { context }, eve);
  t.match(body(why), { flag: 'web', key: 'alice', variant: stage.variantOf('web'), draw: { threshold: 5000 } });
  const preview = await admin.change('POST', '/api/flags/web/preview', { value: 50 }, eve);
  t.match(body(preview), { from: { share: 5 }, to: { share: 50 }, ofAll: 0.45 });
  t.equal((await admin.change('POST', '/api/flags/web/explain', { context: [] }, eve)).status, 400);
  t.equal((await admin.change('POST', '/api/flags/nobody/explain', {}, eve)).status, 404);
  t.equal((await admin.change('POST', '/api/flags/web/explain', {})).status, 401);
  t.equal(
    (await admin.change('POST', '/api/flags/web/explain', {}, { ...eve, 'Content-Type': 'text/plain' })).status,
    415,
  );
  t.equal(
    (await admin.change('POST', '/api/flags/web/explain', {}, { ...eve, Origin: 'http://evil.example' })).status,
    403,
  );
  for (const path of ['web', 'web/kill', 'web/restore', 'import']) {
    t.equal((await admin.change('POST', `/api/flags/${path}`, {}, eve)).status, 403, path);
  }
  t.match(await admin.change('POST', '/api/flags/web/kill', {}, { Authorization: 'Bearer may-operate' }), {
    status: 200,
  });
  t.match(done(stage.flags.get('web')), { since: { by: 'ann' } });
});
