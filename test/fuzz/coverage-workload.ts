/**
 * What the coverage of the engine is measured with: every entry of the corpus and generated cases go through everything that
 * the data plane asks of the engine, whole and byte by byte. Run by `coverage.ts` in a process of its own.
 *
 *     node test/fuzz/coverage-workload.ts SEED CASES
 */
import { refusalLines } from '../../src/http1/fault.ts';
import { linesNamed } from '../../src/http1/field-lines.ts';
import { buildRequestHead, buildResponseHead, forwardingLines, ownResponse } from '../../src/http1/forward.ts';
import { HeadReader } from '../../src/http1/head-reader.ts';
import { normalisePath } from '../../src/http1/path.ts';
import { parseRequestHead, type RequestHead } from '../../src/http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../src/http1/response-head.ts';
import { asForwarded as requestAsForwarded, requestCase } from './requests.ts';
import { asForwarded as responseAsForwarded, responseCase } from './responses.ts';
import { corpus, corpusTexts } from './stage/corpus.ts';
import { bytesOf, readRequests, readResponse } from './stage/engine.ts';
import { Random } from './stage/random.ts';

const NAMED: ReadonlySet<string> = new Set(['x-a', 'accept']);

function piecesOf(text: string, dribbled: boolean): Buffer[] {
  const bytes = bytesOf(text);
  return dribbled ? Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)) : [bytes];
}

function useRequest(head: RequestHead): void {
  normalisePath(head.path);
  head.field('accept');
  head.cookie('tg');
  head.passOnWithout(NAMED);
  linesNamed(head.passOn, NAMED);
  for (const trusted of [true, false]) {
    for (const address of ['127.0.0.1', '::ffff:10.0.0.1', '::1', '']) {
      forwardingLines(head, { address, trusted, proto: 'http', port: 80 });
    }
  }
  const upgrade = head.upgrade !== '';
  buildRequestHead(head, { forwardedLines: '', framing: head.framing, extra: '', upgrade });
  for (const retryAfter of [undefined, 1]) {
    const isHead = head.method === 'HEAD';
    ownResponse(400, '', { date: '', close: !head.keepAlive, keepAliveMinor: head.minor, retryAfter, head: isHead });
  }
}

function useResponse(head: ResponseHead): void {
  head.field('date');
  head.passOnWithout(NAMED);
  for (const close of [true, false]) {
    for (const clientMinor of [0, 1] as const) {
      buildResponseHead(head, { clientMinor, framing: head.framing, close, extra: '' });
    }
  }
}

// The parsers must not throw whatever they are given, also what the reader of heads would have held back.
function playParsers(method: string, text: string): void {
  const parsed = parseRequestHead(text, { targetBytes: 256, fields: 8 });
  if (parsed.refused) refusalLines(parsed);
  parseResponseHead(text, method, 8);
  const reader = new HeadReader(1024);
  reader.push(bytesOf(text), 0);
  void reader.started;
  normalisePath(text);
  normalisePath(`/${text}`);
}

function play(kind: 'request' | 'response', method: string, text: string): void {
  playParsers(method, text);
  for (const dribbled of [false, true]) {
    const pieces = piecesOf(text, dribbled);
    if (kind === 'request') {
      for (const message of readRequests(...pieces).messages) {
        useRequest(message.head);
        requestAsForwarded(message);
      }
    } else {
      const reading = readResponse(method, ...pieces);
      for (const interim of reading.interim) useResponse(interim);
      if (reading.head === null) continue;
      useResponse(reading.head);
      responseAsForwarded(reading, reading.head);
    }
  }
}

const random = new Random(Number(process.argv[2]));
const cases = Number(process.argv[3]);
for (const { kind, method, text } of corpus()) play(kind, method, text);
const seeds = { request: corpusTexts('request'), response: corpusTexts('response') };
for (let count = 0; count < cases; count++) {
  play('request', 'GET', requestCase(random, seeds.request));
  const { method, text } = responseCase(random, seeds.response);
  play('response', method, text);
}
