/** A client's end of a new connection to a port of this machine, closed when the test is over. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { WireEnd } from '../../wire/stage/wire-end.ts';
import type { Cleaning } from './driven-thread.ts';

export async function connected(t: Cleaning, port: number): Promise<WireEnd> {
  const socket = connect({ host: '127.0.0.1', port });
  const end = new WireEnd(socket);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return end;
}
