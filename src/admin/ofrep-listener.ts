/**
 * The listener for applications under `ofrep:`: a server that knows nothing but OFREP.
 *
 * It runs on the main thread with the admin API. Its connections have bounds of their own, so that applications, however
 * many there are, take none of the admin API's. Node's own server is used: what it reads are small questions, and it bounds
 * heads, times and keep-alive.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { endLastConnections } from './last-connections.ts';
import type { Ofrep } from './ofrep.ts';
import { OfrepDoor } from './ofrep-door.ts';
import type { OfrepRules } from './ofrep-rules.ts';
import { SLOW_DOWN, type SlowDown, WrongTokens } from './wrong-tokens.ts';

/** What the listener is made from. */
export interface OfrepListenerOptions {
  readonly ofrep: Ofrep;
  /** An address without port; the config has been asked whether it may be open to others. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Who may ask; the same object until that changes. */
  readonly rules: () => OfrepRules;
  /** How many change streams there may be. */
  readonly streamsMax: number;
  readonly slowDown?: SlowDown;
}

/** A running listener. */
export interface OfrepListener {
  readonly address: { readonly host: string; readonly port: number };
  /** Lets running questions finish and closes the port; streams must have been ended before. */
  close(): Promise<void>;
}

/** For the whole question to arrive, for its head, and how often both are looked at; how long a connection may wait. */
const TIMES_MS = { requestTimeout: 15_000, headersTimeout: 10_000, connectionsCheckingInterval: 2_000 };
const KEEP_ALIVE_MS = 60_000;
/** Connections beside those of change streams: enough for questions, and few enough to leave the proxy its descriptors. */
const CONNECTIONS_MAX = 1_000;

/** Opens the listener; fails when the address cannot be opened. */
export async function startOfrepListener(options: OfrepListenerOptions): Promise<OfrepListener> {
  const { ofrep, host, port, rules } = options;
  const wrongTokens = new WrongTokens(options.slowDown ?? SLOW_DOWN);
  const door = new OfrepDoor(host, rules, 'ofrep.allowedHosts', wrongTokens);
  const server = createServer({ ...TIMES_MS, requireHostHeader: false }, (req, res) => ofrep.serve(req, res, door));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = CONNECTIONS_MAX + options.streamsMax;
  server.on('clientError', answerClientError);
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    address: { host: address.address, port: address.port },
    close: () =>
      new Promise((resolve) => {
        wrongTokens.close();
        endLastConnections(server);
        server.close(() => resolve());
      }),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Answers bytes that are no request; there is no request object, so the answer is written by hand. */
function answerClientError(error: Error, socket: Socket): void {
  if (!socket.writable || ('code' in error && error.code === 'ECONNRESET')) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ errorCode: 'GENERAL', errorDetails: 'This is not a valid HTTP request.' });
  socket.end(
    'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
