/** The status table: golden texts at 80 and 120 columns, and what holds for every table. */

import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { isServing, renderStatus } from '../../../src/cli/status-table.ts';
import { columnsOf } from '../../../src/cli/terminal-text.ts';
import type { ServiceView } from '../../../src/control/operations.ts';
import { endpoint, idlePool, pool, service } from './tidegate.ts';

const down = endpoint({
  address: '10.0.0.1:80',
  health: 'down',
  admitting: false,
  lastCheck: { at: '2026-01-31T12:00:05.000Z', ok: false, detail: 'connect ECONNREFUSED 10.0.0.1:80' },
});

const accounts = service({
  name: 'accounts',
  epoch: 1204,
  since: { at: '2026-01-31T12:00:00.000Z', by: 'file', reason: 'file', note: '' },
  pools: [
    pool({
      name: 'stable',
      version: 'v2.13.0-rc.1',
      share: 0.9999,
      weight: 99.99,
      live: { windowS: 10, requestsPerSecond: 12_345, errorShare: 0.0004, p50Ms: 0.42, p95Ms: 12, p99Ms: 999 },
    }),
    pool({
      name: 'canary',
      version: 'v2.14.0',
      share: 0.0001,
      weight: 0.01,
      live: { windowS: 10, requestsPerSecond: 1.2, errorShare: 0.034, p50Ms: 10_400, p95Ms: 62_000, p99Ms: 99_999 },
      endpoints: [down],
    }),
    idlePool({
      name: 'old',
      version: 'v1',
      state: 'draining',
      inFlight: 3,
      tunnels: 1,
      drainDeadline: '2026-01-31T12:01:00.000Z',
    }),
  ],
});

const plainStyle = { colour: false, unicode: true } as const;

t.test('the table at 80 columns', async (t) => {
  t.equal(
    renderStatus([service(), accounts], { width: 80, ...plainStyle }),
    `shop  epoch 7, rollback by cli:ann, 2026-01-31 12:00:00Z: green was slow
  POOL   VERSION     STATE     SHARE         RPS  ERR  P50  P95  P99  INFL    UP
  blue   v1.0        serving    100% █████  1235   0%  1.2  4.5 1.3s    12   1/1
  green  v2.0        idle         0%           0    -    -    -    -     0   1/1

accounts  epoch 1204, file, 2026-01-31 12:00:00Z
  POOL   VERSION     STATE     SHARE         RPS  ERR  P50  P95  P99  INFL    UP
  stable v2.13.0-rc… serving  99.99% ████▉ 12.3k <.1%  0.4   12  999    12   1/1
  canary v2.14.0     serving   0.01% ▏       1.2 3.4%  10s  62s 100s    12   0/1
  old    v1          draining     0%           0    -    -    -    -     3   1/1
  ! canary has traffic and no endpoint that admits it
  ! canary 10.0.0.1:80 down: connect ECONNREFUSED 10.0.0.1:80 (12:00:05Z)
  ! old drains 3 requests and 1 tunnel, cut at 2026-01-31 12:01:00Z
`,
  );
});

t.test('the table at 120 columns', async (t) => {
  t.equal(
    renderStatus([service(), accounts], { width: 120, ...plainStyle }),
    `shop  epoch 7, rollback by cli:ann, 2026-01-31 12:00:00Z: green was slow
  POOL   VERSION      STATE     SHARE                        RPS  ERR  P50  P95  P99  INFL    UP
  blue   v1.0         serving    100% ████████████████████  1235   0%  1.2  4.5 1.3s    12   1/1
  green  v2.0         idle         0%                          0    -    -    -    -     0   1/1

accounts  epoch 1204, file, 2026-01-31 12:00:00Z
  POOL   VERSION      STATE     SHARE                        RPS  ERR  P50  P95  P99  INFL    UP
  stable v2.13.0-rc.1 serving  99.99% ███████████████████▉ 12.3k <.1%  0.4   12  999    12   1/1
  canary v2.14.0      serving   0.01% ▏                      1.2 3.4%  10s  62s 100s    12   0/1
  old    v1           draining     0%                          0    -    -    -    -     3   1/1
  ! canary has traffic and no endpoint that admits it
  ! canary 10.0.0.1:80 down: connect ECONNREFUSED 10.0.0.1:80 (12:00:05Z)
  ! old drains 3 requests and 1 tunnel, cut at 2026-01-31 12:01:00Z
`,
  );
});

