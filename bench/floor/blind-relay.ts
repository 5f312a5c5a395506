/**
 * The floor of this runtime: a TCP relay that passes bytes both ways and knows nothing of HTTP.
 *
 * Two reads and two writes for each request, nothing else: a proxy on `node:net` cannot be cheaper, so the distance to
 * this program is what Tidegate's own work costs. `pipe` is not used: it adds a layer of stream bookkeeping that a
 * proxy on the hot path would not pay either. Backpressure is kept, because a relay without it would win on large
 * bodies by filling memory.
 */
import { connect, createServer, type Socket } from 'node:net';
import { relayPorts } from './relay-arguments.ts';

const ports = relayPorts();

function pour(from: Socket, to: Socket): void {
  const resume = () => from.resume();
  from.on('data', (bytes: Buffer) => {
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', resume);
    }
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
}

createServer({ allowHalfOpen: true, noDelay: true }, (downstream) => {
  const upstream = connect({ host: '127.0.0.1', port: ports.upstream, allowHalfOpen: true, noDelay: true });
  pour(downstream, upstream);
  pour(upstream, downstream);
}).listen({ host: '127.0.0.1', port: ports.listen, backlog: 4096 });
