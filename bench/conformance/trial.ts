/**
 * Puts one case to one proxy: sends the bytes on a connection of its own, waits until nothing happens any more, and
 * gives what both ends have seen.
 *
 * That nothing more will come cannot be known, only waited for: a case is over when the client's connection has ended
 * and both sides have been quiet for a moment, when there is an answer and nothing has moved for longer, or when the
 * patience of the case is used up. The times are many times what any of the proxies needs on the loopback interface.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WireEnd } from '../../test/wire/stage/wire-end.ts';
import type { ConformanceCase } from './case.ts';
import type { Evidence } from './judgement.ts';
import type { Recorder } from './recorder.ts';

const pollMs = 10;
const quietAfterEndMs = 100;
const quietBeforeNextMs = 120;
const quietAfterAnswerMs = 250;
const untilThenMs = 1_500;
const patienceMs = 2_000;
/** No case takes longer than its patience twice, however much keeps moving. */
const patienceTimes = 2;

/** Runs one case against the proxy on this port, whose upstream is the recorder. Rejects when nothing listens there. */
export async function runCase(subject: ConformanceCase, port: number, recorder: Recorder): Promise<Evidence> {
  await recorder.begin(subject.upstream);
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const client = new WireEnd(socket);
  client.send(subject.sends);
  await untilOver(subject, client, recorder);
  const evidence = { client: { bytes: client.received, ending: client.ending }, upstream: recorder.seen() };
  socket.destroy();
  await recorder.finish();
  return evidence;
}

async function untilOver(subject: ConformanceCase, client: WireEnd, recorder: Recorder): Promise<void> {
  const patience = subject.patienceMs ?? patienceMs;
  const later = typeof subject.upstream === 'object' ? subject.upstream.later : undefined;
  const steps = [
    ...(later === undefined ? [] : [() => recorder.sendLater(later)]),
    ...(subject.sendsNext === undefined ? [] : [() => client.send(subject.sendsNext!)]),
  ];
  const begunMs = performance.now();
  let movedMs = begunMs;
  let before = '';
  let isGone = false;
  while (performance.now() - begunMs < patience * patienceTimes) {
    await delay(pollMs);
    const upstream = recorder.seen();
    const now = JSON.stringify([
      client.received.length,
      client.ending,
      upstream.map(({ bytes, ending }) => [bytes.length, ending]),
    ]);
    if (now !== before) {
      before = now;
      movedMs = performance.now();
    }
    const quietMs = performance.now() - movedMs;
    if (subject.clientLeaves === true) {
      if (isGone && upstream.every(({ ending }) => ending !== null)) return;
      if (!isGone && upstream.length > 0 && quietMs > quietBeforeNextMs) {
        client.reset();
        isGone = true;
      }
    } else if (client.ending !== null) {
      if (quietMs > quietAfterEndMs) return;
    } else if (steps.length > 0) {
      const isTime = client.received === '' ? quietMs > untilThenMs : quietMs > quietBeforeNextMs;
      if (!isTime) continue;
      steps.shift()!();
      movedMs = performance.now();
    } else if (client.received !== '' && quietMs > quietAfterAnswerMs) return;
    if (quietMs > patience) return;
  }
}
