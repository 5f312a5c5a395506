/**
 * Flags over the end of the process and of a thread, and everything that may be said of them wrongly.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import type { FlagReceipt, FlagView } from '../../src/control/operations.ts';
import { exchange } from './stage/exchange.ts';
import { type MalformedCall, malformedCall } from './stage/malformed-flags.ts';
import { seededRandom } from './stage/seeded.ts';
import { shopConfig } from './stage/shop.ts';
import { configFile, Tidegate } from './stage/tidegate.ts';
import { type Handler, Upstream } from './stage/upstream.ts';

const chance = seededRandom();
t.comment(`seed ${chance.seed}`);

const FLAGS = [
  'flagContext: { key: [{ header: x-user-id }] }',
  'flags:',
  '  web: { strategy: percentage, value: 100 }',
  '  base: { strategy: all }',
];

/** Answers with what it is told of flags. */
const tellFlags: Handler = (req, res) => {
  res.end(String(req.headers['feature-flags']));
};

async function flagShop(t: Parameters<typeof configFile>[0]): Promise<string> {
  const upstream = await Upstream.start(t, 'v1', tellFlags);
  const pools = { blue: { version: 'v1', endpoints: [upstream.address] } };
  const routes = ['{ name: flagged, path: /flags, service: shop, flags: [web] }'];
  return configFile(t, shopConfig({ pools, traffic: 'blue', routes, top: FLAGS }));
}

async function told(port: number): Promise<string> {
  return (await exchange(port, '/flags', { headers: { 'x-user-id': 'alice' } })).body;
}

t.test('kill -9 forgets nothing that was answered, and 500 wrong calls change nothing', async (t) => {
  const file = await flagShop(t);
  const first = await Tidegate.start(t, file);
  const call = <T>(path: string, body: unknown): Promise<{ status: number; body: T }> =>
    first.admin.call<T>('POST', `/api/flags/${path}`, body);
  t.equal(await told(first.port), 'web=?1');
  t.match(await call<FlagReceipt>('web/kill', { reason: 'it burns' }), { status: 200, body: { stored: true } });
  t.equal(await told(first.port), 'web=?0');
  t.equal((await call('web', { rules: [{ strategy: 'all' }] })).status, 200);
  t.equal((await call('made', { strategy: 'users', value: ['alice'], requires: [{ flag: 'base' }] })).status, 200);
  const metrics = await first.admin.metrics();
  const given = (labels: Record<string, string>): number =>
    metrics.sum('tidegate_flag_evaluations_total', { flag: 'web', ...labels });
  t.equal(given({ variant: 'on', reason: 'SPLIT' }), 1);
  t.equal(given({ variant: 'off', reason: 'DISABLED' }), 1);
  t.equal(metrics.sum('tidegate_flag_killed', { flag: 'web' }), 1);
  t.equal(metrics.sum('tidegate_flag_share', { flag: 'web' }), 1);
  t.equal(metrics.sum('tidegate_flag_changes_total', { flag: 'web', how: 'kill' }), 1);
  t.match(
    (await first.admin.events('flag')).map(({ text }) => text).join('\n'),
    /flag web: killed by api \(it burns\)/,
  );
  const before = (await first.admin.call('GET', '/api/flags')).body;
  await first.kill();

  const second = await Tidegate.start(t, file);
  t.strictSame((await second.admin.call('GET', '/api/flags')).body, before);
  t.equal(await told(second.port), 'web=?0', 'a killed flag stays killed');
  const history = await second.admin.call<{ receipts: FlagReceipt[] }>('GET', '/api/flags/web/history');
  t.match(
    history.body.receipts.map(({ how, reason }) => [how, reason]),
    [
      ['set', ''],
      ['kill', 'it burns'],
      ['file', ''],
    ],
  );

  const wrong: string[] = [];
  for (let count = 0; count < 500; count++) {
    const made = malformedCall(chance);
    const problem = await refusal(second.admin.port, made);
    if (problem !== null) wrong.push(`${problem}: ${made.path} ${made.body.slice(0, 200)}`);
  }
  t.strictSame(wrong, []);
  t.strictSame((await second.admin.call('GET', '/api/flags')).body, before);

  await second.edit((text) => text.replace('web: { strategy: percentage, value: 100 }', 'web: { strategy: none }'));
  await second.line('the edit is in force', ({ msg }) => msg?.startsWith('config applied: flag web') === true);
  const view = (await second.admin.call<FlagView>('GET', '/api/flags/web')).body;
  t.match(view, { definition: { strategy: 'none' }, asInFile: true, killed: true });
  t.equal((await second.admin.call('POST', '/api/flags/web/restore', {})).status, 200);
  t.equal(await told(second.port), 'web=?0');
  await second.kill();
});

/** What is not as it should be about the answer to a call that is wrong; null when it is a clear refusal. */
async function refusal(port: number, { path, body }: MalformedCall): Promise<string | null> {
  const headers = { 'content-type': 'application/json' };
  const answer = await exchange(port, `/api/flags/${path}`, { method: 'POST', headers, body });
  if (answer.status < 400 || answer.status > 499) return `status ${answer.status}`;
  const { error } = JSON.parse(answer.body) as { error: { code: string; message: string } };
  if (error.message.length < 10 || error.message.length > 1000) return `message ${error.message}`;
  return /[a-z]+\.ts:|node_modules|\[object/.test(error.message) ? `message ${error.message}` : null;
}

t.test('a thread that takes the place of a dead one meets flags as they stand', async (t) => {
  const file = await flagShop(t);
  process.chdir(join(file, '..'));
  const plane = await ControlPlane.start({ file, env: {}, log: pino({ level: 'silent' }), accessLog: () => {} });
  if ('failed' in plane) throw new Error(plane.lines.join('\n'));
  t.teardown(() => plane.terminate());
  const port = Number(plane.listeners()[0]!.address.split(':')[1]);
  await plane.flags.kill('web', { by: 'ann', reason: '', ifEpoch: null });
  for (const thread of [0, 1]) {
    const replaced = new Promise<void>((resolve) => {
      plane.onEvent(({ text }) => {
        if (text.includes(`data thread ${thread} has been replaced`)) resolve();
      });
    });
    await plane.threads.kill(thread);
    await replaced;
  }
  t.equal(await told(port), 'web=?0');
  await plane.flags.restore('web', { by: 'ann', reason: '', ifEpoch: null });
  t.equal(await told(port), 'web=?1', 'and have the same dial');
});
