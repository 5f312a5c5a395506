/**
 * Whatever we accept, `node:http` accepts and reads the same: method, target, fields, body, trailers, and where each request
 * of a pipeline ends. Each case is read twice over there: as the client sent it, and as it would leave here.
 *
 * Where we are stricter needs no list, because what we refuse is never sent. Where we are looser, or right, has a name in
 * `DIFFERENCES`; those are about bytes as they were sent. What leaves here may differ in nothing but the method.
 */
import { METHODS } from 'node:http';
import { CHUNK_END, chunkPrefix, LAST_CHUNK, lastChunkWithTrailers } from '../../src/http1/body.ts';
import { buildRequestHead, forwardingLines } from '../../src/http1/forward.ts';
import { type Account, FINDINGS_MAX, type Finding, type Run } from './fuzzer.ts';
import { corpusTexts, escaped } from './stage/corpus.ts';
import { bytesOf, type RequestReading, readRequests } from './stage/engine.ts';
import { linesOf, trimmed, valuesOf } from './stage/fields.ts';
import { minimisedText } from './stage/minimise.ts';
import { mutated } from './stage/mutations.ts';
import { NodeServer, type Sight } from './stage/node-server.ts';
import type { Random } from './stage/random.ts';
import { generateRequests } from './stage/request-grammar.ts';

const SIMULTANEOUS = 16;
const PEER = { address: '127.0.0.1', trusted: true, proto: 'http', port: 80 } as const;

/** The deliberate differences: requests as sent of which `node:http` thinks otherwise, and why we do not. */
export const DIFFERENCES: Readonly<Record<string, (reading: RequestReading) => boolean>> = {
  'a method is any token; llhttp has a list of names': ({ head }) => !METHODS.includes(head.method),
  'a tab after a transfer coding is white space; llhttp takes it for a part of the coding': ({ headText }) =>
    /\r\ntransfer-encoding:[^\r]*\t[ \t]*\r/i.test(headText),
  'framing and connection fields in trailers are dropped; llhttp obeys them': ({ bodyText }) =>
    /\r\n(connection|content-length|transfer-encoding|upgrade|proxy-connection):/i.test(bodyText),
  'close wins over keep-alive; llhttp keeps a connection of HTTP/1.0 open that says both': ({ head }) =>
    head.minor === 0 && /close.*keep-alive|keep-alive.*close/i.test(head.field('connection') ?? ''),
  'Proxy-Connection means nothing; llhttp reads it as Connection': ({ head }) =>
    head.field('proxy-connection') !== undefined,
};

function differenceOf(reading: RequestReading): string | undefined {
  return Object.keys(DIFFERENCES).find((name) => DIFFERENCES[name]!(reading));
}

/** What `node:http` has read otherwise, '' if nothing. */
async function problemOf(node: NodeServer, text: string): Promise<string> {
  const { messages } = readRequests(bytesOf(text));
  if (messages.length === 0) return '';
  if (messages.every((message) => differenceOf(message) === undefined)) {
    const sight = await node.ask(bytesOf(text).subarray(0, messages.at(-1)!.end));
    const problem = problemAsSent(messages, sight);
    if (problem !== '') return `as sent: ${problem}`;
  }
  if (!messages.every(({ head }) => METHODS.includes(head.method))) return '';
  const forwarded = messages.map(asForwarded);
  const problem = problemAsForwarded(messages, forwarded, await node.ask(bytesOf(forwarded.join(''))));
  return problem === '' ? '' : `as forwarded: ${problem}`;
}

function problemAsSent(messages: readonly RequestReading[], { requests, sentinel }: Sight): string {
  for (const [index, { head, body }] of messages.entries()) {
    const seen = requests[index];
    if (seen === undefined) return `request ${index} is not accepted`;
    if (seen.method !== head.method) return `request ${index} has the method ${seen.method}`;
    if (seen.target !== head.target) return `request ${index} has the target ${seen.target}`;
    if (seen.body !== body || !seen.whole) return `request ${index} has the body ${JSON.stringify(seen.body)}`;
    for (const [name, value] of valuesOf(seen.fields)) {
      if (head.field(name) !== value) return `request ${index} has the field ${name}: ${JSON.stringify(value)}`;
    }
  }
  if (requests.length > messages.length) return `there is a request more`;
  const last = messages.at(-1)!.head;
  const isOpen = last.keepAlive && last.field('upgrade') === undefined;
  if (isOpen && !sentinel) return 'what follows is not read as a request';
  return !last.keepAlive && sentinel ? 'what follows is read as a request' : '';
}

