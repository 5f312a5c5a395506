/**
 * The client of the admin API: one request, one answer of three kinds.
 *
 * `ok` and `refused` come from Tidegate itself; everything else (nobody listens, no answer in time, an answer that is not
 * Tidegate's) is `unreachable`, because for a script it is the same: it has learned nothing about the proxy. Redirects
 * are not followed: they would carry the token to an address that nobody named. No text made here contains the token.
 */

import { userInfo } from 'node:os';
import { isErrorAnswer } from './answer-shapes.ts';
import { type Command, DEFAULT_ADMIN } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain } from './terminal-text.ts';

/** How long an answer may take. A change waits for every data thread, so it is given more. */
const READ_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 30_000;
/** Answers with thousands of endpoints stay far below this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** The admin API of one Tidegate. */
export interface Admin {
  readonly url: URL;
  /** undefined when none is to be sent. */
  readonly token: string | undefined;
}

/** What to ask. A request with a body is a change. */
export interface AdminRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Segments of the path, not yet escaped. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request early. */
  readonly signal?: AbortSignal;
  /** Whether the answer goes on for as long as somebody reads it, so that only its begin has a limit in time. */
  readonly isStream?: boolean;
}

/** What came of a request. The messages are one line, safe for a terminal. */
export type Failure =
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly details: unknown }
  | { readonly kind: 'unreachable'; readonly message: string };
export type Answer<T> = { readonly kind: 'ok'; readonly value: T } | Failure;

/** Where the admin API is, by option, environment or default; a text says what is wrong with it. */
export function adminOf(command: Command, env: CliIo['env']): Admin | string {
  const given = command.value('admin') ?? (env.TIDEGATE_ADMIN || DEFAULT_ADMIN);
  const text = given.includes('://') ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return `the address of the admin API is no URL such as ${DEFAULT_ADMIN}`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'the address of the admin API must not hold a user or password, use --token or TIDEGATE_TOKEN';
  }
  const token = command.value('token') ?? (env.TIDEGATE_TOKEN || undefined);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    return 'the token has characters that cannot be sent in a header';
  }
  return { url, token };
}

/** Asks and reads the whole answer; `isExpected` checks its shape. */
export async function ask<T>(
  admin: Admin,
  request: AdminRequest,
  isExpected: (value: unknown) => value is T,
): Promise<Answer<T>> {
  const opened = await open(admin, request);
  return opened.kind === 'ok' ? readAnswer(admin, opened.value, isExpected, request.method) : opened;
}

/** Reads the whole of an answer whose head has come. */
export async function readAnswer<T>(
  admin: Admin,
  response: Response,
  isExpected: (value: unknown) => value is T,
  method: AdminRequest['method'] = 'GET',
): Promise<Answer<T>> {
  let text: string;
  try {
    text = await readText(response);
  } catch (error) {
    return unreachable(admin, method, error);
  }
  const value = parseJson(text);
  if (response.ok && isExpected(value)) return { kind: 'ok', value };
  if (!response.ok && isErrorAnswer(value)) return refusedBy(value.error, admin);
  return notTidegate(admin, response);
}

/** Sends the request and answers when the head of the response is there. */
export async function open(admin: Admin, request: AdminRequest): Promise<Answer<Response>> {
  const timeoutMs = request.method === 'GET' ? READ_TIMEOUT_MS : CHANGE_TIMEOUT_MS;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  // A limit must not keep a process alive whose work is done.
  timer.unref();
  const headers: Record<string, string> = { accept: 'application/json', ...request.headers };
  if (admin.token !== undefined) headers.authorization = `Bearer ${admin.token}`;
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  try {
    const response = await fetch(urlOf(admin, request), {
      method: request.method,
      headers,
      redirect: 'manual',
      signal: request.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, request.signal]),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    if (request.isStream === true) clearTimeout(timer);
    return { kind: 'ok', value: response };
  } catch (error) {
    return unreachable(admin, request.method, error);
  }
}

/** The failure of an answer that is not one of Tidegate's admin API. */
export function notTidegate(admin: Admin, response: Response): Failure {
  const type = plain(response.headers.get('content-type') ?? 'no content type').slice(0, 60);
  const message = `${admin.url.origin} answered ${response.status} (${type}), which is no answer of Tidegate's admin API. ${HOW_TO_SET}`;
  return { kind: 'unreachable', message };
}

/** Says what went wrong on the right stream and answers the exit code. With `json` it goes to standard output. */
export function reportFailure(failure: Failure, json: boolean, io: CliIo): number {
  const code = failure.kind === 'refused' ? failure.code : 'unreachable';
  if (json) {
    const details = failure.kind === 'refused' && failure.details !== undefined ? { details: failure.details } : {};
    io.out(`${JSON.stringify({ error: { code, message: failure.message, ...details } })}\n`);
  } else {
    const remedy = code === 'unauthorized' ? ' It is said by --token TOKEN or TIDEGATE_TOKEN.' : '';
    io.err(`tidegate: ${failure.kind === 'refused' ? 'refused: ' : ''}${failure.message}${remedy}\n`);
  }
  return failure.kind === 'refused' ? EXIT.refused : EXIT.unreachable;
}

/** Who makes a change, as it is kept in receipts and events. */
export function instructor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A container may run under a number that no user has.
    return 'cli';
  }
}

/**
 * A text as the value of a header. Node sends a header byte by byte, so UTF-8 has to be given as bytes; that is what
 * curl sends too. Control characters cannot be sent and become spaces.
 */
export function headerText(text: string): string {
  return Buffer.from(plain(text).trim(), 'utf8').toString('latin1');
}

const HOW_TO_SET = 'Another address is set by --admin URL or TIDEGATE_ADMIN.';

function urlOf(admin: Admin, request: AdminRequest): URL {
  const url = new URL(admin.url);
  const base = url.pathname.replace(/\/$/, '');
  url.pathname = `${base}/${request.path.map(encodeURIComponent).join('/')}`;
  url.search = new URLSearchParams(request.query).toString();
  url.hash = '';
  return url;
}

function refusedBy(error: { code: string; message: string; details?: unknown }, admin: Admin): Failure {
  const { code, details } = error;
  const message = plain(admin.token === undefined ? error.message : error.message.replaceAll(admin.token, '***'));
  return { kind: 'refused', code: plain(code), message, details };
}

function unreachable(admin: Admin, method: AdminRequest['method'], error: unknown): Failure {
  const fate =
    method === 'GET' || isNeverSent(error)
      ? ''
      : '; whether the change was made is not known, `tidegate status` shows it';
  return { kind: 'unreachable', message: `${reasonOf(error, admin)}${fate}. ${HOW_TO_SET}` };
}

function reasonOf(error: unknown, admin: Admin): string {
  const { origin } = admin.url;
  if (error instanceof Error && error.name === 'TimeoutError') return `${origin} did not answer in time`;
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return `nothing listens at ${origin} (is Tidegate running?)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${origin} cannot be reached, its name is not known`;
    case undefined:
      return `${origin} cannot be reached`;
    default:
      return `${origin} cannot be reached (${codeOf(error)})`;
  }
}

function isNeverSent(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(codeOf(error) ?? '');
}

/** `fetch` hides the code of a socket error in the cause; with several addresses it is an AggregateError with a code. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) return '';
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
