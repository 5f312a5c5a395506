/**
 * The file of a Unix socket before it is opened: what a process that died has left there is removed.
 *
 * The kernel keeps the file of a socket when its process ends, and the next `bind` fails on it. So a file that is in the
 * way is asked: a connection that is refused means that nobody listens, and only then is it removed. A file that is no
 * socket is never touched, and one that somebody listens on is somebody's. Removing it in any case, as many programs do,
 * takes the clients away from a running process without a word.
 */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Makes room at the path; rejects with a sentence for people when that is not possible. */
export async function freeSocketPath(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new Error(`unix:${path}: ${error.message}`);
  });
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`unix:${path}: there is a file that is no socket`);
  const answer = await knock(path);
  if (answer === 'ECONNREFUSED') await unlink(path);
  else if (answer === '') throw new Error(`unix:${path}: another program listens on this socket`);
  else if (answer !== 'ENOENT') throw new Error(`unix:${path}: the socket there cannot be asked: ${answer}`);
}

/** The system's code for why nobody can be reached at the path, or '' if somebody can. */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
