/**
 * `npm run upheaval -- [flips] [reloads]`: the whole of it, 200 of each unless said otherwise. Prints the account as JSON, and
 * ends with 1 when anything was lost, wrong, or given by the pool whose turn it was not.
 */
import { upheaval } from './stage/upheaval.ts';

const [flips = 200, reloads = 200] = process.argv.slice(2).map(Number);
const cleaners: (() => unknown)[] = [];
const cleaning = { teardown: (clean: () => unknown): unknown => cleaners.push(clean) };
try {
  const account = await upheaval(cleaning, { flips, reloads, clients: 4, between: 100 });
  console.log(JSON.stringify(account, null, 2));
  const { lost, wrong, misrouted, receiptsLost, sent, answered, sockets } = account;
  const isFlawless =
    lost + wrong + misrouted + receiptsLost + sockets.lost + sockets.wrong === 0 &&
    sent === answered &&
    sockets.alive === sockets.opened;
  process.exitCode = isFlawless ? 0 : 1;
} finally {
  for (const clean of cleaners.reverse()) await clean();
}
