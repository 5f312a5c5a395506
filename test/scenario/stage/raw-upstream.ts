/**
 * An upstream on bare sockets: what it sends, and how it ends, is up to the test, byte by byte.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Cleaning } from './tidegate.ts';

/** Called when the head of a request has come; `rest` is what came behind it. */
export type OnRequest = (socket: Socket, head: string, rest: Buffer) => void;

export class RawUpstream {
  readonly server: Server;
  readonly sockets = new Set<Socket>();

  private constructor(onRequest: OnRequest) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
      let received = Buffer.alloc(0);
      const onData = (piece: Buffer): void => {
        received = Buffer.concat([received, piece]);
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', onData);
        onRequest(socket, received.toString('latin1', 0, end), received.subarray(end + 4));
      };
      socket.on('data', onData);
    });
  }

  static async start(t: Cleaning, onRequest: OnRequest): Promise<RawUpstream> {
    const upstream = new RawUpstream(onRequest);
    await once(upstream.server.listen({ host: '127.0.0.1', port: 0 }), 'listening');
    t.teardown(async () => {
      const closed = once(upstream.server, 'close');
      upstream.server.close();
      for (const socket of upstream.sockets) socket.destroy();
      await closed;
    });
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}
