/**
 * A client of the admin API: calls, and what the calls of these tests come back with.
 *
 * Each call has a connection of its own, so that no test depends on how the admin API treats idle ones.
 */
import type { ConfigView, PoolView, Receipt, ServiceView, TidegateEvent } from '../../../src/control/operations.ts';
import { exchange } from './exchange.ts';
import { Metrics } from './metrics.ts';

/** An answer of the admin API. */
export interface AdminAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** The refusal that a call may come back with instead. */
export interface AdminError {
  readonly error: { readonly code: string; readonly message: string; readonly details: unknown };
}

export class Admin {
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  /** Calls and gives status and body, whatever they are. */
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<AdminAnswer<T>> {
    const answer = await exchange(this.port, path, {
      method,
      headers: { ...(method === 'GET' ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: JSON.parse(answer.body) as T };
  }

  async #done<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  service(name = 'shop'): Promise<ServiceView> {
    return this.#done('GET', `/api/services/${name}`);
  }

  async pool(pool: string, service = 'shop'): Promise<PoolView> {
    const view = await this.service(service);
    return view.pools.find((one) => one.name === pool)!;
  }

  traffic(weights: Readonly<Record<string, number>>, service = 'shop'): Promise<Receipt> {
    return this.#done('PUT', `/api/services/${service}/traffic`, weights);
  }

  flip(to: string, service = 'shop'): Promise<Receipt> {
    return this.#done('POST', `/api/services/${service}/flip`, { to });
  }

  rollback(service = 'shop'): Promise<Receipt> {
    return this.#done('POST', `/api/services/${service}/rollback`, {});
  }

  receipt(epoch: number, service = 'shop'): Promise<Receipt> {
    return this.#done('GET', `/api/receipts/${epoch}?service=${service}`);
  }

  config(): Promise<ConfigView> {
    return this.#done('GET', '/api/config');
  }

  /** What /metrics says now. */
  async metrics(): Promise<Metrics> {
    return new Metrics((await exchange(this.port, '/metrics')).body);
  }

  /** The status of /readyz. */
  async readiness(): Promise<number> {
    return (await exchange(this.port, '/readyz')).status;
  }

  /** Events that are kept, of one kind, oldest first. */
  async events(kind: string): Promise<TidegateEvent[]> {
    const events = await replay(this.port);
    return events.filter((event) => event.kind === kind);
  }
}

/** Reads the event stream from the first event to the comment that says that the replay is over. */
async function replay(port: number): Promise<TidegateEvent[]> {
  const controller = new AbortController();
  const { body } = await fetch(`http://127.0.0.1:${port}/api/events?since=0`, { signal: controller.signal });
  const events: TidegateEvent[] = [];
  let text = '';
  for await (const part of body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end);
      text = text.slice(end + 2);
      if (frame.startsWith(': live')) {
        controller.abort();
        return events;
      }
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) events.push(JSON.parse(data) as TidegateEvent);
    }
  }
  throw new Error('the event stream has ended');
}
