/**
 * The two tables that most of the room is made of: requests that are refused, and requests that are forwarded.
 *
 * Each row is sent whole, byte by byte, cut in two at a few places, and behind a good request on the same connection.
 */
import type { Test } from 'tap';
import type { RefusalKind } from '../../../src/http1/fault.ts';
import { cutsOf } from './cuts.ts';
import { GET, inOneChunk, masked, OK_RELAYED, OK_RELAYED_LAST, refusal } from './messages.ts';
import type { Rig } from './rig.ts';

/** The title, what is sent, the status of the answer, and which sentence it has. */
export type RefusalRow = readonly [title: string, bytes: string, status: number, kind: RefusalKind];

/** Tests that each row is answered with exactly its refusal and a close, after what is owed, and that nobody sees it. */
export function testRefusals(t: Test, rig: () => Rig, rows: readonly RefusalRow[]): void {
  for (const [title, bytes, status, kind] of rows) {
    t.test(title, async (t) => {
      const expected = refusal(status, kind);
      t.equal(await rig().untilEnd(bytes), expected, 'sent whole');
      for (const { name, pieces } of cutsOf(bytes)) {
        const answer = await rig().untilEnd(pieces);
        // A head that comes in pieces is refused at its first impossible byte, before it is known what it would be.
        const early = status === 400 ? refusal(400, 'head-malformed') : expected;
        t.ok(answer === expected || answer === early, `sent ${name}`, { answer });
      }
      t.strictSame(await rig().seen(), [], 'no upstream has seen it');
      t.equal(await rig().untilEnd(GET + bytes), OK_RELAYED + expected, 'after what is owed');
      t.equal((await rig().seen()).length, 1, 'only what was owed has been seen');
    });
  }
}

/** The title, what is sent, and the whole request that the upstream gets. */
export type ForwardRow = readonly [title: string, bytes: string, forwarded: string];

/** Tests that the upstream gets each row exactly as it should, however it is sent, and that the client gets the answer. */
export function testForwards(
  t: Test,
  rig: () => Rig,
  rows: readonly ForwardRow[],
  listener: 'plain' | 'trusting' = 'plain',
): void {
  for (const [title, bytes, forwarded] of rows) {
    t.test(title, async (t) => {
      await rig().settled();
      for (const { name, pieces } of [{ name: 'whole', pieces: [bytes] }, ...cutsOf(bytes)]) {
        const answer = await rig().ask(pieces, listener);
        t.equal(answer, answerTo(bytes), `answered when sent ${name}`);
        t.strictSame(rig().upstream.take().map(masked).map(inOneChunk), [forwarded], `forwarded when sent ${name}`);
      }
    });
  }
}

// The line about the connection is the only thing in which the answers to good requests differ.
function answerTo(request: string): string {
  if (request.startsWith('HEAD ')) return OK_RELAYED.slice(0, -2);
  const isLast = /\r\nconnection:[^\r]*close/i.test(request) || / HTTP\/1\.0\r\n/.test(request);
  return isLast ? OK_RELAYED_LAST : OK_RELAYED;
}