t.test('in a plain locale the same table is ASCII only', async (t) => {
  const text = renderStatus([accounts], { width: 80, colour: false, unicode: false });
  t.match(text, /^[\n\x20-\x7e]*$/);
  t.equal(
    text,
    `accounts  epoch 1204, file, 2026-01-31 12:00:00Z
  POOL   VERSION     STATE     SHARE         RPS  ERR  P50  P95  P99  INFL    UP
  stable v2.13.0-rc~ serving  99.99% ####. 12.3k <.1%  0.4   12  999    12   1/1
  canary v2.14.0     serving   0.01% #....   1.2 3.4%  10s  62s 100s    12   0/1
  old    v1          draining     0% .....     0    -    -    -    -     3   1/1
  ! canary has traffic and no endpoint that admits it
  ! canary 10.0.0.1:80 down: connect ECONNREFUSED 10.0.0.1:80 (12:00:05Z)
  ! old drains 3 requests and 1 tunnel, cut at 2026-01-31 12:01:00Z
`,
  );
});

t.test('a pool whose rest is being ended says how many have been, and since when', async (t) => {
  const old = idlePool({ name: 'old', state: 'draining', inFlight: 3, tunnels: 3, drainEnded: 1240 });
  const view = service({ pools: [pool({}), { ...old, drainDeadline: '2026-01-31T12:01:00.000Z' }] });
  const text = renderStatus([view], { width: 80, ...plainStyle });
  t.match(text, '! old drains 3 requests and 3 tunnels, 1240 ended since 2026-01-31 12:01:00Z');
});

t.test('trouble is red and said in words, and without colours nothing is coloured', async (t) => {
  const coloured = renderStatus([accounts], { width: 80, colour: true, unicode: true });
  t.match(coloured, '\x1b[31m! canary has traffic and no endpoint that admits it\x1b[0m');
  t.match(coloured, '\x1b[33m! old drains 3 requests and 1 tunnel, cut at 2026-01-31 12:01:00Z\x1b[0m');
  t.match(coloured, '\x1b[31m  0/1\x1b[0m');
  const colourless = renderStatus([accounts], { width: 80, ...plainStyle });
  t.notMatch(colourless, '\x1b');
  t.equal(stripVTControlCharacters(coloured), colourless);
});

t.test('at most five endpoints in trouble are listed for a pool, the others are counted', async (t) => {
  const endpoints = Array.from({ length: 8 }, (_, index) => ({ ...down, address: `10.0.0.${index}:80` }));
  const text = renderStatus([service({ pools: [pool({ endpoints })] })], { width: 80, ...plainStyle });
  t.match(text, '! blue 10.0.0.4:80 down');
  t.notMatch(text, '10.0.0.5:80');
  t.match(text, '! blue has 3 more like these');
});

t.test('an endpoint that is shut though its check went well is listed without the check', async (t) => {
  const shut = endpoint({ admitting: false });
  const text = renderStatus([service({ pools: [pool({ endpoints: [shut, endpoint()] })] })], {
    width: 80,
    ...plainStyle,
  });
  t.match(text, /! blue 127\.0\.0\.1:3001 shut\n/);
  t.match(text, / 1\/2\n/);
});

t.test('a service where all weights are zero says that it answers 503', async (t) => {
  const text = renderStatus([service({ pools: [idlePool()] })], { width: 80, ...plainStyle });
  t.match(text, 'no pool has traffic: every request is answered 503');
});

t.test('nothing from the server can move the cursor or turn the direction of the text', async (t) => {
  const evil = '\x1b[2J\x1b]0;owned\x07\u202e\u0085x\r\ny';
  const hostile = service({
    name: `shop${evil}`,
    since: { at: evil, by: evil, reason: evil as 'flip', note: evil },
    pools: [
      pool({
        name: evil,
        version: evil,
        endpoints: [
          endpoint({
            address: evil,
            health: 'down',
            admitting: false,
            lastCheck: { at: evil, ok: false, detail: evil },
          }),
        ],
      }),
    ],
  });
  const text = renderStatus([hostile], { width: 120, ...plainStyle });
  t.notMatch(text, /[^\P{C}\n]/u);
  t.equal(text.split('\n').length, 6, 'and no line is added');
});

