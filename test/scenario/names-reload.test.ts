/** A reload that has to wait for a DNS server keeps nobody else waiting, and undoes nothing that was done meanwhile. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import type { NameAnswer } from '../../src/control/name-resolver.ts';
import { temporaryDirectory } from './stage/tidegate.ts';

const BY = { by: 'anna', reason: '', ifEpoch: null };
const NOBODY_KNOWS: NameAnswer = { v4: { kind: 'failed', why: 'ETIMEOUT' }, v6: { kind: 'failed', why: 'ETIMEOUT' } };

interface Stage {
  readonly plane: ControlPlane;
  /** Writes the file: blue has these endpoints, and traffic is as it says. */
  readonly write: (endpoints: string, traffic: string, pools?: string) => Promise<void>;
  /** Resolves when a name is asked for. */
  readonly asked: Promise<void>;
  /** Lets the look at the name fail. */
  readonly giveUp: () => void;
}

async function stage(t: Test): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'tidegate.yaml');
  const write = (endpoints: string, traffic: string, pools = ''): Promise<void> =>
    writeFile(
      file,
      [
        'listeners: [{ name: web, address: "127.0.0.1:0" }]',
        'workers: 1',
        'overload: off',
        'log: { level: fatal }',
        `state: ${join(directory, 'state.db')}`,
        'services:',
        '  shop:',
        `    pools: { blue: { version: v1, endpoints: [${endpoints}] }, green: { version: v2, endpoints: ["127.0.0.1:8"] }${pools} }`,
        `    traffic: ${traffic}`,
        'routes: [{ service: shop }]',
        '',
      ].join('\n'),
    );
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<NameAnswer>();
  await write('"127.0.0.1:9"', 'blue');
  const plane = await ControlPlane.start({
    file,
    env: {},
    log: pino({ level: 'silent' }),
    accessLog: () => {},
    resolver: {
      resolve: () => {
        asked.resolve();
        return answer.promise;
      },
    },
  });
  if ('failed' in plane) throw new Error(plane.lines.join('\n'));
  t.teardown(() => plane.terminate());
  return { plane, write, asked: asked.promise, giveUp: () => answer.resolve(NOBODY_KNOWS) };
}

function weightsOf(plane: ControlPlane): unknown {
  const view = plane.service('shop');
  return 'refused' in view ? view : { ...view.traffic };
}

t.test('a rollback does not wait for a reload that waits for a name', async (t) => {
  const { plane, write, asked, giveUp } = await stage(t);
  await plane.setTraffic('shop', { blue: 0, green: 1 }, BY);
  await write('"silent.internal:80"', 'blue');
  let reloaded = false;
  const reload = plane.reload(BY).then((answer) => {
    reloaded = true;
    return answer;
  });
  await asked;
  t.match(await plane.rollback('shop', BY), { to: { blue: 100, green: 0 } });
  t.notOk(reloaded);
  giveUp();
  t.match(await reload, { result: 'applied' });
});

t.test('what moved while a reload waited for a name is the later instruction, with other pools too', async (t) => {
  for (const pools of ['', ', grey: { version: v3, endpoints: ["127.0.0.1:7"] }']) {
    const { plane, write, asked, giveUp } = await stage(t);
    await write('"silent.internal:80"', 'green', pools);
    const reload = plane.reload(BY);
    await asked;
    await plane.setTraffic('shop', { blue: 3, green: 1 }, BY);
    giveUp();
    t.match(await reload, { result: 'applied' });
    t.match(weightsOf(plane), { blue: 3, green: 1 });
    await write('"127.0.0.1:9"', 'blue', pools);
    await plane.reload(BY);
    t.match(weightsOf(plane), { green: 0 }, 'the next edit of the file counts again');
  }
});

t.test('a later reload does not overtake one that waits for a name', async (t) => {
  const { plane, write, asked, giveUp } = await stage(t);
  await write('"silent.internal:80"', 'green');
  const first = plane.reload(BY);
  await asked;
  await write('"127.0.0.1:9"', 'blue');
  const second = plane.reload(BY);
  giveUp();
  await Promise.all([first, second]);
  t.match(weightsOf(plane), { blue: 100, green: 0 });
  t.notOk(plane.textInForce.includes('silent.internal'));
});
