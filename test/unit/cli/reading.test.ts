/** `reload`, `events` and `validate` as real processes: what they ask, what they print, how they exit. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { json, type Script, scriptedAdmin, start, tidegate } from './tidegate.ts';

async function admin(t: Pick<typeof import('tap').t, 'teardown'>, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

t.test('reload says what changed, and what is worth a warning', async (t) => {
  const warning = {
    file: 'tidegate.yaml',
    line: 3,
    column: 5,
    path: 'routes[1]',
    message: 'is never reached',
    severity: 'warning',
  };
  let answer: unknown = {
    result: 'applied',
    generation: 4,
    changes: ['shop: blue 100→0, green 0→100'],
    problems: [warning],
  };
  const api = await admin(t, (_, res) => json(res, answer));
  const applied = await tidegate(['reload', '--admin', api.url]);
  t.equal(applied.code, 0);
  t.equal(
    applied.out,
    'applied as generation 4\n  shop: blue 100→0, green 0→100\ntidegate.yaml:3:5: warning: routes[1]: is never reached\n',
  );
  t.equal(`${api.seen[0]!.method} ${api.seen[0]!.url} ${api.seen[0]!.body}`, 'POST /api/config/reload {}');
  answer = { result: 'unchanged', generation: 4, changes: [], problems: [] };
  t.equal((await tidegate(['reload', '--admin', api.url])).out, 'unchanged, generation 4\n');
});

t.test('reload of a bad file exits with 1 and lists the problems', async (t) => {
  const problem = {
    file: 'tidegate.yaml',
    line: 3,
    column: 5,
    path: 'servces',
    message: 'is no key',
    severity: 'error',
  };
  const error = { code: 'config-rejected', message: 'The file has 1 error, nothing was changed.', details: [problem] };
  const api = await admin(t, (_, res) => json(res, { error }, 422));
  const { code, out, err } = await tidegate(['reload', '--admin', api.url]);
  t.equal(code, 1);
  t.equal(out, 'tidegate.yaml:3:5: servces: is no key\n');
  t.equal(err, 'tidegate: refused: The file has 1 error, nothing was changed.\n');
});

const event = (id: number, text: string) => ({
  id,
  at: '2026-01-31T12:00:00.000Z',
  kind: 'traffic',
  service: 'shop',
  text,
  data: { epoch: id },
});

t.test('events prints what the API replays and ends by itself', async (t) => {
  const api = await admin(t, (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const frames = [event(3, 'shop: blue 0→5'), event(4, 'moved\x1b[2J')].map(
      (one) => `id: ${one.id}\ndata: ${JSON.stringify(one)}\n\n`,
    );
    res.write(`:\n\n${frames.join('')}data: garbage\n\n: live\n\n`);
  });
  const all = await tidegate(['events', '--admin', api.url]);
  t.equal(all.code, 0);
  t.equal(
    all.out,
    '     3  2026-01-31 12:00:00Z  traffic   shop: blue 0→5\n     4  2026-01-31 12:00:00Z  traffic   shop: moved[2J\n',
  );
  t.equal(api.seen[0]!.url, '/api/events?since=0');
  const inJson = await tidegate(['events', '--json', '--since', '2', '--admin', api.url]);
  t.same(
    inJson.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
    [3, 4],
  );
  t.equal(api.seen[1]!.url, '/api/events?since=2');
});

t.test('events --follow opens a stream that broke off again, after the last event that it saw', async (t) => {
  let opened = 0;
  const api = await admin(t, (_, res) => {
    opened += 1;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`data: ${JSON.stringify(event(opened * 10, `number ${opened}`))}\n\n`);
    if (opened === 1) res.end();
  });
  const child = start(['events', '--follow', '--admin', api.url]);
  await child.until(/number 2/);
  child.kill('SIGINT');
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
  t.same(
    api.seen.map((one) => one.url),
    ['/api/events', '/api/events?since=10'],
  );
});

t.test('events says why it was refused, and when the answer is no stream', async (t) => {
  let script: Script = (_, res) =>
    json(res, { error: { code: 'too-many-streams', message: 'Too many.', details: null } }, 503);
  const api = await admin(t, (seen, res) => script(seen, res));
  const refused = await tidegate(['events', '--admin', api.url]);
  t.same([refused.code, refused.err], [1, 'tidegate: refused: Too many.\n']);
  script = (_, res) => json(res, { services: [] });
  t.equal((await tidegate(['events', '--admin', api.url])).code, 3);
  script = (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(':\n\n', () => res.destroy());
  };
  const broken = await tidegate(['events', '--admin', api.url]);
  t.equal(broken.code, 3);
  t.match(broken.err, 'broke off before all events were read');
});

t.test('validate: 0 for a good file, 1 with positions for a bad one, 2 for one that cannot be read', async (t) => {
  const folder = t.testdir({
    'good.yaml': `listeners: [{ address: 127.0.0.1:8080 }]
services: { shop: { pools: { blue: { version: v1, endpoints: [127.0.0.1:3001] } }, traffic: blue } }
routes: [{ path: /, service: shop }]
`,
    'bad.yaml': `listeners: [{ adress: 127.0.0.1:8080 }]
services: { shop: { pools: { blue: { version: v1, endpoints: [nonsense] } }, traffic: blue } }
`,
  });
  const good = await tidegate(['validate', join(folder, 'good.yaml')]);
  t.same([good.code, good.err], [0, '']);
  t.match(good.out, /good\.yaml: valid\b/);
  const bad = await tidegate(['validate', join(folder, 'bad.yaml')]);
  t.equal(bad.code, 1);
  t.match(bad.out, /bad\.yaml:1:15: .*adress/);
  t.match(bad.out, /bad\.yaml:2:\d+: services\.shop\.pools\.blue\.endpoints\[0\]/);
  t.match(bad.out, /bad\.yaml: not valid: \d+ errors/);
  const inJson = JSON.parse((await tidegate(['validate', '--json', join(folder, 'bad.yaml')])).out);
  t.equal(inJson.valid, false);
  t.ok(inJson.problems.length >= 2);
  const missing = await tidegate(['validate', join(folder, 'none.yaml')]);
  t.same([missing.code, missing.out], [2, '']);
  t.match(missing.err, /none\.yaml.*there is no such file/);
});

t.test('validate without a word checks tidegate.yaml of the working directory', async (t) => {
  const folder = t.testdir({});
  writeFileSync(join(folder, 'tidegate.yaml'), 'listeners: 5\n');
  const { code, out } = await start(['validate'], {}, [], folder).done;
  t.equal(code, 1);
  t.match(out, /^tidegate\.yaml:1:/m);
});
