/**
 * The heads that leave: requests to an upstream, responses to a client, and responses of Tidegate's own.
 *
 * Each head is built as one string and leaves in one write together with what is ready of its body. What the other side
 * sent is passed on in runs; everything that concerns one hop only is written anew here, so that no framing or connection
 * field of one side can ever reach the other.
 *
 * Source: RFC 9110, sections 7.6 and 10.1.4; RFC 9112, sections 6 and 9; RFC 7239 (Forwarded).
 */

import { isToken } from './characters.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { permittedTrailerNames } from './trailers.ts';
import { PSEUDONYM, viaWithThisHop } from './via.ts';

/** How a forwarded request differs from what the client sent. */
export interface RequestHeadOptions {
  /** Replaces the Host value. */
  readonly host?: string | undefined;
  /** Replaces the target; must be in origin-form. */
  readonly target?: string | undefined;
  /** Replaces `passOn`, as from `passOnWithout`. */
  readonly passOn?: string | undefined;
  /** What `forwardingLines` gave. */
  readonly forwardedLines: string;
  /** How the body leaves: 'length' means the length that the head announces. */
  readonly framing: 'none' | 'length' | 'chunked';
  /** More lines, each with its CRLF, '' for none. */
  readonly extra: string;
  /** Whether the upgrade that the head asks for is asked of the upstream. */
  readonly upgrade: boolean;
}

/** The head of a request to an upstream, with its empty line. */
export function buildRequestHead(head: RequestHead, options: RequestHeadOptions): string {
  let built = `${head.method} ${options.target ?? head.forwardTarget} HTTP/1.1\r\nHost: ${options.host ?? head.authority}\r\n`;
  built += options.passOn ?? head.passOn;
  if (options.framing === 'length') built += `Content-Length: ${head.contentLength}\r\n`;
  else if (options.framing === 'chunked') built += `Transfer-Encoding: chunked\r\n${trailerLine(head.trailer)}`;
  built += options.forwardedLines + options.extra;
  if (head.maxForwards >= 0) built += `Max-Forwards: ${Math.max(0, head.maxForwards - 1)}\r\n`;
  if (options.upgrade) {
    const connection = head.teTrailers ? 'Connection: upgrade, TE\r\nTE: trailers\r\n' : 'Connection: upgrade\r\n';
    return `${built}${connection}Upgrade: ${head.upgrade}\r\n\r\n`;
  }
  return head.teTrailers ? `${built}Connection: TE\r\nTE: trailers\r\n\r\n` : `${built}\r\n`;
}

/** How a forwarded response differs from what the upstream sent. */
export interface ResponseHeadOptions {
  /** The 0 of a client that speaks HTTP/1.0 or the 1 of HTTP/1.1. */
  readonly clientMinor: 0 | 1;
  /** How the body leaves; 'none' still announces the length of a response to HEAD or with status 304. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Whether the connection to the client is closed after this response. */
  readonly close: boolean;
  /** More lines, each with its CRLF, '' for none. */
  readonly extra: string;
  /** Replaces `passOn`, as from `passOnWithout`. */
  readonly passOn?: string | undefined;
}

const UPGRADE_REQUIRED = 426;

/**
 * The head of a response to a client, with its empty line. The version is always 1.1, the highest that is spoken here,
 * also to a client of HTTP/1.0 (RFC 9110, section 6.2). Interim responses say nothing about the connection.
 */
export function buildResponseHead(head: ResponseHead, options: ResponseHeadOptions): string {
  let built = `HTTP/1.1 ${head.status} ${head.reason}\r\n${options.passOn ?? head.passOn}`;
  if (options.framing === 'length') built += `Content-Length: ${head.contentLength}\r\n`;
  else if (options.framing === 'chunked') built += `Transfer-Encoding: chunked\r\n${trailerLine(head.trailer)}`;
  else if (options.framing === 'none' && head.announcedLength >= 0)
    built += `Content-Length: ${head.announcedLength}\r\n`;
  built += `Via: ${viaWithThisHop(head.via, head.minor)}\r\n${options.extra}`;
  if (head.status === 101) return `${built}Connection: upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  if (head.informational) return `${built}\r\n`;
  // A 426 without Upgrade would not say to what (RFC 9110, section 15.5.22).
  if (head.status === UPGRADE_REQUIRED && head.upgrade !== '') {
    return `${built}Connection: upgrade${options.close ? ', close' : ''}\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
  }
  return built + connectionLine(options.close || options.framing === 'close', options.clientMinor);
}

