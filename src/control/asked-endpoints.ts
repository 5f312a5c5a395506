/**
 * The endpoints of a pool as somewhere to ask a question, for verifications and for signals.
 *
 * What a question needs beside the address (the Host that the endpoint expects, the PROXY header that it wants first) is
 * found here once, so that nothing that asks an endpoint forgets one of them.
 */
import type { Pool, Service } from '../config/schema.ts';
import type { EndpointPlace } from '../health/ask.ts';
import { buildLocalProxyHeader } from '../http1/proxy-protocol.ts';
import { authorityOf } from './snapshot-builder.ts';

/** Where an endpoint is, and what a question to it begins with. */
export interface AskedEndpoint {
  readonly name: string;
  readonly place: EndpointPlace;
  /** The Host field of requests to it. */
  readonly authority: string;
  readonly preface: Uint8Array | null;
}

/** All endpoints of a pool, in the order of the file. */
export function askedEndpoints({ health, proxyProtocol }: Service, pool: Pool): AskedEndpoint[] {
  const preface = proxyProtocol === undefined ? null : buildLocalProxyHeader(proxyProtocol);
  return pool.endpoints.map(({ name, address }) => ({
    name,
    place: address,
    authority: health?.host ?? authorityOf(name),
    preface,
  }));
}
