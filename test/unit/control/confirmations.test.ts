/** The question whether a step may be taken, against receivers that say yes, no, later, or nothing. */
import { pino } from 'pino';
import t, { type Test } from 'tap';
import type { Confirm } from '../../../src/config/schema.ts';
import { Confirmations } from '../../../src/control/confirmations.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { signatureFields } from '../../../src/control/webhook-signature.ts';
import { type Answering, Receiver } from '../../scenario/stage/receiver.ts';
import { Course } from '../rollout/course-of.ts';

const log = pino({ level: 'silent' });
const AT = '2026-01-01T00:00:00.000Z';
const never = new AbortController().signal;

async function stage(t: Test, answer: Answering) {
  const receiver = await Receiver.start(t, answer);
  const opened = StateStore.open(':memory:');
  if (!opened.ok) throw new Error(opened.error);
  const now = (): number => Date.parse(AT);
  const events = new EventLog(opened.value.store, { now, log });
  const confirmations = new Confirmations({ events, log, now });
  const { rollout } = new Course({ verifyBefore: false });
  const record = { id: 7, service: 'shop', version: 'v2', startedAt: AT, startedBy: 'ci', rollout } as RolloutRecord;
  const settings: Confirm = {
    url: receiver.url,
    secret: undefined,
    timeoutMs: 60_000,
    intervalMs: 1,
    answerWithinMs: 5_000,
    onTimeout: 'pause',
    refusedBy: [],
  };
  const ask = (rest: Partial<Confirm> = {}, stop = never, askedMs = 0) =>
    confirmations.ask({ ...settings, ...rest }, record, { step: 1, epoch: 3, askedMs }, stop);
  const texts = (): string[] => events.since(0, 100).map(({ text }) => text);
  return { receiver, confirmations, record, ask, texts };
}

t.test('without settings nobody has a say', async (t) => {
  const { confirmations, record, receiver } = await stage(t, (res) => res.end());
  t.match(await confirmations.ask(undefined, record, { step: 0, epoch: 1, askedMs: 0 }, never), { result: 'ok' });
  t.equal(receiver.received.length, 0);
});

t.test('a yes lets it, at once; the question is signed and says what is asked', async (t) => {
  const { ask, receiver, texts, confirmations } = await stage(t, (res) => res.writeHead(202).end('sure'));
  t.same(await ask({ secret: 'a text' }), { result: 'ok', why: '' });
  const { headers, body } = receiver.received[0]!;
  t.match(JSON.parse(body), {
    what: 'confirm',
    service: 'shop',
    text: 'shop: may step 2 of 5 be taken?',
    rollout: { id: 7, step: 2, steps: 5, active: 'blue', candidate: 'green', version: 'v2', startedBy: 'ci' },
    nextShare: 0.05,
  });
  const atS = Number(headers['webhook-timestamp']);
  t.match(headers, signatureFields({ id: JSON.parse(body).id, atS, body }, 'a text'));
  t.same(texts(), []);
  t.same(confirmations.figures(), [{ service: 'shop', answers: { yes: 1, no: 0, unanswered: 0 } }]);
});

t.test(
  'whatever is no yes makes it wait, is asked again under the same id, and is told once with its words',
  async (t) => {
    const { ask, receiver, texts, confirmations } = await stage(t, (res, _received, count) => {
      if (count === 1) res.writeHead(503).end('the <b>build</b>\n\u001b[31m is running');
      else if (count === 2) res.destroy();
      else if (count === 3) res.writeHead(302, { location: '/yes' }).end();
      else res.writeHead(204).end();
    });
    t.same(await ask(), { result: 'ok', why: '' });
    t.equal(receiver.received.length, 4);
    t.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    t.same(texts(), [
      'shop: step 2 of 5 waits for its confirmation: status 503, it said "the <b>build</b> [31m is running"',
    ]);
    t.same(confirmations.figures(), [{ service: 'shop', answers: { yes: 1, no: 2, unanswered: 1 } }]);
  },
);

t.test('when the time is over, it is as it was configured', async (t) => {
  const { ask, texts } = await stage(t, (res) => res.writeHead(409).end());
  const why = 'step 2 of 5 was not confirmed in time: status 409';
  t.same(await ask({ timeoutMs: 0 }), { result: 'undecided', why });
  t.same(await ask({ timeoutMs: 5, onTimeout: 'rollback' }), { result: 'failed', why });
  t.same(await ask({ timeoutMs: 0, onTimeout: 'promote' }), { result: 'ok', why: '' });
  t.equal(texts().at(-1), `shop: ${why}; it is taken all the same`);
});

t.test('an answer that comes too late is none', async (t) => {
  const { ask } = await stage(t, () => {});
  t.same(await ask({ timeoutMs: 50, answerWithinMs: 100 }), {
    result: 'undecided',
    why: 'step 2 of 5 was not confirmed in time: no answer within 100 ms',
  });
});

t.test('a status that is named is a no for good', async (t) => {
  const { ask, receiver } = await stage(t, (res) => res.writeHead(403).end('not today'));
  t.same(await ask({ refusedBy: [403] }), {
    result: 'failed',
    why: 'step 2 of 5 was refused by its confirmation: status 403, it said "not today"',
  });
  t.equal(receiver.received.length, 1);
});

t.test('calling it off ends it, in the middle of a question and between two', async (t) => {
  const stop = new AbortController();
  const { ask } = await stage(t, () => stop.abort());
  t.match(await ask({}, stop.signal), { why: 'called off' });

  const between = new AbortController();
  const other = await stage(t, (res) => res.writeHead(500).end(() => setImmediate(() => between.abort())));
  t.match(await other.ask({ intervalMs: 3_600_000 }, between.signal), { why: 'called off' });
});

t.test('what an earlier process has waited counts, and what is left is shown', async (t) => {
  const { ask, confirmations, receiver } = await stage(t, (res) => res.writeHead(503).end('not yet'));
  t.equal(confirmations.waiting(7), null);
  t.match(await ask({}, never, 60_000), { result: 'undecided', why: /was not confirmed in time: status 503/ });
  t.equal(receiver.received.length, 1, 'it is asked once more all the same');
  const stop = new AbortController();
  const asking = ask({}, stop.signal, 20_000);
  const first = confirmations.waiting(7)!;
  t.match(first, { step: 2, why: 'there is no answer yet', onTimeout: 'pause' });
  t.ok(first.leftMs <= 40_000 && first.leftMs > 30_000);
  await receiver.arrived(3);
  t.match(confirmations.waiting(7), { why: 'status 503, it said "not yet"' });
  stop.abort();
  await asking;
  t.equal(confirmations.waiting(7), null);
});
