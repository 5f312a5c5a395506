/**
 * Reads one signal: asks its source for the candidate's number, and for the active pool's where the condition is a ratio.
 *
 * The number of a pool is that of all its endpoints. One that cannot be read makes the whole unknown: the endpoint that has run
 * out of memory is the one that does not answer, and a mean over the others would say that all is well.
 *
 * Counters need the page before, which is kept by endpoint. When the signal's definition changes the pages are forgotten, since
 * they say something about another metric.
 */
import type { Pool, ReadableSignal, Service } from '../config/schema.ts';
import { ask, type Reply } from '../health/ask.ts';
import { figureOf, namesWanted, type Scrape, type ScrapePair, scrapeOf } from '../signals/figures.ts';
import { failed, type Measured, measured } from '../signals/measured.ts';
import { readPage } from '../signals/prometheus-text.ts';
import { numberOfQuery } from '../signals/query-answer.ts';
import { escapeForAddress, escapeForQuery, fill, type Placeholder } from '../signals/template.ts';
import { askAddress } from './ask-address.ts';
import { type AskedEndpoint, askedEndpoints } from './asked-endpoints.ts';
import { atOnce } from './at-once.ts';
import { quoted, valueAt } from './expectation.ts';

/** The longest page and the longest answer that are read. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
const ANSWER_BYTES_MAX = 1024 * 1024;
/** Endpoints of a pool that are asked at once. */
const AT_ONCE = 8;

/** Both sides of a rollout, by the names of their pools. */
export interface Sides {
  readonly active: string;
  readonly candidate: string;
}

type ScrapeSignal = Extract<ReadableSignal, { readonly kind: 'scrape' }>;
type AddressSignal = Exclude<ReadableSignal, ScrapeSignal>;

export class SignalReader {
  readonly #sides: Sides;
  readonly #nowMs: () => number;
  #definition = '';
  /** The last page of each endpoint, by pool and name. */
  #pages = new Map<string, Scrape>();

  /** `nowMs` is a clock that only goes forward. */
  constructor(sides: Sides, nowMs: () => number) {
    this.#sides = sides;
    this.#nowMs = nowMs;
  }

  /** The number of one side, which is a pool of the service; it never rejects. */
  read(signal: ReadableSignal, service: Service, side: keyof Sides, stop: AbortSignal): Promise<Measured> {
    const pool = service.pools.get(this.#sides[side]);
    if (pool === undefined) return Promise.resolve(failed(`the pool ${this.#sides[side]} has left the file`));
    switch (signal.kind) {
      case 'scrape':
        return this.#scrape(signal, service, pool, stop);
      case 'prometheus':
      case 'json':
        return this.#ask(signal, service, pool, stop);
      default:
        return signal satisfies never;
    }
  }

  async #scrape(signal: ScrapeSignal, service: Service, pool: Pool, stop: AbortSignal): Promise<Measured> {
    const wanted = { metric: signal.metric, labels: signal.labels, figure: signal.value };
    const definition = JSON.stringify([signal.path, wanted]);
    if (definition !== this.#definition) this.#pages = new Map();
    this.#definition = definition;
    const pairs: ScrapePair[] = [];
    let problem: string | null = null;
    await atOnce(askedEndpoints(service, pool), AT_ONCE, async (endpoint) => {
      const page = await readEndpointPage(signal, endpoint, stop);
      const now =
        typeof page === 'string' ? page : scrapeOf(readPage(page.text, namesWanted(wanted)), wanted, this.#nowMs());
      const key = JSON.stringify([pool.name, endpoint.name]);
      if (typeof now === 'string') {
        problem ??= `${endpoint.name}: ${now}`;
        return;
      }
      pairs.push({ before: this.#pages.get(key) ?? null, now });
      this.#pages.set(key, now);
    });
    return problem === null ? figureOf(pairs, wanted) : failed(problem);
  }

  async #ask(signal: AddressSignal, service: Service, pool: Pool, stop: AbortSignal): Promise<Measured> {
    const values: Record<Placeholder, string> = {
      ...this.#sides,
      service: service.name,
      pool: pool.name,
      version: pool.version,
    };
    const base = fill(signal.url, values, escapeForAddress);
    const address = signal.kind === 'json' ? base : queryAddress(base, fill(signal.query, values, escapeForQuery));
    const question = {
      headers: fieldsOf(signal, 'application/json'),
      timeoutMs: signal.timeoutMs,
      bodyBytesMax: ANSWER_BYTES_MAX,
    };
    const reply = await askAddress(address, question, stop);
    if (!reply.ok) return failed(reply.detail);
    const parsed = parseJson(reply);
    // Prometheus says what is wrong with a query in the body of a 4xx.
    if (signal.kind === 'prometheus' && parsed.ok) {
      const found = numberOfQuery(parsed.value);
      if (isGood(reply) || found.kind === 'failed') return found;
    }
    if (!isGood(reply)) return failed(`status ${reply.status}`);
    if (!parsed.ok) return failed(parsed.why);
    return signal.kind === 'json' ? numberAt(parsed.value, signal.pointer) : numberOfQuery(parsed.value);
  }
}

type Answer = Reply & { readonly ok: true };

async function readEndpointPage(
  signal: ScrapeSignal,
  { place, authority, preface }: AskedEndpoint,
  stop: AbortSignal,
): Promise<{ readonly text: string } | string> {
  const { path, timeoutMs } = signal;
  const headers = { host: authority, ...fieldsOf(signal, 'text/plain;version=0.0.4') };
  const question = {
    place,
    method: 'GET',
    path,
    headers,
    body: null,
    timeoutMs,
    preface,
    bodyBytesMax: PAGE_BYTES_MAX,
  };
  const reply = await ask(question, stop);
  if (!reply.ok) return reply.detail;
  if (!isGood(reply)) return `status ${reply.status}`;
  if (!reply.isWhole) return `the page is longer than ${PAGE_BYTES_MAX} bytes`;
  const text = textOf(reply.body);
  return text === null ? 'the page is not UTF-8 text' : { text };
}

function fieldsOf({ headers, token }: ReadableSignal, accept: string): Record<string, string> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { accept, 'user-agent': 'tidegate-signals', ...authorization, ...headers };
}

function queryAddress(base: string, query: string): string {
  const url = URL.parse(base);
  if (url === null) return base;
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  url.searchParams.set('query', query);
  return url.href;
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status <= 299;
}

function parseJson(
  reply: Answer,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string } {
  if (!reply.isWhole) return { ok: false, why: `the answer is longer than ${ANSWER_BYTES_MAX} bytes` };
  const text = textOf(reply.body);
  try {
    if (text !== null) return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, why: `the answer is not JSON: ${quoted(text ?? '')}` };
  }
  return { ok: false, why: 'the answer is not UTF-8 text' };
}

/** The number that a JSON pointer leads to. A text that looks like one is none: whoever writes it may mean anything. */
function numberAt(root: unknown, pointer: string): Measured {
  const value = valueAt(root, pointer);
  if (typeof value === 'number') return measured(value);
  if (typeof value === 'boolean') return measured(value ? 1 : 0);
  const where = pointer === '' ? 'the answer' : pointer;
  if (value === undefined) return failed(`${where} is missing`);
  return failed(`${where} is no number: ${quoted(JSON.stringify(value))}`);
}

function textOf(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}
