/**
 * One request and its whole answer over a connection of its own, by `node:http`: for tests that look at what comes back
 * and not at how fast.
 */
import { type IncomingHttpHeaders, request } from 'node:http';

/** What to send. */
export interface ExchangeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

/** What has come back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request to a port of this machine; rejects when the answer does not come whole. */
export function exchange(port: number, path: string, options: ExchangeOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...length, ...headers } as Record<string, string>,
        agent: false,
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, body: text }));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}
