import t from 'tap';
import { accountFor } from '../../../bench/cutover/account.ts';
import type { WitnessAccount } from '../../../bench/cutover/messages.ts';

function witness(...arrivals: readonly (readonly [request: number, arrivedUs: number])[]): WitnessAccount {
  return {
    requests: Uint32Array.from(arrivals.map(([request]) => request)),
    arrivedUs: Float64Array.from(arrivals.map(([, arrivedUs]) => arrivedUs)),
  };
}

function client(startedUs: readonly number[], losses: readonly number[] = []) {
  return {
    startedUs: Float64Array.from(startedUs),
    answered: startedUs.length - losses.length,
    losses: losses.map((atUs) => ({ request: 0, atUs, reason: 'cut' })),
  };
}

const toGreen = { to: 'green', beganUs: 1_000, returnedUs: 3_000 } as const;
const toBlue = { to: 'blue', beganUs: 9_000, returnedUs: 11_000 } as const;

t.test('a request that started before the command returned is not late, however late it arrives', async (t) => {
  const { outcomes } = accountFor([toGreen], client([2_999, 3_000]), {
    blue: witness([0, 8_000], [1, 8_100]),
    green: witness(),
  });
  t.equal(outcomes[0]?.late, 0);
  t.equal(outcomes[0]?.lateForMs, 0);
});

t.test('a request that started after the return and reached the emptied side is late', async (t) => {
  const blue = witness([0, 3_500], [1, 5_100]);
  const { outcomes } = accountFor([toGreen], client([3_001, 5_000, 6_000]), { blue, green: witness([2, 6_100]) });
  t.equal(outcomes[0]?.late, 2);
  t.equal(outcomes[0]?.lateForMs, 2);
  t.equal(outcomes[0]?.commandMs, 2);
});

t.test('a request that was tried twice on the emptied side is one late request', async (t) => {
  const blue = witness([0, 3_500], [0, 3_600]);
  t.equal(accountFor([toGreen], client([3_200]), { blue, green: witness() }).outcomes[0]?.late, 1);
});

t.test('a request that started in one window and arrived where the next command allows it is not late', async (t) => {
  const { outcomes } = accountFor([toGreen, toBlue], client([8_990]), { blue: witness([0, 9_500]), green: witness() });
  t.equal(outcomes[0]?.late, 0);
  t.equal(outcomes[1]?.late, 0);
});

t.test('each switch looks at the side that it emptied itself', async (t) => {
  const accounts = { blue: witness([0, 4_100], [1, 12_100]), green: witness([2, 12_200]) };
  const { outcomes } = accountFor([toGreen, toBlue], client([4_000, 12_000, 12_050]), accounts);
  t.same(
    outcomes.map(({ to, late }) => [to, late]),
    [
      ['green', 1],
      ['blue', 1],
    ],
  );
});

t.test('a loss belongs to the switch in whose window it was noticed, from the start of the command on', async (t) => {
  const none = { blue: witness(), green: witness() };
  const { outcomes, lostBefore } = accountFor([toGreen, toBlue], client([0], [500, 1_000, 8_999, 9_000]), none);
  t.equal(lostBefore, 1);
  t.same(
    outcomes.map(({ lost }) => lost),
    [2, 1],
  );
});
