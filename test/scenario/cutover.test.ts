/**
 * The promise that the product is named for: once a move has been answered, no request that starts later reaches the side
 * that was emptied, and nobody has noticed anything.
 */
import t from 'tap';
import type { Receipt, Weights } from '../../src/control/operations.ts';
import { clockUs } from './stage/clock.ts';
import { Crowd, type CrowdAccount } from './stage/crowd.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { command, startTidegate, type Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const FLIPS = 50;
/** Requests that are answered between two moves, so that each move is put to the test. */
const BETWEEN = 300;

type Colour = 'blue' | 'green';
type Means = 'api' | 'cli' | 'file';

interface Flip {
  readonly to: Colour;
  readonly means: Means;
  readonly epoch: number;
  readonly beganUs: number;
  readonly answeredUs: number;
}

/** Most by the API; each file edit is followed by others, so that the file is never the only voice. */
function meansOf(index: number): Means {
  if (index % 5 === 1) return 'cli';
  return index % 5 === 3 ? 'file' : 'api';
}

async function flip(tidegate: Tidegate, means: Means, to: Colour, epoch: number): Promise<void> {
  switch (means) {
    case 'api':
      await tidegate.admin.flip(to);
      return;
    case 'cli':
      await command(tidegate, 'flip', 'shop', '--to', to);
      return;
    case 'file':
      // The weight differs each time, since a file that says what it said before is no instruction.
      await tidegate.edit((text) => text.replace(/traffic: .*/, `traffic: { ${to}: ${epoch}, ${other(to)}: 0 }`));
      await until('the file has moved the gate', async () => (await tidegate.admin.service()).epoch >= epoch);
      return;
    default:
      means satisfies never;
  }
}

function other(colour: Colour): Colour {
  return colour === 'blue' ? 'green' : 'blue';
}

/** Requests that started after the answer and reached the emptied side before the next move began, and how many did not. */
function judge(flip: Flip, endUs: number, account: CrowdAccount): { readonly late: number; readonly right: number } {
  const count = (side: Colour): number => {
    const { startedUs, arrivedUs } = account[side];
    let found = 0;
    startedUs.forEach((started, index) => {
      if (started > flip.answeredUs && arrivedUs[index]! < endUs) found += 1;
    });
    return found;
  };
  return { late: count(other(flip.to)), right: count(flip.to) };
}

t.test('fifty flips by API, command line and file under full load', async (t) => {
  const crowd = await Crowd.gather(t);
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen(crowd.blue, crowd.green), traffic: '{ blue: 1, green: 0 }' }),
  );
  const first = (await tidegate.admin.service()).epoch;
  await crowd.begin(tidegate.port, { keepAlive: 24, fresh: 8, posts: 8, sockets: 10 });
  await crowd.answers(BETWEEN);

  const flips: Flip[] = [];
  for (let index = 0; index < FLIPS; index++) {
    const to = index % 2 === 0 ? 'green' : 'blue';
    const means = meansOf(index);
    const epoch = first + index + 1;
    const beganUs = clockUs();
    await flip(tidegate, means, to, epoch);
    flips.push({ to, means, epoch, beganUs, answeredUs: clockUs() });
    await crowd.answers(BETWEEN);
  }
  const endUs = clockUs();
  const account = await crowd.end();

  t.test('not one request has failed', async (t) => {
    t.same(account.failures, []);
    t.equal(account.answered, account.sent);
    t.ok(account.sent > FLIPS * BETWEEN, `${account.sent} requests were sent`);
  });

  t.test('not one request that started after an answer has reached the side that was emptied', async (t) => {
    flips.forEach((flip, index) => {
      const { late, right } = judge(flip, flips[index + 1]?.beganUs ?? endUs, account);
      t.equal(late, 0, `${flip.means} to ${flip.to}, epoch ${flip.epoch}: ${right} went the right way`);
      t.ok(right > BETWEEN / 2, 'the move was put to the test');
    });
  });

  t.test(
    'WebSockets that were open before the first flip are open after the last one, and echo all the while',
    async (t) => {
      t.same(account.socketFailures, []);
      t.equal(account.lastingOpen, 10);
      t.ok(account.echoes > 500, `${account.echoes} echoes`);
      t.ok(account.sockets > 20, `${account.sockets} more WebSockets were opened, used and closed`);
    },
  );

  t.test('every move has a receipt that becomes final, and none has lost anything', async (t) => {
    let from: Weights | null = null;
    let inFlight = 0;
    for (const { epoch, to, means } of flips) {
      const receipt: Receipt = await until(`the receipt of epoch ${epoch} is final`, async () => {
        const now = await tidegate.admin.receipt(epoch);
        return now.drained !== null && now;
      });
      t.equal(receipt.lost, 0);
      t.equal(receipt.reason, means === 'file' ? 'file' : 'flip');
      t.ok(receipt.to[to]! > 0 && receipt.to[other(to)] === 0, `all weight is on ${to}`);
      if (from !== null) t.same(receipt.from, from, 'it begins where the one before has ended');
      t.ok(receipt.appliedMs < 1000, `applied in ${receipt.appliedMs} ms`);
      from = receipt.to;
      inFlight += receipt.inFlight;
    }
    t.ok(inFlight > FLIPS, `${inFlight} exchanges were in flight at the moments of the moves`);
    const service = await tidegate.admin.service();
    t.equal(service.epoch, first + FLIPS, 'each flip is one epoch');
    t.equal(
      (await tidegate.admin.metrics()).sum('tidegate_gate_moves_total', { reason: 'flip' }),
      flips.filter(({ means }) => means !== 'file').length,
    );
  });
});
