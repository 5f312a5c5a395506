import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { canReusePort, probePort } from '../../../src/control/ports.ts';

t.test('a free port stands for 0, and can be opened after the probe', async (t) => {
  const probe = await probePort('127.0.0.1', 0);
  if ('error' in probe) throw new Error(probe.error);
  t.ok(probe.port > 0);
  t.strictSame(await probePort('127.0.0.1', probe.port), probe);
});

t.test('a port that is taken is refused, also when its owner would share it', async (t) => {
  for (const reusePort of (await canReusePort()) ? [false, true] : [false]) {
    const server = createServer().listen({ host: '127.0.0.1', port: 0, reusePort });
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    t.strictSame(await probePort('127.0.0.1', port), { error: 'another program uses this port' });
  }
});

t.test('an address of another machine is refused with a sentence about it', async (t) => {
  t.strictSame(await probePort('192.0.2.1', 0), { error: 'this machine does not have this address' });
});

t.test('what the system says about shared ports is true', async (t) => {
  const server = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: await canReusePort() });
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const second = createServer().listen({ host: '127.0.0.1', port, reusePort: await canReusePort() });
  t.teardown(() => second.close());
  const opened = await once(second, 'listening').then(
    () => true,
    () => false,
  );
  t.equal(opened, await canReusePort());
});
