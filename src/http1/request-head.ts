/**
 * A request head: text in, structure or refusal out.
 *
 * Everything that two parsers could read in two ways is refused here, before a route is looked for: what frames the body,
 * which host is meant, where a line ends. The head is one latin1 string, and all that is kept of it are slices and a few
 * words. `passOn` is what goes upstream unchanged, cut out in runs of lines; fields that are neither passed on nor known
 * here are found again in the text when someone asks for them, which almost nobody does.
 *
 * The scanners at the bottom of the module are used for one head after another. A head is read without giving way, so
 * they are never shared by two.
 *
 * Source: RFC 9112, sections 2 to 6; RFC 9110, sections 5, 7 and 10.
 */

import { hostOf } from './authority.ts';
import { decimalAt, TOKEN } from './characters.ts';
import { CLOSE, ConnectionOptions, KEEP_ALIVE, UPGRADE } from './connection-field.ts';
import { REFUSALS, type Refusal, type RefusalKind } from './fault.ts';
import { FieldLines, findField, linesWithout } from './field-lines.ts';
import { FIELD, sameNameAt } from './field-names.ts';
import { cookieIn, isTokenList, joined, listHas, protocolsOf } from './field-values.ts';
import { RequestTarget } from './request-target.ts';
import { timesThroughHere } from './via.ts';

/** What a head may have at most: bytes of target, number of fields. */
export interface RequestHeadLimits {
  readonly targetBytes: number;
  readonly fields: number;
}

/** A request head that may be forwarded. Every text is a slice of the head as sent unless its description says otherwise. */
export class RequestHead {
  readonly refused = false;
  readonly method: string = '';
  readonly target: string = '';
  /** The 0 of HTTP/1.0 or the 1 of HTTP/1.1. */
  readonly minor: 0 | 1 = 1;
  readonly form: 'origin' | 'absolute' | 'asterisk' = 'origin';
  /** The path without query, not normalised; '*' in asterisk-form, '/' where an absolute-form target has none. */
  readonly path: string = '';
  /** What follows the first '?', '' if nothing does. */
  readonly query: string = '';
  /** The target to send upstream: never in absolute-form. */
  readonly forwardTarget: string = '';
  /** The lower-case host without port, for routing; IPv6 keeps its brackets. '' when the request names none. */
  readonly host: string = '';
  /** The Host value to forward: the authority of an absolute-form target, else Host as sent. */
  readonly authority: string = '';
  readonly framing: 'none' | 'length' | 'chunked' = 'none';
  /** The announced bytes of the body, 0 unless `framing` is 'length'. */
  readonly contentLength: number = 0;
  /** Whether the client expects the connection to stay open after the response. */
  readonly keepAlive: boolean = true;
  /** The lower-case protocols of a valid upgrade request without h2c, else ''. */
  readonly upgrade: string = '';
  /** Whether the client waits for a 100 before it sends the body. */
  readonly expectContinue: boolean = false;
  /** Whether the client takes trailers (`TE: trailers`). */
  readonly teTrailers: boolean = false;
  /** Max-Forwards of an OPTIONS request, -1 if there is none. Of other methods it is passed on and means nothing. */
  readonly maxForwards: number = -1;
  /** The lines that go upstream unchanged, each with its CRLF. */
  readonly passOn: string = '';
  // The values of fields that are not passed on; several are joined by ', ', and '' stands for none.
  readonly xForwardedFor: string = '';
  readonly xForwardedProto: string = '';
  readonly xForwardedHost: string = '';
  readonly xForwardedPort: string = '';
  readonly forwarded: string = '';
  readonly via: string = '';
  readonly requestId: string = '';
  readonly traceparent: string = '';
  /** Whether the client says itself which flags it has: a field that only Tidegate may write where it has flags. */
  readonly claimsFlags: boolean = false;
  /** The names of the trailers that are announced. */
  readonly trailer: string = '';
  readonly #text: string;
  readonly #fieldsFrom: number;

  /** Made by `parseRequestHead` only: `text` is the whole head, its first field line begins at `fieldsFrom`. */
  constructor(text: string, fieldsFrom: number) {
    this.#text = text;
    this.#fieldsFrom = fieldsFrom;
  }