// The last field of a head and its empty line. Staying open goes without saying in HTTP/1.1 and closing in HTTP/1.0.
function connectionLine(close: boolean, clientMinor: 0 | 1): string {
  if (close) return 'Connection: close\r\n\r\n';
  return clientMinor === 0 ? 'Connection: keep-alive\r\n\r\n' : '\r\n';
}

function trailerLine(announced: string): string {
  if (announced === '') return '';
  const names = permittedTrailerNames(announced);
  return names === '' ? '' : `Trailer: ${names}\r\n`;
}

/** The peer that a request came from. */
export interface ForwardingPeer {
  /** Its IP address; '' when it is not known any more. */
  readonly address: string;
  /** Whether what it says about earlier hops is believed. */
  readonly trusted: boolean;
  /** How it reached us. */
  readonly proto: 'http' | 'https';
  /** The port on which it reached us; 0 for a Unix socket, which has none. */
  readonly port: number;
}

/**
 * The X-Forwarded-*, Forwarded and Via lines of a forwarded request, each with its CRLF. What an untrusted peer said is
 * replaced; to what a trusted one said, the address lists are appended, and its proto, host and port stand, since they tell
 * how the client reached the first proxy. X-Forwarded-Port is only written where the request had one. Via is a trace of
 * hops and not a claim about the client: it is appended whoever sent it.
 */
export function forwardingLines(head: RequestHead, peer: ForwardingPeer): string {
  const address = plainAddress(peer.address);
  const element = forwardedElement(address, head.authority, peer.proto);
  const via = `Via: ${viaWithThisHop(head.via, head.minor)}\r\n`;
  const isTrusted = peer.trusted;
  const forwardedFor = isTrusted && head.xForwardedFor !== '' ? `${head.xForwardedFor}, ${address}` : address;
  const proto = isTrusted && head.xForwardedProto !== '' ? head.xForwardedProto : peer.proto;
  const host = isTrusted && head.xForwardedHost !== '' ? head.xForwardedHost : head.authority;
  const forwarded = isTrusted && head.forwarded !== '' ? `${head.forwarded}, ${element}` : element;
  let built = `X-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: ${proto}\r\n`;
  if (host !== '') built += `X-Forwarded-Host: ${host}\r\n`;
  const port = isTrusted ? head.xForwardedPort : peer.port;
  if (head.xForwardedPort !== '' && port !== 0) built += `X-Forwarded-Port: ${port}\r\n`;
  return `${built}Forwarded: ${forwarded}\r\n${via}`;
}

// A socket that takes both families shows IPv4 peers as mapped addresses, which upstreams rarely know.
function plainAddress(address: string): string {
  if (address === '') return 'unknown';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function forwardedElement(address: string, authority: string, proto: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  if (authority === '') return `for=${node};proto=${proto}`;
  const host = isToken(authority) ? authority : `"${authority}"`;
  return `for=${node};host=${host};proto=${proto}`;
}

/** How a response that Tidegate makes itself is written. */
export interface OwnResponseOptions {
  /** The Date value. */
  readonly date: string;
  /** Whether the connection is closed after this response. */
  readonly close: boolean;
  /** The minor version that the client speaks: HTTP/1.0 has to be told that the connection stays open. */
  readonly keepAliveMinor: 0 | 1;
  /** Seconds for Retry-After; absent for none. */
  readonly retryAfter?: number | undefined;
  /** Whether it answers HEAD: the length is announced, and the body left out. */
  readonly head: boolean;
  /** What the body is; plain text unless given. */
  readonly contentType?: string | undefined;
  /** More lines, each with its CRLF. */
  readonly extra?: string | undefined;
}

const REASONS: Readonly<Record<number, string>> = Object.freeze({
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
});

/** A whole response of Tidegate's own, to be written as latin1: each character of `body` is one byte. */
export function ownResponse(status: number, body: string, options: OwnResponseOptions): string {
  let built = `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nServer: ${PSEUDONYM}\r\nDate: ${options.date}\r\n`;
  // A 204 has no length, and a 304 would announce that of a representation which nobody knows here.
  if (status !== 204 && status !== 304) {
    built += `Content-Type: ${options.contentType ?? 'text/plain; charset=utf-8'}\r\nContent-Length: ${body.length}\r\n`;
  }
  if (options.retryAfter !== undefined) built += `Retry-After: ${options.retryAfter}\r\n`;
  built += (options.extra ?? '') + connectionLine(options.close, options.keepAliveMinor);
  return options.head ? built : built + body;
}
