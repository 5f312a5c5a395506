/** Rollouts that are confirmed, told of and decided by links, with real processes, receivers and kills. */
import t, { type Test } from 'tap';
import type { RolloutView } from '../../src/control/operations.ts';
import { exchange } from './stage/exchange.ts';
import { type OwnMessage, Receiver } from './stage/receiver.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';

const APPROVAL = '{ weight: 0%, hold: 0s, approve: true }, { weight: 100% }';

/** A shop whose rollouts take one step, or those that are given, and end as soon as they may. */
async function stage(t: Test, { confirm, steps, notify }: { confirm?: string; steps?: string; notify?: string }) {
  const [blue, green] = await Promise.all([Upstream.start(t, 'v1'), Upstream.start(t, 'v2')]);
  const rollout = [
    `steps: [${steps ?? '100%'}]`,
    'bake: 0s',
    'verify: { before: false, after: false }',
    ...(confirm === undefined ? [] : [`confirm: { interval: 100ms, ${confirm} }`]),
  ];
  const file = await configFile(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, green.address),
      traffic: 'blue',
      top: notify === undefined ? [] : [`notify: { ${notify} }`],
      service: [`rollout: { ${rollout.join(', ')} }`],
    }),
  );
  return { file, tidegate: await Tidegate.start(t, file) };
}

async function rolloutOf(tidegate: Tidegate): Promise<RolloutView> {
  return (await tidegate.admin.call<RolloutView>('GET', '/api/services/shop/rollout')).body;
}

