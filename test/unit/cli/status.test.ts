/** `tidegate status` as a real process: the table, the exit code, and watching until somebody stops it. */

import t from 'tap';
import { GLANCE } from './flag-samples.ts';
import { tidegateHere } from './in-process.ts';
import { endpoint, idlePool, json, pool, type Script, scriptedAdmin, service, start, tidegate } from './tidegate.ts';

async function admin(t: Pick<typeof import('tap').t, 'teardown'>, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

t.test('status prints the table, and exits with 1 when a pool with traffic has nowhere to send it', async (t) => {
  let services = [service()];
  const api = await admin(t, ({ url }, res) => json(res, url === '/api/services' ? { services } : services[0]));
  const healthy = await tidegate(['status', '--admin', api.url]);
  t.equal(healthy.code, 0);
  t.equal(
    healthy.out,
    `shop  epoch 7, rollback by cli:ann, 2026-01-31 12:00:00Z: green was slow
  POOL  VERSION STATE     SHARE              RPS  ERR  P50  P95  P99  INFL    UP
  blue  v1.0    serving    100% ██████████  1235   0%  1.2  4.5 1.3s    12   1/1
  green v2.0    idle         0%                0    -    -    -    -     0   1/1
`,
  );
  services = [service({ pools: [pool({ endpoints: [endpoint({ admitting: false })] }), idlePool()] })];
  const one = await tidegate(['status', 'shop', '--admin', api.url]);
  t.equal(one.code, 1);
  t.match(one.out, '! blue has traffic and no endpoint that admits it');
  t.equal(api.seen.at(-1)!.url, '/api/services/shop');
  const inJson = await tidegate(['status', '--json', '--admin', api.url]);
  t.equal(inJson.code, 1);
  t.same(JSON.parse(inJson.out), { services });
});

t.test('status shows the rollouts of flags that run, after all services', async (t) => {
  const list = { services: [service()], flagRollouts: [{ flag: 'new-checkout', ...GLANCE }] };
  const api = await admin(t, ({ url }, res) => json(res, url === '/api/services' ? list : list.services[0]));
  const { code, out } = await tidegateHere(['status', '--admin', api.url]);
  t.equal(code, 0);
  t.match(out, /\n\n> flag new-checkout: rollout 5 to treatment \(8238b716\): holding step 2 of 4, 5%, 5 min/);
  t.notMatch((await tidegateHere(['status', 'shop', '--admin', api.url])).out, 'new-checkout');
});

t.test('status colours only when it is told to, as its output is no terminal here', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  t.notMatch((await tidegate(['status', '--admin', api.url])).out, '\x1b');
  t.match((await tidegate(['status', '--admin', api.url], { FORCE_COLOR: '1' })).out, '\x1b[1mshop\x1b[0m');
});

t.test('status --watch that is not on a terminal prints table after table until SIGINT', async (t) => {
  let epoch = 0;
  const api = await admin(t, (_, res) => {
    epoch += 1;
    json(res, { services: [service({ epoch })] });
  });
  const child = start(['status', '--watch', '--admin', api.url]);
  await child.until(/epoch 2/);
  child.kill('SIGINT');
  const { code, out, err } = await child.done;
  t.same([code, err], [0, '']);
  t.notMatch(out, '\x1b');
  t.match(out, /epoch 1[\s\S]*\n\nshop {2}epoch 2/);
});

t.test('status --watch goes on while Tidegate is away, and its exit code is that of the last look', async (t) => {
  let asked = 0;
  const api = await admin(t, (_, res) => {
    asked += 1;
    if (asked === 1) json(res, { services: [service()] });
    else res.destroy();
  });
  const child = start(['status', '--watch', '--json', '--admin', api.url]);
  const out = await child.until(/unreachable/);
  child.kill('SIGTERM');
  t.equal((await child.done).code, 3);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.same(lines[0], { services: [service()] });
  t.equal(lines[1].error.code, 'unreachable');
});

t.test('a reader that goes away ends a watch without a stack trace and without an error', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  const child = start(['status', '--watch', '--admin', api.url]);
  await child.until(/epoch 7/);
  child.closeOutput();
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
});

t.test('a reader that has gone before the first line does not change the exit code', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  const child = start(['status', '--json', '--admin', api.url]);
  child.closeOutput();
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
});
