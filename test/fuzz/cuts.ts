/**
 * Bytes mean the same in whatever pieces they come: a stream cut in two at every byte boundary, dribbled byte by byte, and
 * cut at random is read as in one piece.
 *
 * One difference is deliberate. A head that comes in pieces is refused at its first byte that no head can have, before
 * anybody knows what the rest would be, so the kind of a refusal of a head may be `head-malformed` where another would have
 * been found in the whole. That it is refused may never differ.
 */
import { type Account, FINDINGS_MAX, type Finding, type Run } from './fuzzer.ts';
import { requestCase } from './requests.ts';
import { responseCase } from './responses.ts';
import { corpusTexts, escaped } from './stage/corpus.ts';
import { bytesOf, readRequests, readResponse } from './stage/engine.ts';
import { minimisedText } from './stage/minimise.ts';
import type { Random } from './stage/random.ts';

/** Longer streams are cut at so many places: each place costs a reading of the whole stream. */
const PLACES_MAX = 600;
const PAUSE_EVERY = 50;

/** Reads a stream that comes in pieces and says in one text all that was read. */
type Reader = (pieces: readonly Buffer[]) => string;

const EARLY_REFUSALS = new Set(['head-malformed', 'trailer-malformed']);

/** What is read of a stream of requests. */
export const requestReader: Reader = (pieces) => {
  const { messages, head, body, end } = readRequests(...pieces);
  const read = messages.map((message) => [
    message.head,
    message.head.field('host'),
    message.body,
    message.trailers,
    message.end,
  ]);
  return JSON.stringify([read, head, head === null ? '' : body, end]);
};

/** A reader of a response to this method. */
export function responseReader(method: string): Reader {
  return (pieces) => {
    const { interim, head, body, trailers, after, end } = readResponse(method, ...pieces);
    return JSON.stringify([interim, head, body, trailers, after, end]);
  };
}

// Both texts end with how the stream ended; a refusal there is `{"refused":KIND}]`.
function isSame(whole: string, pieces: string): boolean {
  if (whole === pieces) return true;
  const refusal = /\{"refused":"([^"]+)"\}\]$/;
  const kind = refusal.exec(pieces)?.[1];
  if (kind === undefined || !EARLY_REFUSALS.has(kind)) return false;
  return refusal.test(whole) && whole.replace(refusal, '') === pieces.replace(refusal, '');
}

function* cutsOf(bytes: Buffer, random: Random): Generator<readonly [name: string, pieces: readonly Buffer[]]> {
  const step = Math.max(1, Math.ceil(bytes.length / PLACES_MAX));
  for (let at = 1 + random.below(step); at < bytes.length; at += step) {
    yield [`in two at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]];
  }
  yield ['byte by byte', Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(random.chance(0.5) ? 4 : 40);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  yield [`in pieces of ${pieces.map(({ length }) => length).join(', ')}`, pieces];
}

/** The first cut by which the stream means something else, '' if there is none. */
export function cutProblem(text: string, read: Reader, random: Random): string {
  const bytes = bytesOf(text);
  const whole = read([bytes]);
  for (const [name, pieces] of cutsOf(bytes, random)) {
    const cut = read(pieces);
    if (!isSame(whole, cut)) return `${name}: ${cut} instead of ${whole}`;
  }
  return '';
}

/** The fuzzer of cuts, for requests and responses by turns. */
export async function fuzzCuts({ random, goesOn }: Run): Promise<Account> {
  const seeds = { request: corpusTexts('request'), response: corpusTexts('response') };
  const counts = { requests: 0, responses: 0, readings: 0 };
  const findings: Finding[] = [];
  let cases = 0;
  while (goesOn(cases) && findings.length < FINDINGS_MAX) {
    cases++;
    const isRequest = random.chance(0.5);
    const { method, text } = isRequest
      ? { method: 'GET', text: requestCase(random, seeds.request) }
      : responseCase(random, seeds.response);
    const read = isRequest ? requestReader : responseReader(method);
    counts[isRequest ? 'requests' : 'responses']++;
    counts.readings += Math.min(text.length, PLACES_MAX) + 2;
    const problem = cutProblem(text, read, random);
    if (problem !== '') {
      const small = await minimisedText(text, async (less) => cutProblem(less, read, random) !== '');
      const kind = isRequest ? 'request' : `response`;
      findings.push({
        what: cutProblem(small, read, random) || problem,
        reproduction: `${kind} accepted ${method}\n${escaped(small)}`,
      });
    }
    if (cases % PAUSE_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { cases, counts, findings };
}
