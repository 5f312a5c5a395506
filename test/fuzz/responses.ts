/**
 * Whatever response we take for whole, the client of `node:http` takes for whole and reads the same, interim heads and
 * trailers included; and what we send on of a response that was cut or went bad, it takes for cut.
 *
 * Each case is read twice over there: as the upstream sent it, and as it would leave here for a client of HTTP/1.1. The
 * deliberate differences are about the first; what leaves here may differ in nothing.
 */
import { CHUNK_END, chunkPrefix, LAST_CHUNK, lastChunkWithTrailers } from '../../src/http1/body.ts';
import { buildResponseHead } from '../../src/http1/forward.ts';
import type { ResponseHead } from '../../src/http1/response-head.ts';
import { type Account, FINDINGS_MAX, type Finding, type Run } from './fuzzer.ts';
import { corpusTexts, escaped } from './stage/corpus.ts';
import { bytesOf, type ResponseMachine, readResponse } from './stage/engine.ts';
import { linesOf, trimmed, valuesOf } from './stage/fields.ts';
import { minimisedText } from './stage/minimise.ts';
import { mutated } from './stage/mutations.ts';
import { NodeClient, type SeenResponse } from './stage/node-client.ts';
import type { Random } from './stage/random.ts';
import { generateAskedMethod, generateResponse } from './stage/response-grammar.ts';

const SIMULTANEOUS = 16;

/** A response as it was sent, taken apart. */
interface Sent {
  readonly interim: readonly ResponseHead[];
  /** The heads, interim ones too. */
  readonly headText: string;
  /** The body with what frames it. */
  readonly bodyText: string;
}

/** The deliberate differences: responses as sent of which `node:http` thinks otherwise, and why we do not. */
export const DIFFERENCES: Readonly<Record<string, (sent: Sent) => boolean>> = {
  'a tab after a transfer coding is white space; llhttp takes it for a part of the coding': ({ headText }) =>
    /\r\ntransfer-encoding:[^\r]*\t[ \t]*\r/i.test(headText),
  'two equal Content-Length fields are forgiven, and one is sent on; llhttp refuses them': ({ headText }) =>
    /\r\ncontent-length:[\s\S]*\r\ncontent-length:/i.test(headText),
  'an interim head says nothing about the end of the connection; llhttp reads nothing after one that does': ({
    interim,
  }) => interim.some(({ keepAlive }) => !keepAlive),
  'framing and connection fields in trailers are dropped; llhttp obeys them': ({ bodyText }) =>
    /\r\n(connection|content-length|transfer-encoding|upgrade|proxy-connection):/i.test(bodyText),
};

/** A response, and the method that it answers. */
export interface ResponseCase {
  readonly method: string;
  readonly text: string;
}

async function problemOf(node: NodeClient, { method, text }: ResponseCase): Promise<string> {
  const reading = readResponse(method, bytesOf(text));
  const { head, end } = reading;
  if (head === null || end === 'switched') return '';
  if (end === 'whole' && differenceOf(text, reading) === undefined) {
    const problem = problemAsSent(reading, head, await node.ask(method, bytesOf(text).subarray(0, reading.after)));
    if (problem !== '') return `as sent: ${problem}`;
  }
  const seen = await node.ask(method, bytesOf(asForwarded(reading, head)));
  const problem = end === 'whole' ? problemAsForwarded(reading, head, seen) : seen.whole ? 'a cut looks whole' : '';
  return problem === '' ? '' : `as forwarded: ${problem}`;
}

function differenceOf(text: string, { interim, after }: ResponseMachine): string | undefined {
  let headEnd = 0;
  for (let heads = interim.length; heads >= 0; heads--) headEnd = text.indexOf('\r\n\r\n', headEnd) + 4;
  const sent = { interim, headText: text.slice(0, headEnd), bodyText: text.slice(headEnd, after) };
  return Object.keys(DIFFERENCES).find((name) => DIFFERENCES[name]!(sent));
}

function problemAsSent(reading: ResponseMachine, head: ResponseHead, seen: SeenResponse): string {
  const problem = problemOfBoth(reading, head, seen);
  if (problem !== '') return problem;
  for (const [name, value] of valuesOf(seen.fields)) {
    if (head.field(name) !== value) return `the field ${name} is ${JSON.stringify(value)}`;
  }
  return '';
}

