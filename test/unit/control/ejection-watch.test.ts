/**
 * What the control plane writes about the endpoints of a pool, and in which order: data threads read while it writes.
 */
import { pino } from 'pino';
import t from 'tap';
import type { Board } from '../../../src/control/board.ts';
import { EjectionWatch } from '../../../src/control/ejection-watch.ts';
import type { EventLog } from '../../../src/control/event-log.ts';
import { createEndpointMemory, EndpointCells, EndpointHead } from '../../../src/stats/endpoint-cells.ts';
import { until } from '../../scenario/stage/until.ts';
import { accept } from '../config/texts.ts';

const CONFIG = accept(`
listeners: [{ address: 127.0.0.1:8080 }]
services:
  shop:
    pools: { blue: { version: v1, endpoints: [127.0.0.1:3001, 127.0.0.1:3002] } }
    ejection: { consecutiveFailures: 2, base: 1ms }
routes: [{ path: /, service: shop }]
`);

t.test('one endpoint comes back as another leaves, and at no moment is there none', async (t) => {
  const memories = new Map([3001, 3002].map((port) => [`127.0.0.1:${port}`, createEndpointMemory(1)]));
  const cells = [...memories.values()].map((memory) => new EndpointCells(memory, 0));
  const watch = new EjectionWatch({
    board: {
      findEndpoint: (_service: string, _pool: string, name: string) => ({ board: memories.get(name)! }),
    } as unknown as Board,
    events: { append: () => {} } as unknown as EventLog,
    log: pino({ level: 'silent' }),
    isHealthy: () => true,
    inUse: () => 1,
    now: () => 0,
  });
  watch.follow(CONFIG);
  const admitting = (): number => cells.filter((one) => one.admitting).length;
  t.equal(admitting(), 2);

  for (const [index, one] of cells.entries()) {
    // The second is the worse one, so it leaves first: when it comes back, the first is looked at before it.
    for (let failure = 0; failure < 2 + index; failure++) {
      one.attemptStarted();
      one.attemptEnded('bad');
    }
  }
  watch.tick();
  t.equal(admitting(), 1, 'both deserve it, and the last one stays');
  const back = cells.find((one) => !one.admitting)!;
  const probe = await until('a probe is offered', () => {
    watch.tick();
    return back.takeProbe() || null;
  });
  back.endProbe(probe, 'good');

  const { set } = EndpointHead.prototype;
  const seen: number[] = [];
  t.teardown(() => {
    EndpointHead.prototype.set = set;
  });
  EndpointHead.prototype.set = function (this: EndpointHead, ...words) {
    set.apply(this, words);
    seen.push(admitting());
  };
  watch.tick();
  t.ok(back.admitting);
  t.equal(admitting(), 1, 'they have changed places');
  t.notOk(seen.includes(0), `admitting after each store: ${seen.join(', ')}`);
});
