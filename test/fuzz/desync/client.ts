/**
 * A client of the harness: plays the script of one connection and hands over what came.
 */
import { connect } from 'node:net';
import { bytesOf } from '../stage/engine.ts';
import type { Entry } from './ledger.ts';
import type { ScriptedConnection } from './script.ts';
import { type Ending, readAnswers } from './verdict.ts';

const DEADLINE_MS = 20_000;

/** What came on a connection, and how it ended; `silent` when nothing came any more and nobody ended it. */
export interface Played {
  readonly received: string;
  readonly ending: Ending;
  readonly silent: boolean;
}

/** Sends the requests of a script as it says, and resolves when the connection is over. */
export function play(port: number, script: ScriptedConnection, entries: readonly Entry[]): Promise<Played> {
  return new Promise((resolve) => {
    const bytes = bytesOf(script.requests.map(({ text }) => text).join(''));
    const end = script.abort === null ? bytes.length : Math.min(bytes.length, script.abort.afterBytes);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    let received = '';
    let ending: Ending = null;
    let silent = false;
    let sent = 0;
    let pieceIndex = 0;

    const deadline = setTimeout(() => {
      silent = true;
      socket.destroy();
    }, DEADLINE_MS);
    socket.on('error', () => {
      ending ??= 'reset';
    });
    socket.on('end', () => {
      ending ??= 'end';
      socket.destroy();
    });
    socket.on('close', () => {
      clearTimeout(deadline);
      resolve({ received, ending, silent });
    });
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      // A connection that stays open is left once every answer has come.
      const { over, responses } = readAnswers(script.requests, received, null);
      if (over && responses.length === script.requests.length && responses.at(-1)?.close === false)
        socket.resetAndDestroy();
    });

    const sendNext = (): void => {
      if (socket.destroyed || !socket.writable) return;
      if (sent >= end) {
        if (script.abort?.how === 'reset') socket.resetAndDestroy();
        else if (script.abort?.how === 'end') socket.end();
        return;
      }
      const size = script.pieces.length === 0 ? end : script.pieces[pieceIndex++ % script.pieces.length]!;
      const piece = bytes.subarray(sent, Math.min(end, sent + size));
      sent += piece.length;
      note(entries, sent);
      if (!socket.write(piece) && sent < end) socket.once('drain', sendNext);
      else if (script.pauseMs > 0) setTimeout(sendNext, script.pauseMs);
      else setImmediate(sendNext);
    };
    socket.on('connect', () => {
      if (script.readsAfterMs > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), script.readsAfterMs);
      }
      sendNext();
    });
  });
}

// Notes which requests have been sent whole once so many bytes of the connection are on their way.
function note(entries: readonly Entry[], sent: number): void {
  let end = 0;
  for (const entry of entries) {
    end += entry.scripted.text.length;
    if (end > sent) return;
    entry.sentWhole = true;
  }
}