function problemOfBoth({ interim, body }: ResponseMachine, head: ResponseHead, seen: SeenResponse): string {
  if (seen.error !== '') return `it is refused: ${seen.error}`;
  if (seen.status !== head.status) return `the status is ${seen.status}`;
  if (seen.interim.join() !== interim.map(({ status }) => status).join()) return `interim ${seen.interim.join()}`;
  if (!seen.whole) return 'it is cut';
  return seen.body === body ? '' : `the body is ${JSON.stringify(seen.body)}`;
}

/** The response, or as much of it as there was, as it leaves for a client of HTTP/1.1. */
export function asForwarded({ interim, body, trailers, end }: ResponseMachine, head: ResponseHead): string {
  let text = '';
  for (const early of interim) text += headFor(early, 'none');
  const framing = head.framing === 'close' ? 'chunked' : head.framing;
  text += headFor(head, framing);
  if (framing !== 'chunked') return text + body;
  if (body !== '') text += chunkPrefix(body.length) + body + CHUNK_END;
  if (end !== 'whole') return text;
  return text + (trailers === '' ? LAST_CHUNK : lastChunkWithTrailers(trailers));
}

function headFor(head: ResponseHead, framing: ResponseHead['framing']): string {
  return buildResponseHead(head, { clientMinor: 1, framing, close: false, extra: '' });
}

function problemAsForwarded(reading: ResponseMachine, head: ResponseHead, seen: SeenResponse): string {
  const problem = problemOfBoth(reading, head, seen);
  if (problem !== '') return problem;
  const sent = headFor(head, head.framing === 'close' ? 'chunked' : head.framing);
  const expected = sent.slice(sent.indexOf('\n') + 1, -2);
  if (linesOf(seen.fields) !== trimmed(expected)) return 'the fields are others';
  return linesOf(seen.trailers) === trimmed(reading.trailers) ? '' : 'the trailers are others';
}

/** A case: from the grammar, or an entry of the corpus with damage. */
export function responseCase(random: Random, seeds: readonly string[]): ResponseCase {
  const method = generateAskedMethod(random);
  return { method, text: random.chance(0.1) ? mutated(random.pick(seeds), random) : generateResponse(random) };
}

/** The fuzzer of responses against the client of `node:http`. */
export async function fuzzResponses({ random, goesOn }: Run): Promise<Account> {
  const node = await NodeClient.start();
  const seeds = corpusTexts('response');
  const counts = { whole: 0, cut: 0, refused: 0, different: 0 };
  const findings: Finding[] = [];
  let cases = 0;
  const lane = async (): Promise<void> => {
    while (goesOn(cases) && findings.length < FINDINGS_MAX) {
      cases++;
      const asked = responseCase(random, seeds);
      const reading = readResponse(asked.method, bytesOf(asked.text));
      const { end } = reading;
      if (typeof end === 'object') counts.refused++;
      else if (end !== 'whole') counts.cut++;
      else if (differenceOf(asked.text, reading) !== undefined) counts.different++;
      else counts.whole++;
      const what = await problemOf(node, asked);
      // A machine that stood still for a moment is no disagreement: what is one is there again.
      if (what === '' || (await problemOf(node, asked)) === '') continue;
      const fails = async (text: string): Promise<boolean> => (await problemOf(node, { ...asked, text })) !== '';
      const small = await minimisedText(asked.text, fails, 150);
      findings.push({
        what: `${await problemOf(node, { ...asked, text: small })} (at first: ${what})`,
        reproduction: `response accepted ${asked.method}\n${escaped(small)}`,
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

/** Reads each response as both do and gives what they disagree on. For the corpus. */
export async function responseProblems(cases: readonly ResponseCase[]): Promise<string[]> {
  const node = await NodeClient.start();
  try {
    const problems = await Promise.all(cases.map(async (asked) => [asked, await problemOf(node, asked)] as const));
    return problems.flatMap(([{ text }, problem]) => (problem === '' ? [] : [`${problem}: ${escaped(text)}`]));
  } finally {
    await node.close();
  }
}

/** What `node:http` reads otherwise in these responses as sent, deliberate differences included; '' where nothing. */
export async function differencesAsSent(texts: readonly string[]): Promise<string[]> {
  const node = await NodeClient.start();
  try {
    const found = texts.map(async (text) => {
      const reading = readResponse('GET', bytesOf(text));
      return problemAsSent(reading, reading.head!, await node.ask('GET', bytesOf(text)));
    });
    return await Promise.all(found);
  } finally {
    await node.close();
  }
}
