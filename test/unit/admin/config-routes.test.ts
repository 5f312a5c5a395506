import t from 'tap';
import { configAnswer, reloadAnswer, validateAnswer } from '../../../src/admin/schemas.ts';
import { errorOf, start } from './harness.ts';
import { CONFIG, PROBLEM, refusal } from './scripted-operations.ts';

t.test('the config in force is shown as documented', async (t) => {
  const admin = await start(t);
  const answer = await admin.ask({ path: '/api/config' });
  t.same(configAnswer.parse(JSON.parse(answer.text)), CONFIG);
});

t.test('a text is checked without effect: errors make it invalid, warnings do not', async (t) => {
  const admin = await start(t);
  const check = async (text: string) => {
    const answer = await admin.change('POST', '/api/config/validate', { text });
    t.equal(answer.status, 200);
    return validateAnswer.parse(JSON.parse(answer.text));
  };
  t.same(await check('a: 1\n'), { valid: true, problems: [] });
  const warning = { ...PROBLEM, severity: 'warning' } as const;
  admin.operations.problems = [warning];
  t.same(await check('b'), { valid: true, problems: [warning] });
  admin.operations.problems = [warning, PROBLEM];
  t.same(await check('c'), { valid: false, problems: [warning, PROBLEM] });
  t.same(admin.operations.validated, ['a: 1\n', 'b', 'c']);
  t.same(admin.operations.calls, []);
});

t.test('a text may be as large as 4 MiB; other bodies only 64 KiB', async (t) => {
  const admin = await start(t);
  const text = 'x'.repeat(4 * 1024 * 1024 - 100);
  t.equal((await admin.change('POST', '/api/config/validate', { text })).status, 200);
  t.equal(admin.operations.validated[0]?.length, text.length);
  const cases = [
    ['/api/config/validate', 4 * 1024 * 1024 + 1],
    ['/api/config/reload', 64 * 1024 + 1],
    ['/api/services/shop/flip', 64 * 1024 + 1],
    ['/api/services/shop/rollback', 64 * 1024 + 1],
  ] as const;
  for (const [path, bytes] of cases) {
    const declared = await admin.raw(
      `POST ${path} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`,
    );
    t.equal(declared.status, 413, `${path} by Content-Length`);
    t.equal(errorOf(declared).code, 'body-too-large');
    const sent = await admin.raw(
      `POST ${path} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n0\r\n\r\n`,
    );
    t.equal(sent.status, 413, `${path} by chunks`);
  }
  t.equal(admin.operations.validated.length, 1);
  t.same(admin.operations.calls, []);
});

t.test('a reload answers what it did', async (t) => {
  const admin = await start(t);
  const answer = await admin.change('POST', '/api/config/reload', '', { 'X-Tidegate-By': 'ops' });
  t.equal(answer.status, 200);
  t.same(reloadAnswer.parse(JSON.parse(answer.text)), admin.operations.reloaded);
  t.match(admin.operations.calls, [{ operation: 'reload', instruction: { by: 'ops', ifEpoch: null } }]);
});

t.test('a file that is rejected is 422 with all its problems', async (t) => {
  const admin = await start(t);
  admin.operations.reloaded = refusal('config-rejected', 'the file has 1 error', [PROBLEM]);
  const answer = await admin.change('POST', '/api/config/reload');
  t.equal(answer.status, 422);
  t.same(errorOf(answer), { code: 'config-rejected', message: 'the file has 1 error', details: [PROBLEM] });
});

t.test('a reload on a condition is refused, since a file has no epoch', async (t) => {
  const admin = await start(t);
  const answer = await admin.change('POST', '/api/config/reload', '', { 'If-Match': '"3"' });
  t.equal(answer.status, 400);
  t.equal(errorOf(answer).code, 'bad-if-match');
  t.same(admin.operations.calls, []);
});
