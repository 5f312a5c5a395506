/** What is told to whom, and what the state file keeps of it, through crashes and faults of that file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import type { Config, Webhook } from '../../../src/config/schema.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import { NotifyStore } from '../../../src/control/notify-store.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { Webhooks } from '../../../src/control/webhooks.ts';
import { Receiver } from '../../scenario/stage/receiver.ts';
import { until } from '../../scenario/stage/until.ts';
import { accept, SMALL } from '../config/texts.ts';
import { Clock, NEWS, webhook } from './webhook-stage.ts';

const log = pino({ level: 'silent' });

function configOf(webhooks: readonly Webhook[], links?: Config['notify']['links']): Config {
  return { ...accept(SMALL), notify: { webhooks, links } };
}

/** A file for the state, and processes on it that begin and are killed. */
async function stage(t: Test) {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-webhooks-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'state.db');
  const clock = new Clock();
  const begin = (webhooks: readonly Webhook[], links?: Config['notify']['links']) => {
    const opened = StateStore.open(path);
    if (!opened.ok) throw new Error(opened.error);
    const { store } = opened.value;
    const now = (): number => Date.parse('2026-01-01T00:00:00Z') + clock.ms;
    const events = new EventLog(store, { now, log });
    const told = new Webhooks({ store: new NotifyStore(store), events, log, now, clock: clock.read, random: () => 0 });
    told.follow(configOf(webhooks, links));
    const tell = (what: string, service = 'shop', text = what) =>
      events.append('rollout', service, text, { ...NEWS, what });
    const end = (): void => {
      told.close();
      store.close();
    };
    t.teardown(end);
    return { store, events, told, tell, end };
  };
  return { path, clock, begin };
}

function waiting(path: string): number {
  const database = new DatabaseSync(path);
  const count = Number(database.prepare('SELECT count(*) AS count FROM deliveries').get()?.count);
  database.close();
  return count;
}

t.test('each webhook is told what it asked for, of the services that it asked for', async (t) => {
  const { begin, path } = await stage(t);
  const all = await Receiver.start(t);
  const ends = await Receiver.start(t);
  const carts = await Receiver.start(t);
  const { told, tell, events, end } = begin([
    webhook({ name: 'all', url: all.url }),
    webhook({ name: 'ends', url: ends.url, on: ['ended'] }),
    webhook({ name: 'carts', url: carts.url, services: ['cart'] }),
  ]);
  tell('started');
  tell('paused');
  tell('step', 'cart');
  const ofFlag = { ...NEWS, what: 'started', flag: 'new-nav', services: ['cart'] };
  events.append('rollout', null, 'flag new-nav: started', ofFlag);
  tell('ended');
  events.append('health', 'shop', 'an endpoint is up', {});
  events.append('traffic', 'shop', 'flipped', { reason: 'flip', by: 'anna' });
  told.tick();
  await until('all has five', () => all.received.length === 5);
  await until('nothing waits', () => told.figures().every(({ waiting: left }) => left === 0));
  t.same(
    all.messages.map(({ what, service }) => `${service} ${what}`),
    ['shop started', 'cart step', 'null started', 'shop ended', 'shop traffic'],
  );
  t.same(
    ends.messages.map(({ text }) => text),
    ['ended'],
  );
  t.same(
    carts.messages.map(({ service }) => service),
    ['cart', null],
    'and of flags that routes of these name',
  );
  end();
  t.equal(waiting(path), 0);
});

t.test('what is not delivered when the process is killed is delivered after the next start, in order', async (t) => {
  const { begin } = await stage(t);
  const receiver = await Receiver.start(t, (res) => res.writeHead(503).end());
  const hooks = [webhook({ url: receiver.url })];
  const first = begin(hooks);
  for (const what of ['started', 'step', 'ended']) first.tell(what);
  first.told.tick();
  await until('the first has failed', () => first.told.figures()[0]!.results.failed === 1);
  const { id } = receiver.messages[0]!;
  first.end();
  receiver.received.length = 0;
  receiver.answer = (res) => res.writeHead(200).end();
  const second = begin(hooks);
  second.tell('paused');
  second.told.tick();
  await receiver.arrived(3);
  t.same(
    receiver.messages.map(({ what }) => what),
    ['started', 'step', 'ended'],
  );
  t.equal(receiver.messages[0]!.id, id, 'it has the id that it had before');
});

t.test('an event whose message was not kept before the kill is caught up with, once', async (t) => {
  const { begin, path } = await stage(t);
  const receiver = await Receiver.start(t);
  const hooks = [webhook({ url: receiver.url })];
  const first = begin(hooks);
  first.told.close();
  first.tell('started');
  first.end();
  t.equal(waiting(path), 0, 'the kill came between the event and its message');
  const second = begin(hooks);
  t.equal(second.told.figures()[0]!.waiting, 1);
  second.end();
  t.equal(waiting(path), 1);
  const third = begin(hooks);
  t.equal(third.told.figures()[0]!.waiting, 1);
  third.told.tick();
  await until('it is delivered', () => third.told.figures()[0]!.waiting === 0);
  t.equal(receiver.received.length, 1);
});

