/**
 * A response head: text in, structure or fault out.
 *
 * An upstream is trusted more than a client and still held to the grammar: a response that two parsers frame differently
 * poisons every later response on its connection. Where a request is refused for two Content-Length fields, two equal
 * ones of a response are forgiven, because applications send them and only one leaves here.
 *
 * Source: RFC 9112, sections 4 and 6.3; RFC 9110, sections 6.4.1, 7.6 and 15.
 */

import { CR, decimalAt, FIELD_VALUE, SP } from './characters.ts';
import { CLOSE, ConnectionOptions, KEEP_ALIVE } from './connection-field.ts';
import type { UpstreamFault } from './fault.ts';
import { FieldLines, findField, linesWithout } from './field-lines.ts';
import { FIELD, sameNameAt } from './field-names.ts';
import { joined } from './field-values.ts';

/** The fields that a response may have unless the caller says otherwise. */
export const RESPONSE_FIELDS_MAX = 512;

/** A response head that may be forwarded. */
export class ResponseHead {
  readonly refused = false;
  readonly status: number = 0;
  /** The 0 of HTTP/1.0 or the 1 of HTTP/1.1. */
  readonly minor: 0 | 1 = 1;
  /** The reason phrase as sent, '' if there is none. */
  readonly reason: string = '';
  /** How the end of the body is known; 'none' for responses that have no body, whatever their fields say. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close' = 'none';
  /** The bytes of the body, 0 unless `framing` is 'length'. */
  readonly contentLength: number = 0;
  /** The Content-Length of a response to HEAD or with status 304, which is forwarded though no body follows; else -1. */
  readonly announcedLength: number = -1;
  /** Whether the upstream keeps the connection open after this response. */
  readonly keepAlive: boolean = true;
  /** The `timeout` of a Keep-Alive field in milliseconds, -1 if there is none. */
  readonly keepAliveTimeoutMs: number = -1;
  /** The lower-case protocols of the Upgrade field, '' if there is none. */
  readonly upgrade: string = '';
  /** Whether the status is 1xx; 101 too. */
  readonly informational: boolean = false;
  readonly hasDate: boolean = false;
  readonly hasServer: boolean = false;
  /** The Via values, joined by ', ', '' if there is none. */
  readonly via: string = '';
  /** The names of the trailers that are announced. */
  readonly trailer: string = '';
  /** The lines that go downstream unchanged, each with its CRLF. */
  readonly passOn: string = '';
  readonly #text: string;
  readonly #fieldsFrom: number;

  /** Made by `parseResponseHead` only: `text` is the whole head, its first field line begins at `fieldsFrom`. */
  constructor(text: string, fieldsFrom: number) {
    this.#text = text;
    this.#fieldsFrom = fieldsFrom;
  }

