/**
 * The demo as a newcomer runs it: real processes, real load, and nothing left behind on any way out.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { programName } from '../../src/cli/demo/invitation.ts';
import { isSettled, Load } from '../../src/cli/demo/load.ts';
import { freeOrOther } from '../../src/cli/demo/scene.ts';
import { start, tidegate } from '../unit/cli/tidegate.ts';

const GONE_MS_MAX = 10_000;

/** The process ids that the demo says its children have. */
function childrenIn(output: string): number[] {
  return [...output.matchAll(/\(process ([0-9]+)\)/g)].map((match) => Number(match[1]));
}

/** Ends what a failed test has left behind. */
function killLeft(pids: readonly number[]): void {
  for (const pid of pids) if (runs(pid)) process.kill(pid, 'SIGKILL');
}

/** Whether the process runs; one that has ended and that nobody has asked about yet does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

async function gone(pids: readonly number[]): Promise<boolean> {
  const until = performance.now() + GONE_MS_MAX;
  while (pids.some(runs)) {
    if (performance.now() > until) return false;
    await pause(20);
  }
  return true;
}

t.test(
  'the demo ends by itself with 0, has moved traffic six times and lost nothing, and no child is left',
  async (t) => {
    const { code, out, err } = await tidegate(['demo', '--exit', '--seconds', '3']);
    t.equal(err, '');
    t.equal(code, 0, out);
    t.match(out, /\$ tidegate flip shop --to green\n {2}shop: blue 100→0%, green 0→100% at epoch 2 in [0-9.]+ ms; /);
    t.match(out, /\$ tidegate traffic shop blue=75 green=25\n {2}shop: blue 95→75%, green 5→25% at epoch 5 in /);
    const accounts = [...out.matchAll(/clients: ([0-9]+) lost of ([0-9]+) requests, [0-9.]+ ms \(answered in /g)];
    t.equal(accounts.length, 6);
    for (const [, lost, sent] of accounts) {
      t.equal(lost, '0');
      t.ok(Number(sent) > 10, `${sent} requests were sent around a move`);
    }
    t.match(out, /sent after the answer: 100% by green\n/);
    t.notMatch(out, /by a pool without traffic/);
    t.match(out, /\n {2}blue +v1\.0 +serving +100% /, 'the table is shown');
    t.match(out, /\n0 lost of [0-9]+ requests; 6 moves, the slowest took effect in [0-9.]+ ms\n$/);
    const children = childrenIn(out);
    t.equal(children.length, 4);
    t.notOk(children.some(runs));
  },
);

t.test('with --json the demo says its account as one document, with the receipts', async (t) => {
  const { code, out } = await tidegate(['demo', '--exit', '--seconds', '2', '--json']);
  t.equal(code, 0);
  const account = JSON.parse(out) as {
    readonly good: boolean;
    readonly sent: number;
    readonly answered: number;
    readonly lost: number;
    readonly late: number;
    readonly moves: readonly { readonly late: number; readonly receipt: { readonly epoch: number; lost: number } }[];
  };
  t.match(account, { good: true, lost: 0, late: 0 });
  t.equal(account.answered, account.sent);
  t.strictSame(
    account.moves.map(({ receipt }) => receipt.epoch),
    [2, 3, 4, 5, 6, 7],
  );
});

t.test('the canary story promotes a good release and turns a bad one back, and shows by what', async (t) => {
  // At the full rate the bad version fails 4, 10 and 20 requests in its steps of two seconds; it takes 8 to find it.
  const { code, out, err } = await tidegate(['demo', '--story', 'canary', '--exit', '--seconds', '12']);
  t.equal(err, '');
  t.equal(code, 0, out);
  const [, good, bad] =
    /(\$ tidegate rollout start shop --to green [\s\S]*)(\$ tidegate rollout start shop --to bad [\s\S]*)$/.exec(out)!;
  const steps: unknown[] = [];
  t.match(good, /verified: 3 checks passed\n {2}step 1 of 4: green has 10%\n/);
  for (const [card, step] of good!.matchAll(
    /\n {4}.* \(after [0-9.]+ s\)\n(?: {6}.*\n)+ {2}(step \d of 4|verified)/g,
  )) {
    t.match(card, /^\n {4}(healthy|inconclusive) /);
    steps.push(step);
  }
  t.strictSame(steps, ['step 2 of 4', 'step 3 of 4', 'verified'], 'a verdict stands above each step');
  t.match(good, /\n {2}verified: 3 checks passed\n {2}baking: green has 100% and is watched\n {2}succeeded after /);
  t.match(good, /: green has the traffic\n {2}clients: 0 lost of [0-9]+ requests, none failed\n/);
  t.match(
    bad,
    /\n {4}worse, by errors \(after [0-9.]+ s\)\n {6}errors {2}worse: [0-9]+ of [0-9,]+ on bad failed, 0 of /,
  );
  t.match(bad, /\n {14}evidence [0-9,]+, needs 100\n {14}bad [0-9.]+%, green 0% {2}█{20} of the evidence needed\n/);
  t.match(bad, /\n {2}rolled-back after .*: green has the traffic\n {2}clients: 0 lost of .* failed by a version\n/);
  t.match(bad, /\n0 lost of [0-9]+ requests; green succeeded, bad rolled-back\n$/);
  t.notOk(childrenIn(out).some(runs));
});

t.test('the demo goes on after its moves, says what to try there, and Ctrl-C ends it and every child', async (t) => {
  const demo = start(['demo', '--seconds', '2', '--port', '0']);
  const said = await demo.until(/To edit, with effect when it is saved:\n {2}(\S+)\n/);
  const [, url] = /(http:\S+)\/api\/services/.exec(said)!;
  t.match(said, `flip shop --to green --admin ${url}\n`);
  const flip = await tidegate(['flip', 'shop', '--to', 'green', '--admin', url!]);
  t.match(flip, { code: 0, out: /^shop: blue 100→0%, green 0→100% at epoch 8 / });
  demo.kill('SIGINT');
  const { code, out } = await demo.done;
  t.equal(code, 0, out);
  t.match(out, /\n0 lost of [0-9]+ requests; 6 moves/);
  t.notOk(childrenIn(out).some(runs));
});

t.test('a demo that is killed with no chance to clean up leaves no child', async (t) => {
  // What a killed demo has written stays behind: let it be where tap cleans up.
  const demo = start(['demo', '--port', '0'], { TMPDIR: t.testdir() });
  const children = childrenIn(await demo.until(/clients at /));
  t.teardown(() => killLeft(children));
  t.equal(children.length, 4);
  t.ok(children.every(runs));
  demo.kill('SIGKILL');
  await demo.done;
  t.ok(await gone(children));
});

t.test('a Tidegate that ends in the middle of the demo is reported, and the demo ends with 1', async (t) => {
  const demo = start(['demo', '--exit', '--seconds', '14']);
  const children = childrenIn(await demo.until(/green 0→100% at epoch 2/));
  process.kill(children.at(-1)!, 'SIGKILL');
  const { code, out, err } = await demo.done;
  t.equal(code, 1, out);
  t.match(err, /Tidegate has ended in the middle of it/);
  t.match(out, /\n {2}lost: request [0-9]+: /);
  t.notOk(children.some(runs));
});

t.test('a port that is taken is left alone, and the demo says so and takes another', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  t.strictSame(await freeOrOther({ clients: port, admin: 0 }), { clients: 0, admin: 0 });
  const demo = start(['demo', '--seconds', '2', '--port', String(port)]);
  t.match(await demo.until(/green 0→100% at epoch 2/), `, because port ${port} is taken, `);
  demo.kill('SIGINT');
  t.match((await demo.done).out, '\n0 lost of ');
});

t.test('wrong options of the demo are refused before anything is started', async (t) => {
  for (const args of [
    ['--seconds', '1'],
    ['--seconds', 'x'],
    ['--port', '65536'],
    ['--port', 'x'],
    ['--story', 'x'],
    ['more'],
  ]) {
    const { code, out } = await tidegate(['demo', ...args]);
    t.equal(code, 2, args.join(' '));
    t.equal(out, '');
  }
});

t.test('the load calls a request lost that is refused, cut, mixed up or never answered', async (t) => {
  let asked = 0;
  const server = createServer((req, res) => {
    asked += 1;
    const sequence = Number(req.headers['x-demo-sequence']);
    req.resume();
    if (req.url !== '/') {
      res.destroy();
      return;
    }
    switch (sequence) {
      case 1:
        res.writeHead(503).end('No endpoint is available.\n');
        return;
      case 2:
        res.writeHead(200, { 'x-demo-pool': 'blue', 'content-length': 100 });
        res.write('{');
        setImmediate(() => res.destroy());
        return;
      case 3:
        res.setHeader('x-demo-pool', 'blue');
        res.end(`${JSON.stringify({ pool: 'blue', request: sequence + 1 })}\n`);
        return;
      case 4:
        res.writeHead(500, { 'x-demo-pool': 'bad' }).end('v2.1 has failed\n');
        return;
      case 5:
        res.setHeader('x-demo-pool', 'green');
        res.end(`${JSON.stringify({ pool: 'green', request: sequence })}\n`);
        return;
      default:
        res.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const load = new Load({
    port: (server.address() as AddressInfo).port,
    requestsPerSecond: 1000,
    concurrencyMax: 1,
  });
  const period = load.begin();
  load.start();
  while (asked < 8) await pause(1);
  await load.stop();
  t.ok(isSettled(period));
  t.match(period, { answered: 1, failed: 1 });
  t.equal(period.lost, period.sent - 2);
  t.strictSame([...period.byPool].sort(), [
    ['bad', 1],
    ['green', 1],
  ]);
  t.match(load.reasons.slice(0, 3), [
    'request 1: 503 that no version gave: No endpoint is available.',
    'request 2: the answer (200) was cut',
    'request 3: not its own answer',
  ]);
});

t.test('commands that the demo shows name the program as it was started', async (t) => {
  const cwd = '/there';
  t.equal(programName({ execPath: '/usr/bin/node', script: '/there/bin/tidegate.js', cwd }), 'node bin/tidegate.js');
  t.equal(
    programName({ execPath: '/usr/bin/node', script: '/opt/t/bin/tidegate.js', cwd }),
    'node /opt/t/bin/tidegate.js',
  );
  t.equal(programName({ execPath: '/usr/bin/node', script: '/usr/local/bin/tidegate', cwd }), 'tidegate');
  const checkout = process.cwd();
  const own = `${checkout}/node_modules/node/bin/node`;
  t.equal(
    programName({ execPath: own, script: `${checkout}/bin/tidegate.js`, cwd: checkout }),
    'node_modules/.bin/node bin/tidegate.js',
  );
});