  /** The value of any field of the head, found without regard to case; several are joined by ', ' (cookies by '; '). */
  field(name: string): string | undefined {
    return findField(this.#text, this.#fieldsFrom, name);
  }

  /** The value of the first cookie with exactly this name, as sent. */
  cookie(name: string): string | undefined {
    const cookies = this.field('cookie');
    return cookies === undefined ? undefined : cookieIn(cookies, name);
  }

  /** `passOn` without the fields whose lower-case names are in `names`. */
  passOnWithout(names: ReadonlySet<string>): string {
    return linesWithout(this.passOn, names);
  }
}

type Draft = { -readonly [Key in keyof RequestHead]: RequestHead[Key] };

const target = new RequestTarget();
const lines = new FieldLines(128);
const options = new ConnectionOptions();

/** Reads a whole request head, latin1 with its final empty line. Never throws; tell the results apart by `refused`. */
export function parseRequestHead(text: string, limits: RequestHeadLimits): RequestHead | Refusal {
  const lineEnd = text.indexOf('\r');
  const methodEnd = text.indexOf(' ');
  const lineFault = requestLineFault(text, lineEnd, methodEnd);
  if (lineFault !== '') return REFUSALS[lineFault];
  const method = text.slice(0, methodEnd);
  const targetFault = target.read(text, methodEnd + 1, method, limits.targetBytes);
  if (targetFault !== '') return REFUSALS[targetFault];
  const scanFault = lines.scan(text, lineEnd + 2, limits.fields);
  if (scanFault !== '') return REFUSALS[scanFault];

  const head = new RequestHead(text, lineEnd + 2);
  const draft: Draft = head;
  draft.method = method;
  draft.target = target.target;
  draft.form = target.form;
  draft.path = target.path;
  draft.query = target.query;
  draft.forwardTarget = target.forwardTarget;
  draft.minor = text.charCodeAt(lineEnd - 1) === 0x31 ? 1 : 0;
  const fieldsFault = readFields(text, draft);
  return fieldsFault === '' ? head : REFUSALS[fieldsFault];
}

function requestLineFault(text: string, lineEnd: number, methodEnd: number): RefusalKind | '' {
  if (lineEnd < 0) return 'head-malformed';
  if (text.charCodeAt(lineEnd + 1) !== 0x0a) return 'bare-carriage-return';
  if (methodEnd < 1 || methodEnd > lineEnd) return 'request-line-malformed';
  for (let at = 0; at < methodEnd; at++) {
    if (TOKEN[text.charCodeAt(at)] !== 1) return text.charCodeAt(at) === 0x0a ? 'bare-line-feed' : 'method-malformed';
  }
  if (methodEnd === 7 && text.startsWith('CONNECT')) return 'method-connect';
  if (methodEnd === 5 && text.startsWith('TRACE')) return 'method-trace';
  const second = text.indexOf(' ', methodEnd + 1);
  if (second === methodEnd + 1) return 'request-line-malformed';
  if (second < 0 || second > lineEnd) return 'version-malformed';
  return versionFaultAt(text, second + 1, lineEnd);
}

function versionFaultAt(text: string, from: number, lineEnd: number): RefusalKind | '' {
  if (lineEnd - from === 8 && text.startsWith('HTTP/1.', from)) {
    const minor = text.charCodeAt(from + 7);
    if (minor === 0x31 || minor === 0x30) return '';
  }
  const version = text.slice(from, lineEnd);
  if (version.includes('\n')) return 'bare-line-feed';
  if (/^HTTP\/[0-9]\.[0-9]$/.test(version)) return 'version-unsupported';
  return version.includes(' ') ? 'request-line-malformed' : 'version-malformed';
}

function readFields(text: string, draft: Draft): RefusalKind | '' {
  let hosts = 0;
  let lengths = 0;
  let encodings = 0;
  let upgrade = '';
  let expectLine = -1;
  let maxForwardsLine = -1;
  let fault: RefusalKind | '' = '';
  options.reset();
  for (let line = 0; line < lines.count; line++) {
    const id = lines.id[line]!;
    if (id === FIELD.other) continue;
    const from = lines.valueFrom[line]!;
    const to = lines.valueTo[line]!;
    lines.dropped[line] = 1;
    switch (id) {
      case FIELD.host:
        hosts++;
        draft.authority = text.slice(from, to);
        break;
      case FIELD.connection:
        options.read(text, from, to);
        break;
      case FIELD.contentLength:
        lengths++;
        draft.framing = 'length';
        draft.contentLength = decimalAt(text, from, to);
        break;
      case FIELD.transferEncoding:
        encodings++;
        draft.framing = 'chunked';
        fault = encodings > 1 ? 'transfer-encoding-unsupported' : encodingFault(text, from, to);
        break;
      case FIELD.upgrade:
        upgrade = joined(upgrade, text.slice(from, to));
        break;
      case FIELD.expect:
        if (expectLine >= 0 || to - from !== 12 || !sameNameAt(text, from, '100-continue'))
          return 'expectation-unknown';
        expectLine = line;
        break;
      case FIELD.maxForwards:
        if (draft.method !== 'OPTIONS') {
          lines.dropped[line] = 0;
          break;
        }
        draft.maxForwards = decimalAt(text, from, to);
        if (maxForwardsLine >= 0 || draft.maxForwards < 0) return 'max-forwards-malformed';
        maxForwardsLine = line;
        break;
      case FIELD.te:
        draft.teTrailers ||= listHas(text.slice(from, to), 'trailers');
        break;
      case FIELD.trailer:
        draft.trailer = joined(draft.trailer, text.slice(from, to));
        break;
      case FIELD.via:
        draft.via = joined(draft.via, text.slice(from, to));
        break;
      case FIELD.forwarded:
        draft.forwarded = joined(draft.forwarded, text.slice(from, to));
        break;
      case FIELD.xForwardedFor:
        draft.xForwardedFor = joined(draft.xForwardedFor, text.slice(from, to));
        break;
      case FIELD.xForwardedHost:
        draft.xForwardedHost = joined(draft.xForwardedHost, text.slice(from, to));
        break;
      case FIELD.xForwardedPort:
        draft.xForwardedPort = joined(draft.xForwardedPort, text.slice(from, to));
        break;
      case FIELD.xForwardedProto:
        draft.xForwardedProto = joined(draft.xForwardedProto, text.slice(from, to));
        break;
      case FIELD.xRequestId:
        draft.requestId = joined(draft.requestId, text.slice(from, to));
        break;
      case FIELD.traceparent:
        draft.traceparent = joined(draft.traceparent, text.slice(from, to));
        break;
      case FIELD.featureFlags:
      case FIELD.featureFlagsUnderscored:
        draft.claimsFlags = true;
        lines.dropped[line] = 0;
        break;
      case FIELD.date:
      case FIELD.server:
        lines.dropped[line] = 0;
        break;
    }
  }
  if (lengths > 0 && encodings > 0) return 'content-length-and-transfer-encoding';
  if (lengths > 1) return 'content-length-repeated';
  if (draft.contentLength < 0) return 'content-length-malformed';
  if (encodings > 0 && draft.minor === 0) return 'transfer-encoding-on-http-1.0';
  if (fault !== '') return fault;
  if (options.fault !== '') return options.fault;
  const hostFault = readHost(draft, hosts);
  if (hostFault !== '') return hostFault;
  if (draft.via !== '' && timesThroughHere(draft.via) >= 2) return 'forwarding-loop';

  if (expectLine >= 0) {
    draft.expectContinue = draft.minor === 1 && draft.framing !== 'none';
    // HTTP/1.0 has no 100, and the request leaves here as HTTP/1.1.
    if (draft.minor === 1) lines.dropped[expectLine] = 0;
  }
  const bits = options.bits;
  draft.keepAlive = (bits & CLOSE) === 0 && (draft.minor === 1 || (bits & KEEP_ALIVE) !== 0);
  const hasBody = draft.framing === 'chunked' || draft.contentLength > 0;
  if (upgrade !== '' && (bits & UPGRADE) !== 0 && draft.minor === 1 && draft.method === 'GET' && !hasBody) {
    draft.upgrade = protocolsOf(upgrade);
  }
  for (const name of options.named) dropNamed(text, draft, name);
  draft.passOn = lines.kept(text);
  return '';
}

function readHost(draft: Draft, hosts: number): RefusalKind | '' {
  if (hosts > 1) return 'host-repeated';
  if (hosts === 0 && draft.minor === 1) return 'host-missing';
  if (draft.authority !== '') {
    draft.host = hostOf(draft.authority);
    if (draft.host === '') return 'host-malformed';
  } else if (hosts === 1 && draft.minor === 1 && draft.form !== 'origin') {
    return 'host-empty';
  }
  if (draft.form === 'absolute') {
    draft.authority = target.authority;
    draft.host = target.host;
  }
  return '';
}

function encodingFault(text: string, from: number, to: number): RefusalKind | '' {
  if (to - from === 7 && sameNameAt(text, from, 'chunked')) return '';
  return isTokenList(text.slice(from, to)) ? 'transfer-encoding-unsupported' : 'transfer-encoding-malformed';
}

// A field that Connection names ends here, and so does what it would have meant beyond this hop.
function dropNamed(text: string, draft: Draft, name: string): void {
  lines.drop(text, name);
  if (name === 'x-request-id') draft.requestId = '';
  else if (name === 'traceparent') draft.traceparent = '';
  else if (name === 'max-forwards') draft.maxForwards = -1;
  else if (name === 'expect') draft.expectContinue = false;
}