/** The request as it leaves for an upstream that is not asked to upgrade. */
export function asForwarded({ head, body, trailers }: RequestReading): string {
  const built = buildRequestHead(head, {
    forwardedLines: forwardingLines(head, PEER),
    framing: head.framing,
    extra: '',
    upgrade: false,
  });
  if (head.framing !== 'chunked') return built + body;
  const data = body === '' ? '' : chunkPrefix(body.length) + body + CHUNK_END;
  return built + data + (trailers === '' ? LAST_CHUNK : lastChunkWithTrailers(trailers));
}

function problemAsForwarded(
  messages: readonly RequestReading[],
  forwarded: readonly string[],
  { requests, sentinel }: Sight,
): string {
  for (const [index, { head, body, trailers }] of messages.entries()) {
    const seen = requests[index];
    if (seen === undefined) return `request ${index} is not accepted`;
    if (seen.method !== head.method || seen.target !== head.forwardTarget) return `request ${index} has another line`;
    if (seen.body !== body || !seen.whole) return `request ${index} has the body ${JSON.stringify(seen.body)}`;
    const sent = forwarded[index]!;
    const lines = sent.slice(sent.indexOf('\n') + 1, sent.indexOf('\r\n\r\n') + 2);
    if (linesOf(seen.fields) !== trimmed(lines)) return `request ${index} has other fields`;
    if (linesOf(seen.trailers) !== trimmed(trailers)) return `request ${index} has other trailers`;
  }
  return sentinel && requests.length === messages.length ? '' : 'what follows is not read as a request';
}

/** A case: from the grammar, or an entry of the corpus with damage. */
export function requestCase(random: Random, seeds: readonly string[]): string {
  return random.chance(0.1) ? mutated(random.pick(seeds), random) : generateRequests(random);
}

/** The fuzzer of requests against the server of `node:http`. */
export async function fuzzRequests({ random, goesOn }: Run): Promise<Account> {
  const node = await NodeServer.start();
  const seeds = corpusTexts('request');
  const counts = { accepted: 0, refused: 0, different: 0 };
  const findings: Finding[] = [];
  let cases = 0;
  const lane = async (): Promise<void> => {
    while (goesOn(cases) && findings.length < FINDINGS_MAX) {
      cases++;
      const text = requestCase(random, seeds);
      const { messages } = readRequests(bytesOf(text));
      if (messages.length === 0) counts.refused++;
      else if (messages.some((message) => differenceOf(message) !== undefined)) counts.different++;
      else counts.accepted++;
      const what = await problemOf(node, text);
      // A machine that stood still for a moment is no disagreement: what is one is there again.
      if (what === '' || (await problemOf(node, text)) === '') continue;
      const small = await minimisedText(text, async (less) => (await problemOf(node, less)) !== '', 150);
      findings.push({
        what: `${await problemOf(node, small)} (at first: ${what})`,
        reproduction: `request accepted\n${escaped(small)}`,
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: SIMULTANEOUS }, lane));
  } finally {
    await node.close();
  }
  return { cases, counts, findings };
}

/** Reads one request as both do; '' when they agree. For the corpus. */
export async function requestProblems(texts: readonly string[]): Promise<string[]> {
  const node = await NodeServer.start();
  try {
    const problems = await Promise.all(texts.map(async (text) => [text, await problemOf(node, text)] as const));
    return problems.flatMap(([text, problem]) => (problem === '' ? [] : [`${problem}: ${escaped(text)}`]));
  } finally {
    await node.close();
  }
}

/** What `node:http` reads otherwise in these requests as sent, deliberate differences included; '' where nothing. */
export async function differencesAsSent(texts: readonly string[]): Promise<string[]> {
  const node = await NodeServer.start();
  try {
    const found = texts.map(async (text) => {
      const { messages } = readRequests(bytesOf(text));
      return problemAsSent(messages, await node.ask(bytesOf(text).subarray(0, messages.at(-1)!.end)));
    });
    return await Promise.all(found);
  } finally {
    await node.close();
  }
}
