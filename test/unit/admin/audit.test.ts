/** The audit log: a line for every change, whoever hangs up and whatever is sent. */
import { once } from 'node:events';
import t from 'tap';
import { start } from './harness.ts';
import { RECEIPT } from './scripted-operations.ts';

t.test('a caller who hangs up before the answer leaves no change without its audit line', async (t) => {
  const admin = await start(t);
  const asked = Promise.withResolvers<void>();
  const moved = Promise.withResolvers<void>();
  admin.operations.setTraffic = async () => {
    asked.resolve();
    await moved.promise;
    return RECEIPT;
  };
  const caller = await admin.connect();
  const body = '{"green":10,"blue":90}';
  caller.write(
    `PUT /api/services/shop/traffic HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\n` +
      `X-Tidegate-By: anna\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await asked.promise;
  const gone = once(caller, 'close');
  caller.resetAndDestroy();
  await gone;
  // Whoever comes later is read later, so the server has seen the first one leave.
  await admin.ask({ path: '/healthz' });
  moved.resolve();
  await admin.ask({ path: '/healthz' });
  t.match(admin.lines('audit'), [
    { audit: 'traffic', peer: '127.0.0.1', service: 'shop', by: 'anna', change: { epoch: 8 } },
  ]);
});
