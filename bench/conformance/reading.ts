/**
 * Reads the bytes that a recording end was sent, as strictly as the grammar allows: evidence must not depend on the
 * goodwill of who reads it.
 *
 * This is neither the engine under `src/` nor Node's parser on purpose: the grid judges Tidegate by it too. Whatever is
 * not exactly a message makes the rest of the bytes `malformed`, and nothing after it is read. Bytes are latin1 strings.
 * Sources: RFC 9112 chapters 2 to 7, RFC 9110 section 5.6.2.
 */

/** Whether a message came to its end, was still open when its bytes ended, or is none. */
export type MessageState = 'whole' | 'cut' | 'malformed';

/** How the end of a body is told: it has none, by length, by chunks, or by the end of the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** One message as read. Fields are in their order, values without the white space around them. */
export interface Message {
  readonly state: MessageState;
  /** The request line or status line; what stood there, of a malformed message. */
  readonly line: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: Framing;
  /** The data of the body without its framing, as far as it has come. */
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.[01]$/;
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const LENGTH = /^[0-9]{1,18}$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** The values of all fields of that name, in any case of it. */
export function valuesOf(message: Message, name: string): string[] {
  const wanted = name.toLowerCase();
  return message.fields.flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []));
}

/** The status of a response as read, 0 of one that is malformed. */
export function statusOf(message: Message): number {
  return message.state === 'malformed' ? 0 : Number(message.line.slice(9, 12));
}

/** All requests on one connection; a last one that is not whole is `cut` or `malformed`. */
export function readRequests(bytes: string): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = headAt(bytes, at, REQUEST_LINE);
    const read = 'state' in head ? head : bodyAt(bytes, head, framingOf(head, 'none'), false);
    messages.push(read.message);
    if (read.message.state !== 'whole') break;
    at = read.end;
  }
  return messages;
}

/**
 * All responses on one connection, interim ones among them. `isHead` says of each request, by its number from 0, whether
 * it was HEAD; `endedInOrder` whether the connection ended without a reset, which completes a body that ends with it.
 */
export function readResponses(bytes: string, isHead: (index: number) => boolean, endedInOrder: boolean): Message[] {
  const messages: Message[] = [];
  let finals = 0;
  for (let at = 0; at < bytes.length; ) {
    const head = headAt(bytes, at, STATUS_LINE);
    if ('state' in head) {
      messages.push(head.message);
      break;
    }
    const status = Number(head.line.slice(9, 12));
    const bodiless = status < 200 || status === 204 || status === 304 || isHead(finals);
    const read = bodyAt(bytes, head, bodiless ? 'none' : framingOf(head, 'close'), endedInOrder);
    messages.push(read.message);
    // What follows a switch of protocols is not HTTP any more.
    if (read.message.state !== 'whole' || status === 101) break;
    if (status >= 200) finals++;
    at = read.end;
  }
  return messages;
}

interface Head {
  readonly line: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly end: number;
}

interface Read {
  readonly state: MessageState;
  readonly message: Message;
  readonly end: number;
}

function broken(state: MessageState, line: string, fields: Head['fields'] = []): Read {
  return { state, message: { state, line, fields, framing: 'none', body: '', trailers: [] }, end: -1 };
}

function headAt(bytes: string, from: number, firstLine: RegExp): Head | Read {
  const end = bytes.indexOf('\r\n\r\n', from);
  if (end < 0) return broken('cut', bytes.slice(from, lineEnd(bytes, from)));
  const [line = '', ...lines] = bytes.slice(from, end).split('\r\n');
  const fields = fieldsOf(lines);
  if (!firstLine.test(line) || fields === null) return broken('malformed', line);
  return { line, fields, end: end + 4 };
}

function lineEnd(bytes: string, from: number): number {
  const at = bytes.indexOf('\r\n', from);
  return at < 0 ? bytes.length : at;
}

function fieldsOf(lines: readonly string[]): [string, string][] | null {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1);
    if (!TOKEN.test(name) || !VALUE.test(value)) return null;
    fields.push([name, value.replace(/^[\t ]+|[\t ]+$/g, '')]);
  }
  return fields;
}

/** The framing that the fields announce, `unframed` without any, null when two readers could differ. */
function framingOf({ fields }: Head, unframed: Framing): { framing: Framing; length: number } | null {
  const codings = fields.filter(([name]) => name.toLowerCase() === 'transfer-encoding');
  const lengths = fields.filter(([name]) => name.toLowerCase() === 'content-length');
  if (codings.length + lengths.length === 0) return { framing: unframed, length: 0 };
  if (codings.length + lengths.length > 1) return null;
  const [value] = [...codings, ...lengths].map(([, each]) => each);
  if (codings.length === 1) return value!.toLowerCase() === 'chunked' ? { framing: 'chunked', length: 0 } : null;
  return LENGTH.test(value!) ? { framing: 'length', length: Number(value) } : null;
}

function bodyAt(
  bytes: string,
  head: Head,
  announced: Framing | { framing: Framing; length: number } | null,
  endedInOrder: boolean,
): Read {
  const { line, fields, end: from } = head;
  if (announced === null) return broken('malformed', line, fields);
  const { framing, length } = typeof announced === 'string' ? { framing: announced, length: 0 } : announced;
  const read = (state: MessageState, body: string, end: number, trailers: Message['trailers'] = []): Read => ({
    state,
    message: { state, line, fields, framing, body, trailers },
    end,
  });
  switch (framing) {
    case 'none':
      return read('whole', '', from);
    case 'close':
      return read(endedInOrder ? 'whole' : 'cut', bytes.slice(from), bytes.length);
    case 'length': {
      const end = from + length;
      return read(end <= bytes.length ? 'whole' : 'cut', bytes.slice(from, end), end);
    }
    case 'chunked': {
      const { state, data, trailers, end } = chunksAt(bytes, from);
      return read(state, data, end, trailers);
    }
  }
}

interface Chunks {
  readonly state: MessageState;
  readonly data: string;
  readonly trailers: Message['trailers'];
  readonly end: number;
}

function chunksAt(bytes: string, from: number): Chunks {
  let data = '';
  const ends = (state: MessageState, end = -1, trailers: Message['trailers'] = []) => ({ state, data, trailers, end });
  for (let at = from; ; ) {
    const sizeEnd = bytes.indexOf('\r\n', at);
    if (sizeEnd < 0) return ends('cut');
    const size = CHUNK_LINE.exec(bytes.slice(at, sizeEnd))?.[1];
    if (size === undefined) return ends('malformed');
    const dataFrom = sizeEnd + 2;
    const dataEnd = dataFrom + Number.parseInt(size, 16);
    if (dataEnd === dataFrom) {
      if (bytes.startsWith('\r\n', dataFrom)) return ends('whole', dataFrom + 2);
      const sectionEnd = bytes.indexOf('\r\n\r\n', dataFrom);
      if (sectionEnd < 0) return ends('cut');
      const trailers = fieldsOf(bytes.slice(dataFrom, sectionEnd).split('\r\n'));
      return trailers === null ? ends('malformed') : ends('whole', sectionEnd + 4, trailers);
    }
    data += bytes.slice(dataFrom, dataEnd);
    if (bytes.length < dataEnd + 2) return ends('cut');
    if (!bytes.startsWith('\r\n', dataEnd)) return ends('malformed');
    at = dataEnd + 2;
  }
}
