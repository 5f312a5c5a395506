/**
 * What the grammar refuses, and with which words.
 *
 * One frozen table holds every refusal of a request: its status, the text that the client is told and the kind under
 * which it is counted. The sentences are fixed: a refusal never repeats a byte that the client sent, so that nothing a
 * client writes can come back as our own response. Building the reason from the offending bytes would help people who
 * debug, and has been the way into response splitting and log injection too often.
 *
 * A refusal always closes the connection: where the next request starts is no longer certain (RFC 9112, section 9.6).
 * Faults of upstream responses need no status: they all end as 502, and only their kind differs.
 */

/** A request that is not forwarded: the status and text of the answer, and a metric-safe identifier of why. */
export interface Refusal {
  readonly refused: true;
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 501 | 505 | 508;
  /** A fixed sentence for the body of the answer. */
  readonly reason: string;
  readonly kind: RefusalKind;
}

/** A response of an upstream that is not forwarded; the client is given a 502 and the upstream connection is destroyed. */
export interface UpstreamFault {
  readonly refused: true;
  readonly kind: string;
}

const SENTENCES = {
  'request-line-malformed': [400, 'The request line is not a method, a target and a version with one space between.'],
  'method-malformed': [400, 'The method is not a token.'],
  'version-malformed': [400, 'The request line has no well-formed HTTP version.'],
  'version-unsupported': [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'],
  'method-connect': [405, 'CONNECT is not allowed.'],
  'method-trace': [405, 'TRACE is not allowed.'],
  'target-malformed': [400, 'The target has a control character, a space or a character outside ASCII.'],
  'target-fragment': [400, 'The target has a fragment.'],
  'target-nul': [400, 'The target has an encoded NUL.'],
  'target-form': [400, 'The target is neither a path nor an absolute URI.'],
  'target-scheme': [400, 'The target has a scheme other than http and https.'],
  'target-authority': [400, 'The authority of the target is malformed.'],
  'target-too-long': [414, 'The target is too long.'],
  'path-not-decodable': [400, 'The path has a percent sign that does not begin an escape.'],
  'path-ambiguous': [400, 'The path matches another route once it is normalised.'],
  'head-malformed': [400, 'The head has a line end other than CRLF, or a control character.'],
  'head-too-large': [431, 'The head is too large.'],
  'fields-too-many': [431, 'The head has too many fields.'],
  'field-without-colon': [400, 'A header line has no colon.'],
  'field-name-malformed': [400, 'A field name is not a token.'],
  'space-before-colon': [400, 'There is white space between a field name and its colon.'],
  'space-before-field': [400, 'There is white space before the first field.'],
  'obs-fold': [400, 'A field is folded over several lines.'],
  'bare-line-feed': [400, 'A line ends in LF without CR.'],
  'bare-carriage-return': [400, 'There is a CR without LF.'],
  'field-value-control': [400, 'A field value has a control character.'],
  'host-missing': [400, 'The Host field is missing.'],
  'host-repeated': [400, 'There is more than one Host field.'],
  'host-empty': [400, 'The Host field is empty.'],
  'host-malformed': [400, 'The Host field is malformed.'],
  'content-length-and-transfer-encoding': [400, 'There are both Content-Length and Transfer-Encoding.'],
  'content-length-repeated': [400, 'There is more than one Content-Length field.'],
  'content-length-malformed': [400, 'The Content-Length is not a plain decimal number.'],
  'transfer-encoding-on-http-1.0': [400, 'There is a Transfer-Encoding in an HTTP/1.0 request.'],
  'transfer-encoding-malformed': [400, 'The Transfer-Encoding is malformed.'],
  'transfer-encoding-unsupported': [501, 'Only chunked is understood as Transfer-Encoding.'],
  'connection-malformed': [400, 'The Connection field is malformed.'],
  'connection-names-protected-field': [400, 'The Connection field names a field that must not be removed.'],
  'expectation-unknown': [417, 'Only 100-continue can be expected.'],
  'max-forwards-malformed': [400, 'The Max-Forwards field is malformed.'],
  'forwarding-loop': [508, 'The request has been here before.'],
  'head-timeout': [408, 'The head did not arrive in time.'],
  'body-timeout': [408, 'The body did not arrive in time.'],
  'body-too-large': [413, 'The body is too large.'],
  'chunk-size-malformed': [400, 'A chunk size is malformed.'],
  'chunk-size-too-large': [400, 'A chunk size is too large.'],
  'chunk-extension-malformed': [400, 'A chunk extension is malformed.'],
  'chunk-extension-too-long': [400, 'The chunk extensions are too long.'],
  'chunk-end-malformed': [400, 'A chunk does not end in CRLF.'],
  'trailer-malformed': [400, 'The trailer section is malformed.'],
  'trailer-too-large': [431, 'The trailer section is too large.'],
} as const satisfies Record<string, readonly [Refusal['status'], string]>;

/** The identifiers of all refusals; bounded, so safe as a metric label. */
export type RefusalKind = keyof typeof SENTENCES;

function tableOfRefusals(): Readonly<Record<RefusalKind, Refusal>> {
  const table: Record<string, Refusal> = {};
  for (const [kind, [status, reason]] of Object.entries(SENTENCES)) {
    table[kind] = Object.freeze({ refused: true, status, reason, kind: kind as RefusalKind });
  }
  return Object.freeze(table as Record<RefusalKind, Refusal>);
}

/** Every refusal by its kind. */
export const REFUSALS: Readonly<Record<RefusalKind, Refusal>> = tableOfRefusals();

/**
 * Further lines of the answer to a refusal, each with its CRLF: a 405 says what is allowed (RFC 9110 section 15.5.6). Any
 * other method may pass as well, which the field has no way to say.
 */
export function refusalLines({ status }: Pick<Refusal, 'status'>): string {
  return status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '';
}
