/** Standard output that nobody reads: traffic goes on, what waits is bounded, and the process can still be stopped. */
import { once } from 'node:events';
import t from 'tap';
import { Load } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';

/** A path that makes the line of its exchange long. */
const PATH = `/${'x'.repeat(7000)}`;
/** Some 40 MiB of lines, where 16 MiB may wait. */
const REQUESTS = 6000;

t.test('a log that nobody reads is dropped beyond a limit, counted, and does not keep the process', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue', top: ['log: { access: all }'] }),
  );
  const { stdout } = tidegate.child;
  stdout!.pause();
  const dropped = async (): Promise<number> => (await tidegate.admin.metrics()).sum('tidegate_log_dropped_total');
  t.equal(await dropped(), 0);
  const make = () => ({ bytes: `GET ${PATH} HTTP/1.1\r\nHost: shop.test\r\n\r\n` });
  const load = new Load({ port: tidegate.port, clients: 8, keepAlive: true, requests: REQUESTS, make });
  await load.finished;
  t.same(load.failures, []);
  t.equal(load.answered, REQUESTS, 'every request is answered all the same');
  await until('something is dropped', async () => (await dropped()) > 0);

  const exited = once(tidegate.child, 'exit');
  tidegate.signal('SIGTERM');
  await exited;
  t.pass('it has ended, though its last lines could not be written');
  stdout!.resume();
  await tidegate.exited;
});