async function begin(tidegate: Tidegate): Promise<RolloutView> {
  const { status, body } = await tidegate.admin.call<RolloutView>('POST', '/api/services/shop/rollout', {});
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

function command(tidegate: Tidegate, name: string) {
  return tidegate.admin.call<RolloutView>('POST', `/api/services/shop/rollout/${name}`, {});
}

async function ended(tidegate: Tidegate): Promise<RolloutView> {
  return until('the rollout has ended', async () => {
    const view = await rolloutOf(tidegate);
    return view.endedAt === null ? null : view;
  });
}

async function traffic(tidegate: Tidegate): Promise<Readonly<Record<string, number>>> {
  return (await tidegate.admin.service()).traffic;
}

t.test('a step is taken once it is confirmed, and users stay where they are until then', async (t) => {
  const gate = await Receiver.start(t, (res, _received, count) => {
    res.writeHead(count < 3 ? 503 : 200).end(count < 3 ? 'the build runs' : '');
  });
  const told = await Receiver.start(t);
  const { tidegate } = await stage(t, {
    confirm: `url: "${gate.url}"`,
    notify: `webhooks: [{ name: audit, url: "${told.url}" }]`,
  });
  await begin(tidegate);
  await gate.arrived(2);
  t.equal((await exchange(tidegate.port, '/')).body, 'v1\n');
  t.match(await rolloutOf(tidegate), { phase: 'stepping', share: 0 });
  t.match(await ended(tidegate), { phase: 'succeeded' });
  t.equal((await exchange(tidegate.port, '/')).body, 'v2\n');
  await told.message('the end', ({ what }) => what === 'ended');
  t.same(
    told.messages.map(({ what }) => what),
    ['started', 'baking', 'ended'],
  );
  const events = await tidegate.admin.events('rollout');
  t.match(
    events.map(({ text }) => text),
    [/started by/, 'shop: step 1 of 1 waits for its confirmation: status 503, it said "the build runs"', /.*/, /.*/],
  );
  const metrics = await tidegate.admin.metrics();
  t.equal(metrics.sum('tidegate_rollout_confirmations_total', { answer: 'no' }), 2);
  t.equal(metrics.sum('tidegate_rollout_confirmations_total', { answer: 'yes' }), 1);
  await until('all of it is delivered', async () => {
    const delivered = { webhook: 'audit', result: 'delivered' };
    return (await tidegate.admin.metrics()).sum('tidegate_webhook_deliveries_total', delivered) === 3;
  });
  t.equal((await tidegate.admin.metrics()).sum('tidegate_webhook_queue', { webhook: 'audit' }), 0);
});

t.test('a step that is refused for good is not taken, and no user has seen the candidate', async (t) => {
  const gate = await Receiver.start(t, (res) => res.writeHead(403).end('frozen by finance'));
  const { tidegate } = await stage(t, { confirm: `url: "${gate.url}", refusedBy: 403` });
  await begin(tidegate);
  t.match(await ended(tidegate), {
    phase: 'rolled-back',
    reason: 'step 1 of 1 was refused by its confirmation: status 403, it said "frozen by finance"',
  });
  t.same(await traffic(tidegate), { blue: 100, green: 0 });
});

for (const [onTimeout, phase] of [
  ['rollback', 'rolled-back'],
  ['promote', 'succeeded'],
] as const) {
  t.test(`when nobody has confirmed in time and that is to be ${onTimeout}, it is ${phase}`, async (t) => {
    const gate = await Receiver.start(t, (res) => res.writeHead(500).end());
    const { tidegate } = await stage(t, { confirm: `url: "${gate.url}", timeout: 150ms, onTimeout: ${onTimeout}` });
    await begin(tidegate);
    t.match(await ended(tidegate), { phase });
    t.same(await traffic(tidegate), phase === 'succeeded' ? { blue: 0, green: 100 } : { blue: 100, green: 0 });
  });
}

t.test('when nobody has confirmed in time it is paused; resumed it asks again, promoted it does not', async (t) => {
  const gate = await Receiver.start(t);
  const confirm = `url: "${gate.url}", timeout: 0s`;
  await gate.stop();
  const { tidegate } = await stage(t, { confirm });
  await begin(tidegate);
  const paused = () => until('it is paused', async () => (await rolloutOf(tidegate)).pausedBy === 'unconfirmed');
  await paused();
  t.match(await rolloutOf(tidegate), { reason: 'step 1 of 1 was not confirmed in time: ECONNREFUSED' });
  t.equal((await command(tidegate, 'resume')).status, 200);
  await paused();
  t.equal((await command(tidegate, 'promote')).status, 200);
  t.match(await ended(tidegate), { phase: 'succeeded' });
});

t.test('a question that hangs is ended by an abort', async (t) => {
  const closed = Promise.withResolvers<void>();
  const gate = await Receiver.start(t, (res) => res.on('close', closed.resolve));
  const { tidegate } = await stage(t, { confirm: `url: "${gate.url}", answerWithin: 60s` });
  await begin(tidegate);
  await gate.arrived(1);
  t.equal((await command(tidegate, 'abort')).status, 200);
  await closed.promise;
  t.match(await ended(tidegate), { phase: 'aborted' });
});

t.test('a kill in the middle of a question asks it again under the same id', async (t) => {
  const gate = await Receiver.start(t, (res) => res.writeHead(503).end());
  const { tidegate, file } = await stage(t, { confirm: `url: "${gate.url}"` });
  await begin(tidegate);
  await gate.arrived(1);
  await tidegate.kill();
  const before = gate.received.length;
  gate.answer = (res) => res.writeHead(200).end();
  const again = await Tidegate.start(t, file);
  t.match(await ended(again), { phase: 'succeeded' });
  const ids = gate.received.map(({ headers }) => headers['webhook-id']);
  t.equal(ids[before], ids[0]);
});

t.test('messages that a dead receiver did not take survive kill -9, in order and under their ids', async (t) => {
  const told = await Receiver.start(t, (res) => res.writeHead(503).end());
  const { tidegate, file } = await stage(t, { notify: `webhooks: [{ name: audit, url: "${told.url}" }]` });
  await begin(tidegate);
  t.match(await ended(tidegate), { phase: 'succeeded' });
  await told.arrived(1);
  const { id } = told.messages[0]!;
  t.equal((await tidegate.admin.metrics()).sum('tidegate_webhook_queue'), 3);
  await tidegate.kill();
  told.received.length = 0;
  told.answer = (res) => res.writeHead(200).end();
  const again = await Tidegate.start(t, file);
  await told.message('the end', ({ what }) => what === 'ended');
  t.same(
    told.messages.map(({ what }) => what),
    ['started', 'baking', 'ended'],
  );
  t.equal(told.messages[0]!.id, id);
  await until('nothing waits', async () => (await again.admin.metrics()).sum('tidegate_webhook_queue') === 0);
});

t.test('a receiver that hangs holds up neither a rollout nor a request', async (t) => {
  const told = await Receiver.start(t, () => {});
  const { tidegate } = await stage(t, { notify: `webhooks: [{ name: audit, url: "${told.url}", timeout: 60s }]` });
  await begin(tidegate);
  t.match(await ended(tidegate), { phase: 'succeeded' });
  t.equal((await exchange(tidegate.port, '/')).body, 'v2\n');
  t.equal(told.received.length, 1);
});

const LINKS = 'links: { baseUrl: "http://127.0.0.1:9900", secret: a-secret-of-more-than-16 }';

/** Opens a link at the port that the admin API really has. */
function open(tidegate: Tidegate, link: string, method: 'GET' | 'POST' = 'GET') {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const options = method === 'GET' ? {} : { method, headers, body: 'by=Anna' };
  return exchange(tidegate.admin.port, new URL(link).pathname, options);
}

function asked({ what }: OwnMessage): boolean {
  return what === 'approval-needed';
}

t.test('a link approves when its form is sent, once, and looking at it does nothing', async (t) => {
  const told = await Receiver.start(t);
  const notify = `webhooks: [{ name: audit, url: "${told.url}" }], ${LINKS}`;
  const { tidegate, file } = await stage(t, { steps: APPROVAL, notify });
  await begin(tidegate);
  const { links } = await told.message('approval is needed', asked);
  const approve = links!.approve!;
  for (let count = 0; count < 3; count += 1) t.match(await open(tidegate, approve), { status: 200, body: /<form/ });
  t.match(await rolloutOf(tidegate), { phase: 'awaiting-approval' });
  t.match(await open(tidegate, `${approve}x`, 'POST'), { status: 404 });
  t.match(await open(tidegate, approve, 'POST'), { status: 200, body: /Approved/ });
  t.match(await ended(tidegate), { phase: 'succeeded' });
  t.match(await open(tidegate, approve, 'POST'), { status: 410, body: /has been used/ });
  t.match(await open(tidegate, links!.rollback!), { status: 409, body: /traffic has moved since/ });
  const line = tidegate.lines.find(({ audit }) => audit === 'link');
  t.match(line, { by: 'link (Anna)' });
  t.notMatch(JSON.stringify(tidegate.lines), new RegExp(new URL(approve).pathname.slice(7)));
  const { links: last } = await told.message('the end', ({ what }) => what === 'ended');
  await tidegate.kill();
  const again = await Tidegate.start(t, file);
  t.match(await open(again, approve, 'POST'), { status: 410 });
  t.match(await open(again, last!.rollback!, 'POST'), { status: 200, body: /back on blue/ });
  t.same(await traffic(again), { blue: 100, green: 0 });
});

t.test('a link rolls back what runs, and no link does anything after that', async (t) => {
  const told = await Receiver.start(t);
  const notify = `webhooks: [{ name: audit, url: "${told.url}" }], ${LINKS}`;
  const { tidegate } = await stage(t, { steps: `{ weight: 10%, hold: 1h }, { weight: 100% }`, notify });
  await begin(tidegate);
  const { links } = await told.message('a step', ({ what }) => what === 'step');
  t.match(await open(tidegate, links!.rollback!, 'POST'), { status: 200, body: /aborted by link \(Anna\)/ });
  t.match(await ended(tidegate), { phase: 'aborted', reason: 'aborted by link (Anna)' });
  t.same(await traffic(tidegate), { blue: 100, green: 0 });
  const { links: first } = await told.message('the start', ({ what }) => what === 'started');
  t.match(await open(tidegate, first!.rollback!, 'POST'), { status: 409, body: /has ended: aborted/ });
});

t.test('webhooks come and go with the config, and a reload says so without their URLs', async (t) => {
  const first = await Receiver.start(t);
  const second = await Receiver.start(t);
  const { tidegate } = await stage(t, { notify: `webhooks: [{ name: audit, url: "${first.url}", on: [traffic] }]` });
  await tidegate.admin.flip('green');
  await first.message('the flip', ({ what }) => what === 'traffic');
  await tidegate.edit((text) => text.replace(/name: audit, url: "[^"]*"/, `name: other, url: "${second.url}"`));
  const reload = await until('it is reloaded', async () => (await tidegate.admin.events('reload'))[0]);
  t.match(reload.text, /notify\.webhooks\.audit\.url removed/);
  t.notMatch(JSON.stringify(reload), /\/hook/);
  await tidegate.admin.rollback();
  await second.message('the way back', ({ what }) => what === 'traffic');
  t.equal(first.received.length, 1);
});
