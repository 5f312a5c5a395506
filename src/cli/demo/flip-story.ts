/**
 * The story of moves: each is one call of the admin API, shown as the command that does the same, with the receipt that
 * Tidegate gives and the account that the clients give.
 *
 * The two accounts are independent. What counts as lost is the clients' word. They also tell which requests were sent
 * after the answer to a move, and none of these may have been served by a pool that the move left without traffic.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt, Weights } from '../../control/operations.ts';
import { type AdminRequest, ask } from '../admin-client.ts';
import { isReceipt } from '../answer-shapes.ts';
import { counted, duration, percent } from '../figures.ts';
import { drainLine, receiptLine } from '../receipt-text.ts';
import { type Account, settle } from './load.ts';
import { SERVICE } from './scene.ts';
import type { Cast, Story, Telling } from './story.ts';

/** One move, and what came of it; `late` requests were served by a pool without traffic after the answer. */
export interface MoveAccount {
  readonly command: string;
  readonly receipt: Receipt;
  readonly sent: number;
  readonly lost: number;
  readonly late: number;
}

interface Move {
  readonly title: string;
  readonly command: string;
  readonly request: Pick<AdminRequest, 'method' | 'path' | 'body'>;
  /** Shows the table after it, where it is not on the screen anyway. */
  readonly table?: true;
}

const SERVICE_PATH = ['api', 'services', SERVICE] as const;

const MOVES: readonly Move[] = [
  { title: 'All traffic moves from blue to green.', ...flip('green') },
  {
    title: 'And back, to the position before.',
    command: `tidegate rollback ${SERVICE}`,
    request: { method: 'POST', path: [...SERVICE_PATH, 'rollback'], body: {} },
  },
  { title: 'The same release in steps: first a twentieth.', ...traffic({ blue: 95, green: 5 }) },
  { title: 'A quarter.', ...traffic({ blue: 75, green: 25 }), table: true },
  { title: 'Everything.', ...traffic({ green: 100 }) },
  { title: 'And all of it back to blue.', ...flip('blue'), table: true },
];

/** All traffic to the other version and back, then the same in steps. */
export const FLIP_STORY: Story = {
  seconds: 12,
  // One before the first move, and one at each position.
  holds: MOVES.length + 1,
  // The rollout is for whoever tries one afterwards.
  setting: () => ({ badShare: 0.3, holdMs: 5_000 }),
  trials: [
    { words: `flip ${SERVICE} --to green` },
    {
      words: `traffic ${SERVICE} blue=90 bad=10`,
      note: 'bad fails 3 of 10 requests: its line alone turns red, and this takes it back:',
    },
    { words: `rollback ${SERVICE}` },
    { words: `rollout start ${SERVICE} --to bad --wait`, note: 'and this takes it back by itself' },
  ],
  tell: async (cast) => telling(await tell(cast)),
};

function telling(moves: readonly MoveAccount[]): Telling {
  const late = moves.reduce((sum, move) => sum + move.late, 0);
  const slowest = Math.max(0, ...moves.map(({ receipt }) => receipt.appliedMs));
  const story = moves.length === 0 ? '' : `; ${moves.length} moves, the slowest took effect in ${duration(slowest)}`;
  const lateText = late === 0 ? '' : `; ${late} served by a version after its traffic had moved away`;
  return {
    isWhole: moves.length === MOVES.length,
    isGood: late === 0,
    summary: `${story}${lateText}`,
    account: { late, moves },
  };
}

/** Makes the moves; the answer is shorter than they are when the signal ended it. Rejects when a move is refused. */
async function tell(cast: Cast): Promise<readonly MoveAccount[]> {
  const { stage, load, holdMs, signal } = cast;
  const accounts: MoveAccount[] = [];
  let before = load.begin();
  await hold(holdMs, signal);
  for (const move of MOVES) {
    if (signal.aborted) break;
    stage.say('', move.title, `  $ ${move.command}`);
    const askedAt = performance.now();
    const answer = await ask(cast.admin, { ...move.request, headers: { 'x-tidegate-by': 'demo' } }, isReceipt);
    if (answer.kind !== 'ok') throw new Error(`${move.command}: ${answer.message}`);
    const after = load.begin();
    const answeredMs = performance.now() - askedAt;
    const receipt = answer.value;
    stage.say(`  ${receiptLine(receipt)}`);
    await hold(holdMs, signal);
    const next = load.begin();
    await settle([before, after]);
    const drained = await ask(cast.admin, receiptRequest(receipt), isReceipt);
    const late = lateOf(after, receipt.to);
    accounts.push({
      command: move.command,
      receipt: drained.kind === 'ok' ? drained.value : receipt,
      sent: before.sent + after.sent,
      lost: before.lost + after.lost,
      late,
    });
    if (receipt.inFlight > 0) stage.say(`  ${drainLine(drained.kind === 'ok' ? drained.value : receipt)}`);
    stage.say(
      `  clients: ${before.lost + after.lost} lost of ${before.sent + after.sent} requests, ${duration(receipt.appliedMs)} (answered in ${duration(answeredMs)});`,
      `  ${seen(after, receipt.to, late)}`,
    );
    if (move.table === true) await stage.showTable();
    before = next;
  }
  return accounts;
}

function flip(to: string): Pick<Move, 'command' | 'request'> {
  return {
    command: `tidegate flip ${SERVICE} --to ${to}`,
    request: { method: 'POST', path: [...SERVICE_PATH, 'flip'], body: { to, verify: true } },
  };
}

function traffic(weights: Weights): Pick<Move, 'command' | 'request'> {
  const words = Object.entries(weights).map(([pool, weight]) => `${pool}=${weight}`);
  return {
    command: `tidegate traffic ${SERVICE} ${words.join(' ')}`,
    request: { method: 'PUT', path: [...SERVICE_PATH, 'traffic'], body: weights },
  };
}

function receiptRequest(receipt: Receipt): AdminRequest {
  const query = { service: receipt.service };
  return { method: 'GET', path: ['api', 'receipts', String(receipt.epoch)], query };
}

/** Requests that were sent after the answer and served by a pool that had no traffic any more. */
function lateOf(after: Account, to: Weights): number {
  let late = 0;
  for (const [pool, count] of after.byPool) if ((to[pool] ?? 0) === 0) late += count;
  return late;
}

/** What the clients saw of the new position. */
function seen(after: Account, to: Weights, late: number): string {
  const total = [...after.byPool.values()].reduce((sum, count) => sum + count, 0);
  const shares = Object.keys(to)
    .filter((pool) => (to[pool] ?? 0) > 0)
    .map((pool) => `${percent(total === 0 ? 0 : (after.byPool.get(pool) ?? 0) / total)}% by ${pool}`);
  const wrong = late === 0 ? '' : `; ${counted(late, 'request')} by a pool without traffic`;
  return `${after.sent} sent after the answer: ${shares.join(', ')}${wrong}`;
}

async function hold(ms: number, signal: AbortSignal): Promise<void> {
  // Rejects only by the signal, which the caller then sees.
  await sleep(ms, undefined, { signal }).catch(() => {});
}
