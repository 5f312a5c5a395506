/**
 * A question to an address as people write it: `http` or `https`, a host, a port, a path.
 *
 * Endpoints are known by their place and are asked by `health/ask.ts`; sources of signals are written as addresses, and are
 * asked by the same function once the address has been taken apart here.
 */
import { ask, type Question, type Reply } from '../health/ask.ts';

/** What such a question says beside where it goes. */
export type AddressQuestion = Pick<Question, 'headers' | 'timeoutMs'> & { readonly bodyBytesMax: number };

/** Asks with GET. It never rejects; an address that is none is a bad reply. */
export async function askAddress(address: string, question: AddressQuestion, stop: AbortSignal): Promise<Reply> {
  const url = URL.parse(address);
  if (url === null) return { ok: false, detail: 'the address cannot be read' };
  const isEncrypted = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (isEncrypted ? 443 : 80) : Number(url.port);
  return ask(
    {
      ...question,
      place: { host, port },
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...question.headers },
      body: null,
      preface: null,
      ...(isEncrypted ? { tlsName: host } : {}),
    },
    stop,
  );
}