t.test('what was delivered and not forgotten before the kill comes again under the same id', async (t) => {
  const { begin, path } = await stage(t);
  const receiver = await Receiver.start(t);
  const hooks = [webhook({ url: receiver.url })];
  const first = begin(hooks);
  first.tell('started');
  first.end();
  const copy = new DatabaseSync(path);
  const rows = copy.prepare('SELECT * FROM deliveries').all();
  copy.close();
  const second = begin(hooks);
  second.told.tick();
  await until('it is delivered', () => second.told.figures()[0]!.waiting === 0);
  second.end();
  const back = new DatabaseSync(path);
  for (const { id, webhook: name, event, body } of rows) {
    back
      .prepare('INSERT INTO deliveries VALUES (?, ?, ?, ?)')
      .run(String(id), String(name), Number(event), String(body));
  }
  back.close();
  const third = begin(hooks);
  third.told.tick();
  await receiver.arrived(2);
  t.equal(receiver.messages[0]!.id, receiver.messages[1]!.id);
});

t.test('a webhook that is new hears nothing of the past; one that leaves is forgotten', async (t) => {
  const { begin, path } = await stage(t);
  const receiver = await Receiver.start(t, (res) => res.writeHead(500).end());
  const chat = webhook({ url: receiver.url });
  const later = webhook({ name: 'later', url: receiver.url });
  const first = begin([chat]);
  first.tell('started');
  first.told.follow(configOf([chat, later]));
  t.match(first.told.figures(), [
    { webhook: 'chat', waiting: 1 },
    { webhook: 'later', waiting: 0 },
  ]);
  first.tell('step');
  first.end();
  t.equal(waiting(path), 3);
  const second = begin([later]);
  t.match(second.told.figures(), [{ webhook: 'later', waiting: 1 }]);
  second.end();
  t.equal(waiting(path), 1);
  const third = begin([chat, later]);
  t.match(third.told.figures(), [{ waiting: 0 }, { waiting: 1 }]);
});

t.test('a history that was lost with its file is not told again', async (t) => {
  const { begin, path } = await stage(t);
  const receiver = await Receiver.start(t);
  const first = begin([webhook({ url: receiver.url })]);
  first.tell('started');
  first.told.tick();
  await until('it is delivered', () => first.told.figures()[0]!.waiting === 0);
  first.end();
  const database = new DatabaseSync(path);
  database.exec("UPDATE webhooks SET heard = 99; UPDATE events SET text = 'another'");
  database.close();
  const second = begin([webhook({ url: receiver.url })]);
  t.equal(second.told.figures()[0]!.waiting, 0);
  second.tell('ended');
  t.equal(second.told.figures()[0]!.waiting, 1);
});

t.test('a state file that takes nothing keeps nobody from being told, and is written later', async (t) => {
  const { begin, path, clock } = await stage(t);
  const receiver = await Receiver.start(t, (res) => res.writeHead(500).end());
  const { store, told, tell, end } = begin([webhook({ url: receiver.url })]);
  const write = store.write.bind(store);
  store.write = () => ({ ok: false, error: 'the disk is full' });
  tell('started');
  told.tick();
  await receiver.arrived(1);
  t.ok(told.storeErrors > 0);
  store.write = write;
  clock.ms += 1_000;
  told.tick();
  await until('it has failed', () => told.figures()[0]!.results.failed > 0);
  end();
  t.equal(waiting(path), 1);
});

t.test('a message that is given up, and a webhook that cannot be reached, are events of their own', async (t) => {
  const { begin, clock } = await stage(t);
  const receiver = await Receiver.start(t, (res, _received, count) => res.writeHead(count === 3 ? 422 : 500).end());
  const { told, tell, events } = begin([webhook({ url: receiver.url, giveUpAfterMs: 400 })]);
  tell('started');
  tell('ended');
  told.tick();
  await until('a try has failed', () => told.figures()[0]!.results.failed === 1);
  clock.ms += 1_000;
  told.tick();
  await until('it is given up', () => told.figures()[0]!.results['given-up'] === 1);
  clock.ms += 2_000;
  told.tick();
  await until('the second is refused', () => told.figures()[0]!.results.refused === 1);
  const kinds = events.since(0, 100).filter(({ kind }) => kind === 'webhook');
  t.match(kinds, [
    { text: 'webhook chat takes no messages: status 500', data: { webhook: 'chat', reached: false } },
    { service: 'shop', data: { result: 'given-up', event: 1, why: 'status 500' } },
    { service: 'shop', data: { result: 'refused', event: 2, why: 'status 422' } },
  ]);
  t.equal(told.figures()[0]!.waiting, 0);
});

t.test('links are in messages where there are any, and the same with each try', async (t) => {
  const { begin, clock } = await stage(t);
  const receiver = await Receiver.start(t, (res, _received, count) => res.writeHead(count === 1 ? 500 : 200).end());
  const links = { baseUrl: 'http://127.0.0.1:9900', secret: 'sixteen-letters!', ttlMs: 3_600_000 };
  const { told, tell, end } = begin([webhook({ url: receiver.url, on: ['approval-needed'] })], links);
  tell('approval-needed');
  told.tick();
  await until('a try has failed', () => told.figures()[0]!.results.failed === 1);
  clock.ms += 1_000;
  told.tick();
  await until('it is delivered', () => told.figures()[0]!.waiting === 0);
  const [one, other] = receiver.messages;
  t.match(one!.links, { approve: /^http:\/\/127\.0\.0\.1:9900\/links\/./, rollback: /./ });
  t.same(one, other);
  end();
});
