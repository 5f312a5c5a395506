/**
 * What the harness has found in the data plane, played again without chance.
 */
import t from 'tap';
import { OK, OK_RELAYED, responseEnd } from '../wire/stage/messages.ts';
import { Rig } from '../wire/stage/rig.ts';
import type { Arrival } from '../wire/stage/upstream.ts';

t.test('a request whose used connection died gets a new one, although it has to wait for it', async (t) => {
  const rig = await Rig.start(t, { service: { limits: { connections: 2, queue: 10 } } });
  rig.upstream.hold();
  const ask = async (path: string): Promise<{ answer: () => Promise<string> }> => {
    const client = await rig.client();
    client.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    return { answer: () => client.until('the answer', (text) => responseEnd(text, 0) >= 0) };
  };
  const answerTo = ({ end }: Arrival): void => end.send(OK);

  const warm = [await ask('/warm'), await ask('/warm')];
  const used = [await rig.upstream.request(), await rig.upstream.request()];
  for (const arrival of used) answerTo(arrival);
  for (const { answer } of warm) await answer();

  await ask('/other');
  const other = await rig.upstream.request();
  const victim = await ask('/victim');
  const lost = await rig.upstream.request();
  t.ok(
    used.some(({ connection }) => connection === lost.connection),
    'the connection was used before',
  );
  const waiting = await ask('/waiting');
  while (rig.endpoint().queued === 0) await new Promise((resolve) => setImmediate(resolve));
  lost.end.reset();
  // The place of the lost connection goes to the one that waited; the victim is next.
  const waited = await rig.upstream.request();
  t.match(waited.bytes, /^GET \/waiting /);
  while (rig.endpoint().queued === 0) await new Promise((resolve) => setImmediate(resolve));
  answerTo(other);
  const again = await rig.upstream.request();
  t.match(again.bytes, /^GET \/victim /);
  t.notOk(
    [...used, waited].some(({ connection }) => connection === again.connection),
    'on a new connection',
  );
  answerTo(again);
  answerTo(waited);
  t.equal(await victim.answer(), OK_RELAYED);
  t.equal(await waiting.answer(), OK_RELAYED);
});
