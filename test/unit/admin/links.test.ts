/** The pages behind links: nothing happens on a GET, and only their own form acts. */
import t from 'tap';
import type { LinkView } from '../../../src/control/operations.ts';
import { type Ask, errorOf, start } from './harness.ts';
import { refusal } from './scripted-operations.ts';

const VIEW: LinkView = {
  action: 'rollback',
  service: 'shop',
  rollout: 7,
  text: `Rollout 7 <script>alert(1)</script> & "more" 'of it' ends.`,
  expiresAt: '2026-01-01T00:00:00.000Z',
};
const PATH = '/links/abc.def';
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

t.test('the page says what would happen, escaped, without script, and nothing happens', async (t) => {
  const admin = await start(t);
  admin.operations.link = VIEW;
  for (const method of ['GET', 'HEAD', 'GET']) {
    const { status, headers, text } = await admin.ask({ method, path: PATH });
    t.equal(status, 200);
    t.match(headers, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'content-security-policy':
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'/,
    });
    if (method === 'HEAD') continue;
    t.match(text, 'Rollout 7 &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot; &#39;of it&#39; ends.');
    t.match(text, '<form method="post">');
    t.notMatch(text, /<script|onclick|javascript:|https?:/i);
  }
  t.same(admin.operations.used, []);
});

t.test('the form acts, without an admin token, and the audit log says who it was and not which link', async (t) => {
  const admin = await start(t, { token: 'admin-token', readsNeedToken: true });
  admin.operations.link = VIEW;
  t.equal((await admin.ask({ path: PATH })).status, 200);
  const headers = { ...FORM, Origin: `http://${admin.own}` };
  const { status, text } = await admin.ask({ method: 'POST', path: PATH, headers, body: 'by=Anna+%3Cb%3E%00' });
  t.equal(status, 200);
  t.match(text, '<h1>Done</h1>');
  t.same(admin.operations.used, [{ token: 'abc.def', by: 'Anna <b>' }]);
  t.match(admin.lines('audit'), [{ audit: 'link', status: 200, by: 'link (Anna <b>)' }]);
  t.notMatch(JSON.stringify(admin.logged), /abc\.def/);
});

const FOREIGN: readonly (readonly [title: string, ask: Partial<Ask>, status: number, code: string])[] = [
  ['a form of a foreign page', { headers: { ...FORM, Origin: 'https://evil.example' } }, 403, 'wrong-origin'],
  ['a form of nowhere', { headers: { ...FORM, Origin: 'null' } }, 403, 'wrong-origin'],
  ['another Host', { headers: FORM, host: 'evil.example' }, 421, 'wrong-host'],
  ['JSON', { headers: { 'Content-Type': 'application/json' }, body: '{}' }, 415, 'content-type'],
  ['a text, as pages may post without asking', { headers: { 'Content-Type': 'text/plain' } }, 415, 'content-type'],
  ['no type at all', {}, 415, 'content-type'],
  ['a body without end', { headers: FORM, body: 'a'.repeat(5_000) }, 413, 'body-too-large'],
];
for (const [title, ask, status, code] of FOREIGN) {
  t.test(`${title} does not act`, async (t) => {
    const admin = await start(t);
    admin.operations.link = VIEW;
    const answer = await admin.ask({ method: 'POST', path: PATH, ...ask });
    t.equal(answer.status, status);
    t.equal(errorOf(answer).code, code);
    t.same(admin.operations.used, []);
  });
}

t.test('a page under another Host is not shown either', async (t) => {
  const admin = await start(t, { allowedHosts: ['ops.example.com'] });
  admin.operations.link = VIEW;
  t.equal((await admin.ask({ path: PATH, host: 'evil.example' })).status, 421);
  t.equal((await admin.ask({ path: PATH, host: 'ops.example.com' })).status, 200);
  const headers = { ...FORM, Origin: 'https://ops.example.com' };
  t.equal((await admin.ask({ method: 'POST', path: PATH, host: 'ops.example.com', headers })).status, 200);
});

t.test('a form without a name acts too', async (t) => {
  const admin = await start(t);
  admin.operations.link = VIEW;
  t.equal((await admin.ask({ method: 'POST', path: PATH, headers: FORM })).status, 200);
  t.same(admin.operations.used, [{ token: 'abc.def', by: '' }]);
});

t.test('forms are for links alone', async (t) => {
  const admin = await start(t);
  const answer = await admin.ask({ method: 'POST', path: '/api/services/shop/flip', headers: FORM, body: 'to=green' });
  t.equal(answer.status, 415);
  t.same(admin.operations.calls, []);
});

const REFUSALS = [
  ['bad-link', 404],
  ['link-expired', 410],
  ['link-used', 410],
  ['link-stale', 409],
] as const;
for (const [code, status] of REFUSALS) {
  t.test(`${code} is a page that says why`, async (t) => {
    const admin = await start(t);
    admin.operations.link = refusal(code, 'because <of> this');
    for (const method of ['GET', 'POST'] as const) {
      const answer = await admin.ask({ method, path: PATH, headers: method === 'POST' ? FORM : {} });
      t.equal(answer.status, status);
      t.match(answer.text, '<h1>Nothing was done</h1><p>because &lt;of&gt; this</p>');
    }
  });
}

t.test('other methods are refused, and the pages are not in the document of the API', async (t) => {
  const admin = await start(t);
  t.equal((await admin.change('PUT', PATH)).status, 405);
  t.notMatch((await admin.ask({ path: '/api/openapi.json' })).text, /\/links/);
});
