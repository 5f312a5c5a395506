import t from 'tap';
import { REFUSALS } from '../../../src/http1/fault.ts';
import { AccessLog } from '../../../src/proxy/access-log.ts';
import type { Downstream } from '../../../src/proxy/downstream.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import { FAULTS } from '../../../src/proxy/fault.ts';
import type { AccessLogMode } from '../../../src/routing/snapshot.ts';
import { createProcessMemory, ProcessMember, ProcessOwner } from '../../../src/stats/process-cells.ts';

const WAITING_MAX = 4 * 1024 * 1024;

function start(mode: AccessLogMode) {
  const memory = createProcessMemory(1);
  const batches: string[] = [];
  const log = new AccessLog(new ProcessMember(memory, 0), (lines) => batches.push(lines));
  log.mode = mode;
  const lines = () => {
    log.flush();
    return batches
      .splice(0)
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { log, lines, batches, dropped: () => new ProcessOwner(memory).accessLogDropped(0) };
}

/** What the log reads of a whole exchange that was served by `shop/blue`; `rest` is different. */
function exchange(rest: object = {}): Exchange {
  const service = { spec: { name: 'shop' } };
  const pool = { spec: { name: 'blue', version: 'v1' } };
  return {
    admission: {
      client: '203.0.113.7',
      epoch: 12,
      route: { spec: { name: 'all' } },
      service,
      user: '',
      wouldLimit: false,
      flags: null,
      authMs: 0,
      pool,
    },
    head: { method: 'GET', host: 'shop.test', path: '/a', query: '?token=secret' },
    endpoint: { spec: { address: '127.0.0.1:3001' } },
    attempts: { count: 1, notes: [], pool },
    status: 200,
    bytesIn: 40,
    bytesOut: 50,
    startedAt: 1000,
    sentAt: 1000.25,
    connectedAt: 1001,
    firstByteAt: 1004.00049,
    connectError: '',
    requestId: 'id-1',
    ...rest,
  } as unknown as Exchange;
}

t.test('a line tells of an exchange in full, and nothing of its query', async (t) => {
  const { log, lines } = start({ kind: 'all' });
  log.finished(exchange(), null, 5123.4567);
  const [line] = lines();
  t.match(line!.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const { time, level, ...fields } = line!;
  t.strictSame(fields, {
    log: 'access',
    client: '203.0.113.7',
    method: 'GET',
    host: 'shop.test',
    path: '/a',
    route: 'all',
    service: 'shop',
    pool: 'blue',
    version: 'v1',
    endpoint: '127.0.0.1:3001',
    epoch: 12,
    attempts: 1,
    status: 200,
    bytesIn: 40,
    bytesOut: 50,
    queueMs: 0.25,
    connectMs: 0.75,
    firstByteMs: 4,
    totalMs: 5.123,
    termination: 'whole',
    requestId: 'id-1',
  });
});

t.test('what an exchange never came to is null', async (t) => {
  const { log, lines } = start({ kind: 'errors' });
  const admission = { client: '203.0.113.7', epoch: 0, route: null, pool: null, flags: null };
  const never = { admission, endpoint: null, attempts: null, status: 404, sentAt: 0, connectedAt: 0, firstByteAt: 0 };
  log.finished(exchange(never), FAULTS.noRoute, 100);
  const missing = { route: null, service: null, pool: null, version: null, endpoint: null };
  const times = { queueMs: null, connectMs: null, firstByteMs: null, termination: 'tidegate/admit/no-route' };
  t.match(lines(), [{ ...missing, ...times, status: 404, totalMs: 0.1 }]);
});

t.test('a request that was tried again says what became of each attempt, and who served it in the end', async (t) => {
  const { log, lines } = start({ kind: 'all' });
  const notes = ['127.0.0.1:3101 connect-failed'];
  const attempts = { count: 2, notes, pool: { spec: { name: 'green' } } };
  log.finished(exchange({ attempts }), null, 100);
  t.match(lines(), [{ pool: 'blue', attempts: 2, retried: notes, servedBy: 'green', termination: 'whole' }]);
});

t.test('a failed dial says what the system calls it', async (t) => {
  const { log, lines } = start({ kind: 'errors' });
  log.finished(exchange({ connectError: 'ECONNREFUSED', status: 502 }), FAULTS.connectFailed, 100);
  t.match(lines(), [{ connectError: 'ECONNREFUSED', termination: 'upstream/connect/connect-failed' }]);
});

t.test('a refusal before routing names its listener and its kind', async (t) => {
  const { log, lines } = start({ kind: 'errors' });
  const downstream = {
    client: { address: '203.0.113.7' },
    listener: { spec: { name: 'web' } },
  } as unknown as Downstream;
  log.refused(downstream, REFUSALS['obs-fold']);
  const { time, level, ...fields } = lines()[0]!;
  const termination = 'downstream/admit/obs-fold';
  t.strictSame(fields, { log: 'access', client: '203.0.113.7', listener: 'web', status: 400, termination });
  log.mode = { kind: 'off' };
  log.refused(downstream, REFUSALS['obs-fold']);
  t.strictSame(lines(), []);
});

t.test('bytes of a client cannot begin a line or a field of their own', async (t) => {
  const { log, lines, batches } = start({ kind: 'all' });
  const path = '/a"\r\n{"log":"access"}\u001b[31m\u2028\u0000';
  log.finished(exchange({ head: { method: 'GET', host: 'h', path } }), null, 1);
  log.flush();
  t.equal(batches[0]!.indexOf('\n'), batches[0]!.length - 1);
  t.notMatch(batches[0], /[\u0000-\u0009\u000b-\u001f]/);
  t.match(lines(), [{ path }]);
});

t.test('errors are exchanges that did not end whole or whose status is 5xx', async (t) => {
  for (const [rest, fault, isError] of [
    [{}, null, false],
    [{ status: 404 }, null, false],
    [{ status: 500 }, null, true],
    [{}, FAULTS.upstreamCut, true],
    [{ status: 0 }, FAULTS.clientGone, true],
  ] as const) {
    for (const [mode, isLogged] of [
      [{ kind: 'off' }, false],
      [{ kind: 'errors' }, isError],
      [{ kind: 'sampled', share: 0 }, isError],
      [{ kind: 'sampled', share: 1 }, true],
      [{ kind: 'all' }, true],
    ] as const) {
      const { log, lines } = start(mode);
      log.finished(exchange(rest), fault, 1);
      t.equal(lines().length, isLogged ? 1 : 0, `${JSON.stringify(mode)} ${JSON.stringify(rest)} ${fault?.kind}`);
    }
  }
});

t.test('a sample has the share that was asked for', async (t) => {
  const { log, lines } = start({ kind: 'sampled', share: 0.25 });
  const count = 4000;
  for (let done = 0; done < count; done++) log.finished(exchange(), null, 1);
  const margin = 6 * Math.sqrt(count * 0.25 * 0.75);
  const sampled = lines().length;
  t.ok(Math.abs(sampled - count / 4) < margin, `${sampled} of ${count}`);
});

t.test('lines leave in one batch at the flush, and an empty one is not sent', async (t) => {
  const { log, batches } = start({ kind: 'all' });
  log.flush();
  for (let done = 0; done < 3; done++) log.finished(exchange(), null, 1);
  t.strictSame(batches, []);
  log.flush();
  log.flush();
  t.equal(batches.length, 1);
  t.equal(batches[0]!.split('\n').length, 4);
});

t.test('what is not taken away in time is dropped and counted, never kept without limit', async (t) => {
  const { log, batches, dropped } = start({ kind: 'all' });
  const long = exchange({ head: { method: 'GET', host: 'h', path: `/${'x'.repeat(8000)}` } });
  for (let done = 0; done < 600; done++) log.finished(long, null, 1);
  log.flush();
  const kept = batches[0]!.split('\n').length - 1;
  t.ok(batches[0]!.length <= WAITING_MAX && batches[0]!.length > WAITING_MAX - 10_000, `${batches[0]!.length}`);
  t.equal(kept + dropped(), 600);
  log.finished(long, null, 1);
  log.flush();
  t.equal(batches.length, 2, 'after the flush there is room again');
});
