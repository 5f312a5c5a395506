/** The short version of `npm run upheaval`: flips and reloads at once, under everything that a client may have under way. */
import t from 'tap';
import { upheaval } from './stage/upheaval.ts';

t.test('flips and reloads at once: nothing is lost, nothing is wrong, and every WebSocket lives', async (t) => {
  const account = await upheaval(t, { flips: 20, reloads: 20, clients: 3, between: 60 });
  t.comment(JSON.stringify({ ...account, reasons: account.reasons.length }));
  t.same(account.reasons, []);
  t.match(account, { lost: 0, wrong: 0, misrouted: 0, receiptsLost: 0 });
  t.equal(account.answered, account.sent);
  t.ok(account.sent > 20 * 60, `${account.sent} requests were sent`);
  t.ok(account.uploads > 20, `${account.uploads} uploads among them`);
  t.match(account.sockets, { opened: 6, alive: 6, wrong: 0, lost: 0 });
  t.ok(account.sockets.echoes > 200, `${account.sockets.echoes} echoes`);
  t.ok(account.sockets.brief > 0, `${account.sockets.brief} more WebSockets came and went`);
});