  /** The value of any field of the head, found without regard to case; several are joined by ', '. */
  field(name: string): string | undefined {
    return findField(this.#text, this.#fieldsFrom, name);
  }

  /** `passOn` without the fields whose lower-case names are in `names`. */
  passOnWithout(names: ReadonlySet<string>): string {
    return linesWithout(this.passOn, names);
  }
}

type Draft = { -readonly [Key in keyof ResponseHead]: ResponseHead[Key] };

const lines = new FieldLines(128);
const options = new ConnectionOptions();

/**
 * Reads a whole response head, latin1 with its final empty line, that answers a request with `requestMethod`. Never
 * throws; tell the results apart by `refused`.
 */
export function parseResponseHead(
  text: string,
  requestMethod: string,
  fieldsMax = RESPONSE_FIELDS_MAX,
): ResponseHead | UpstreamFault {
  const lineEnd = text.indexOf('\r');
  const status = statusAt(text, lineEnd);
  if (status < 0) return fault('status-line-malformed');
  if (status < 100 || status > 599) return fault('status-out-of-range');
  const scanFault = lines.scan(text, lineEnd + 2, fieldsMax);
  if (scanFault !== '') return fault(scanFault);
  const head = new ResponseHead(text, lineEnd + 2);
  const draft: Draft = head;
  draft.status = status;
  draft.minor = text.charCodeAt(7) === 0x31 ? 1 : 0;
  draft.reason = text.slice(13, lineEnd);
  draft.informational = status < 200;
  const fieldsFault = readFields(text, draft, requestMethod);
  return fieldsFault === '' ? head : fault(fieldsFault);
}

function fault(kind: string): UpstreamFault {
  return { refused: true, kind };
}

// The space after the status may be missing when there is no reason: common, and nobody reads it in another way.
function statusAt(text: string, lineEnd: number): number {
  if (lineEnd < 12 || text.charCodeAt(lineEnd + 1) !== 0x0a || !text.startsWith('HTTP/1.')) return -1;
  const minor = text.charCodeAt(7);
  if ((minor !== 0x30 && minor !== 0x31) || text.charCodeAt(8) !== SP) return -1;
  const after = text.charCodeAt(12);
  if (after !== SP && after !== CR) return -1;
  for (let at = 13; at < lineEnd; at++) {
    if (FIELD_VALUE[text.charCodeAt(at)] !== 1) return -1;
  }
  return decimalAt(text, 9, 12);
}

function readFields(text: string, draft: Draft, requestMethod: string): string {
  let length = -1;
  let encodings = 0;
  let isChunked = false;
  options.reset();
  for (let line = 0; line < lines.count; line++) {
    const id = lines.id[line]!;
    if (id === FIELD.other) continue;
    const from = lines.valueFrom[line]!;
    const to = lines.valueTo[line]!;
    switch (id) {
      case FIELD.contentLength: {
        const announced = decimalAt(text, from, to);
        if (announced < 0) return 'content-length-malformed';
        if (length >= 0 && announced !== length) return 'content-length-contradictory';
        length = announced;
        break;
      }
      case FIELD.transferEncoding:
        encodings++;
        isChunked = encodings === 1 && to - from === 7 && sameNameAt(text, from, 'chunked');
        break;
      case FIELD.connection:
        options.read(text, from, to);
        break;
      case FIELD.keepAlive:
        draft.keepAliveTimeoutMs = keepAliveTimeoutMs(text.slice(from, to));
        break;
      case FIELD.upgrade:
        draft.upgrade = joined(draft.upgrade, text.slice(from, to).toLowerCase());
        break;
      case FIELD.trailer:
        draft.trailer = joined(draft.trailer, text.slice(from, to));
        break;
      case FIELD.via:
        draft.via = joined(draft.via, text.slice(from, to));
        break;
      case FIELD.te:
      case FIELD.proxyConnection:
      case FIELD.proxyAuthenticate:
      case FIELD.proxyAuthorization:
        break;
      case FIELD.date:
        draft.hasDate = true;
        continue;
      case FIELD.server:
        draft.hasServer = true;
        continue;
      default:
        continue;
    }
    lines.dropped[line] = 1;
  }
  if (length >= 0 && encodings > 0) return 'content-length-and-transfer-encoding';
  if (encodings > 0 && !isChunked) return 'transfer-encoding-unsupported';
  if (encodings > 0 && draft.minor === 0) return 'transfer-encoding-on-http-1.0';
  if (options.fault !== '') return options.fault;
  for (const name of options.named) lines.drop(text, name);
  frame(draft, requestMethod, length, isChunked);
  const bits = options.bits;
  const wantsOpen = (bits & CLOSE) === 0 && (draft.minor === 1 || (bits & KEEP_ALIVE) !== 0);
  draft.keepAlive = wantsOpen && draft.framing !== 'close' && draft.status !== 101;
  draft.passOn = lines.kept(text);
  return '';
}

function frame(draft: Draft, requestMethod: string, length: number, isChunked: boolean): void {
  if (requestMethod === 'HEAD' || draft.status === 304) {
    draft.framing = 'none';
    // 1xx and 204 never carry a length, not even in answer to HEAD.
    if (!draft.informational && draft.status !== 204) draft.announcedLength = length;
  } else if (draft.informational || draft.status === 204) {
    draft.framing = 'none';
  } else if (isChunked) {
    draft.framing = 'chunked';
  } else if (length >= 0) {
    draft.framing = 'length';
    draft.contentLength = length;
  } else {
    draft.framing = 'close';
  }
}

function keepAliveTimeoutMs(value: string): number {
  const seconds = /(?:^|[,; \t])timeout=([0-9]{1,9})(?:[,; \t]|$)/i.exec(value)?.[1];
  return seconds === undefined ? -1 : Number(seconds) * 1000;
}