t.test('no line is ever longer than the width, whatever the names, numbers and widths', async (t) => {
  const seed = 20_260_131;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  for (let round = 0; round < 300; round += 1) {
    const width = 28 + Math.floor(random() * 140);
    const text = renderStatus([randomService(random), randomService(random)], {
      width,
      colour: random() < 0.5,
      unicode: random() < 0.5,
    });
    const lines = stripVTControlCharacters(text).split('\n');
    const longest = Math.max(...lines.map(columnsOf));
    if (longest > width) t.fail(`a line of ${longest} columns at width ${width}:\n${text}`);
  }
  t.pass('300 tables');
});

t.test('a service serves while every pool with traffic has an admitting endpoint', async (t) => {
  t.equal(isServing([service()]), true);
  t.equal(isServing([service(), accounts]), false, 'one pool of one service is enough');
  t.equal(
    isServing([service({ pools: [pool(), idlePool({ endpoints: [down] })] })]),
    true,
    'a pool without traffic may be down',
  );
  t.equal(isServing([service({ pools: [pool({ endpoints: [down, endpoint()] })] })]), true, 'one endpoint is enough');
  t.equal(isServing([]), true);
});

t.test('without services it says so', async (t) => {
  t.equal(renderStatus([], { width: 80, ...plainStyle }), 'There are no services.\n');
});

function randomService(random: () => number): ServiceView {
  const word = (most: number) => 'a日é-z'.repeat(20).slice(0, 1 + Math.floor(random() * most));
  const number = () => 10 ** (random() * 12 - 3);
  const pools = Array.from({ length: Math.floor(random() * 5) }, () =>
    pool({
      name: word(40),
      version: word(40),
      share: random() < 0.2 ? 1 : random(),
      state: (['serving', 'draining', 'idle'] as const)[Math.floor(random() * 3)]!,
      inFlight: Math.floor(number()),
      drainDeadline: random() < 0.5 ? null : '2026-01-31T12:01:00.000Z',
      drainEnded: random() < 0.5 ? 0 : Math.floor(number()),
      live: {
        windowS: 10,
        requestsPerSecond: number(),
        errorShare: random() ** 8,
        p50Ms: number(),
        p95Ms: number(),
        p99Ms: random() < 0.2 ? null : number(),
      },
      endpoints: Array.from({ length: Math.floor(random() * 120) }, () => (random() < 0.5 ? down : endpoint())),
    }),
  );
  return service({ name: word(60), epoch: Math.floor(number()), pools });
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

t.test('an ejected endpoint is listed with the end of its ejection and why, and a panic is said', async (t) => {
  const ejection = {
    state: 'shut',
    until: '2026-01-31T12:00:35.000Z',
    reason: 'consecutive-failures',
    row: 1,
  } as const;
  const shut = endpoint({ admitting: false, ejection });
  const probing = endpoint({
    address: '127.0.0.1:3002',
    ejection: { state: 'probing', until: null, reason: 'probe', row: 2 },
  });
  const table = renderStatus(
    [service({ pools: [pool({ panic: true, endpoints: [shut, probing, endpoint({ address: '127.0.0.1:3003' })] })] })],
    { width: 100, colour: false, unicode: false },
  );
  t.match(table, /! blue is in a panic: endpoints are used although they are ejected/);
  t.match(table, /! blue 127\.0\.0\.1:3001 ejected until 2026-01-31 12:00:35Z: failures in a row/);
  t.match(table, /! blue 127\.0\.0\.1:3002 ejected until a request probes it: its probe failed/);
  t.notMatch(table, /127\.0\.0\.1:3003/);
});

t.test('a running rollout stands in one line under its service', async (t) => {
  const rollout = {
    id: 12,
    candidate: 'green',
    version: 'v2.0',
    phase: 'holding',
    step: 2,
    steps: 5,
    share: 0.05,
    elapsedMs: 252_000,
    untilMs: 600_000,
    reason: 'step 2 of 5: green has 5%',
  } as const;
  const line = '  > rollout 12 to green (v2.0): holding step 2 of 5, 5%, 5 min 48 s left; step 2 of 5: green has 5%\n';
  t.match(renderStatus([service({ rollout })], { width: 120, ...plainStyle }), line);
  const { rollout: _, ...earlier } = service();
  t.notMatch(renderStatus([earlier as ReturnType<typeof service>], { width: 120, ...plainStyle }), '>');
});
