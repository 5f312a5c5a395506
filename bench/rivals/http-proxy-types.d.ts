/** The part of http-proxy 1.x that the bench uses; the package comes without types. */
declare module 'http-proxy' {
  import type { Agent, IncomingMessage, ServerResponse } from 'node:http';

  interface Proxy {
    web(req: IncomingMessage, res: ServerResponse): void;
    on(event: 'error', listener: (error: Error, req: IncomingMessage, res: ServerResponse) => void): this;
  }

  const httpProxy: { createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): Proxy };
  export = httpProxy;
}
