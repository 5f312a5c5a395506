/**
 * The field names that this engine acts on, and how one is recognised in a head without copying it.
 *
 * A name is looked up by its length and first letter; only when a known name has both are its characters compared, with
 * the case bit set. Nine of ten fields of a browser are dismissed by that one load. Lower-casing every name and asking a
 * Map costs an allocation and a hash for each field.
 */

/** The known fields by number; 0 is every other field. */
export const FIELD = Object.freeze({
  other: 0,
  connection: 1,
  contentLength: 2,
  date: 3,
  expect: 4,
  forwarded: 5,
  host: 6,
  keepAlive: 7,
  maxForwards: 8,
  proxyAuthenticate: 9,
  proxyAuthorization: 10,
  proxyConnection: 11,
  server: 12,
  te: 13,
  traceparent: 14,
  trailer: 15,
  transferEncoding: 16,
  upgrade: 17,
  via: 18,
  xForwardedFor: 19,
  xForwardedHost: 20,
  xForwardedPort: 21,
  xForwardedProto: 22,
  xRequestId: 23,
  featureFlags: 24,
  featureFlagsUnderscored: 25,
});

// In the order of the numbers above.
const NAMES: readonly string[] = [
  '',
  'connection',
  'content-length',
  'date',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'server',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
  'feature-flags',
  'feature_flags',
];

const LENGTH_MAX = 31;
const first = new Uint8Array((LENGTH_MAX + 1) * 32);
const next = new Uint8Array(NAMES.length);
for (let id = 1; id < NAMES.length; id++) {
  const name = NAMES[id]!;
  const slot = (name.length << 5) | (name.charCodeAt(0) & 31);
  next[id] = first[slot]!;
  first[slot] = id;
}

/** Whether `text` holds the lower-case `name` at `from`, whatever the case of its letters there. */
export function sameNameAt(text: string, from: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = text.charCodeAt(from + at);
    const isUpper = code >= 0x41 && code <= 0x5a;
    if ((isUpper ? code | 0x20 : code) !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** The number of the field whose name is `text[from, to)`, 0 when it is not a known one. */
export function fieldIdAt(text: string, from: number, to: number): number {
  const length = to - from;
  if (length > LENGTH_MAX) return 0;
  let id = first[(length << 5) | (text.charCodeAt(from) & 31)]!;
  while (id !== 0 && !sameNameAt(text, from, NAMES[id]!)) id = next[id]!;
  return id;
}
