/**
 * A raw `net` server that answers each request with bytes prepared in advance.
 *
 * It plays two parts: the upstream behind every proxy, where it must cost as little as possible, and a contender of its
 * own, the price of one read and one write in this runtime. `/` gets a small body and `/large` gets `--body-bytes` of
 * it, so that one process serves all shapes of load.
 *
 * It is no HTTP server: a request is taken to be over when a read ends with an empty line, which holds for the loads of
 * this bench (GET without a body, never pipelined) and for nothing else.
 */
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { listen: { type: 'string' }, 'body-bytes': { type: 'string', default: '102400' } },
});

function response(body: string, connection: 'keep-alive' | 'close'): Buffer {
  const fields = `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: ${connection}`;
  return Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`, 'latin1');
}

const small = 'Hello, tide!\n';
const large = 'x'.repeat(Number(values['body-bytes']));
const keep = { small: response(small, 'keep-alive'), large: response(large, 'keep-alive') };
const last = { small: response(small, 'close'), large: response(large, 'close') };
const connectionClose = /\r\nconnection: *close\r\n/i;

function answer(socket: Socket, head: string): void {
  const size = head.startsWith('GET /large ') ? 'large' : 'small';
  if (connectionClose.test(head)) socket.end(last[size]);
  else socket.write(keep[size]);
}

createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('data', (bytes: Buffer) => {
    const head = pending + bytes.toString('latin1');
    if (head.endsWith('\r\n\r\n')) {
      pending = '';
      answer(socket, head);
    } else if (head.length > 65_536) socket.destroy();
    else pending = head;
  });
  socket.on('error', () => socket.destroy());
}).listen({ host: '127.0.0.1', port: Number(values.listen), backlog: 4096 });
