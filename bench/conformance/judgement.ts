/**
 * The verdict on one case, from what both raw ends have seen: the same code for every proxy, ours included.
 *
 * Three verdicts are told apart. `as-said`: all that the case asks for is so. `refused-otherwise`: the request was to be
 * refused and no upstream has seen a whole one, only the answer is another (a different status, none, no close).
 * `differs`: anything else. The words of a verdict come from the evidence alone and never from what a proxy is known for.
 */
import type { ConformanceCase, Expectation, ExpectedRequest, ExpectedResponse } from './case.ts';
import { ordinaryBody } from './case.ts';
import { type Message, readRequests, readResponses, statusOf, valuesOf } from './reading.ts';

/** How a side of a connection was ended by the proxy: not at all, in order, or with a reset. */
export type Ending = 'end' | 'reset' | null;

/** What was seen of one case. */
export interface Evidence {
  readonly client: { readonly bytes: string; readonly ending: Ending };
  /** The connections on which the upstream got bytes in this case, in the order of their first byte. */
  readonly upstream: readonly { readonly bytes: string; readonly ending: Ending }[];
}

/** A verdict and its few words, which are empty when all is as said. */
export interface Verdict {
  readonly kind: 'as-said' | 'refused-otherwise' | 'differs';
  readonly words: string;
}

interface Seen {
  readonly interim: readonly number[];
  readonly finals: readonly Message[];
  readonly requests: readonly Message[];
  readonly evidence: Evidence;
}

/** Judges one case. */
export function judge(subject: ConformanceCase, evidence: Evidence): Verdict {
  const isHead = (index: number) => index === 0 && subject.sends.startsWith('HEAD ');
  const responses = readResponses(evidence.client.bytes, isHead, evidence.client.ending === 'end');
  const isInterim = (message: Message) => statusOf(message) >= 100 && statusOf(message) < 200;
  const seen: Seen = {
    interim: responses.filter((message) => isInterim(message) && statusOf(message) !== 101).map(statusOf),
    finals: responses.filter((message) => !isInterim(message) || statusOf(message) === 101),
    requests: evidence.upstream.flatMap(({ bytes }) => readRequests(bytes)),
    evidence,
  };
  return verdictOn(subject.expected, seen);
}

function verdictOn(expected: Expectation, seen: Seen): Verdict {
  switch (expected.kind) {
    case 'refused':
      return verdictOnRefusal(expected, seen);
    case 'never-whole':
      return verdictOnBadBody(expected, seen);
    case 'forwarded':
      return differsBy(forwardingProblem(expected, seen), story(seen));
    case 'relayed':
      return differsBy(relayingProblem(expected, seen), answerStory(seen));
    case 'cut':
      return differsBy(cutProblem(expected, seen), answerStory(seen));
    case 'abandoned': {
      if (seen.requests.length === 0) return { kind: 'differs', words: 'not forwarded' };
      const isLeft = seen.evidence.upstream.every(({ ending }) => ending !== null);
      return isLeft ? AS_SAID : { kind: 'differs', words: 'the upstream is left working' };
    }
    case 'either': {
      const verdicts = expected.of.map((each) => verdictOn(each, seen));
      return verdicts.find(({ kind }) => kind === 'as-said') ?? verdicts[0]!;
    }
  }
}

const AS_SAID: Verdict = { kind: 'as-said', words: '' };

function differsBy(problem: string, happened: string): Verdict {
  if (problem === '') return AS_SAID;
  return { kind: 'differs', words: problem === GENERAL ? happened : `${happened}: ${problem}` };
}

/** A problem that the story of what happened tells by itself. */
const GENERAL = '-';

function verdictOnRefusal(expected: Expectation & { kind: 'refused' }, seen: Seen): Verdict {
  const { statuses, closes, owed = 0 } = expected;
  if (seen.requests.length > owed) return { kind: 'differs', words: story(seen) };
  const own = seen.finals.slice(owed);
  const isOwedPaid = seen.finals
    .slice(0, owed)
    .every((message) => message.state === 'whole' && statusOf(message) === 200);
  if (!isOwedPaid || seen.finals.length < owed) return { kind: 'differs', words: `${story(seen)}: owed answers lost` };
  const status = own.length === 0 ? 0 : statusOf(own[0]!);
  const isGranted = own.some((message) => statusOf(message) > 0 && statusOf(message) < 400);
  if (isGranted && !statuses.includes(status)) return { kind: 'differs', words: story(seen) };
  if (own.length !== 1 || own[0]!.state !== 'whole') return refusedOtherwise(story(seen));
  if (!statuses.includes(status)) return refusedOtherwise(String(status));
  if (closes && seen.evidence.client.ending === null) return refusedOtherwise(`${status}, connection kept`);
  return AS_SAID;
}

function refusedOtherwise(words: string): Verdict {
  return { kind: 'refused-otherwise', words };
}

function verdictOnBadBody(expected: Expectation & { kind: 'never-whole' }, seen: Seen): Verdict {
  const { statusMin, statusMax } = expected;
  const isWhole = seen.requests.some((message) => message.state === 'whole');
  const isLeftOpen = seen.evidence.upstream.some(({ bytes, ending }) => ending === null && !endsWhole(bytes));
  if (isWhole || seen.finals.length > 1) return { kind: 'differs', words: story(seen) };
  if (isLeftOpen) return { kind: 'differs', words: `${story(seen)}: the upstream is left waiting` };
  if (seen.evidence.client.ending === null) return refusedOtherwise(`${story(seen)}, connection kept`);
  const status = seen.finals.length === 0 ? null : statusOf(seen.finals[0]!);
  if (status === null || (status >= statusMin && status <= statusMax)) return AS_SAID;
  return status >= 400 ? refusedOtherwise(String(status)) : { kind: 'differs', words: story(seen) };
}

function endsWhole(bytes: string): boolean {
  return readRequests(bytes).at(-1)?.state === 'whole';
}

function forwardingProblem(expected: Expectation & { kind: 'forwarded' }, { requests, finals, interim }: Seen): string {
  if (requests.length !== expected.requests.length) return GENERAL;
  for (const [index, wanted] of expected.requests.entries()) {
    const problem = requestProblem(wanted, requests[index]!);
    if (problem !== '') return problem;
    const answer = finals[index];
    if (answer === undefined || answer.state !== 'whole' || statusOf(answer) !== 200) return GENERAL;
    const isHead = wanted.asked.startsWith('HEAD ');
    if (!isHead && answer.body !== ordinaryBody(askedOf(requests[index]!))) return 'not the answer to its request';
  }
  if (finals.length !== expected.requests.length) return GENERAL;
  const wantedInterim = expected.interim ?? [];
  return String(interim) === String(wantedInterim) ? '' : interimProblem(interim);
}

function interimProblem(interim: readonly number[]): string {
  return interim.length === 0 ? 'no interim response' : `${interim.length} interim responses`;
}

/** Method and target of a request as read. */
export function askedOf(message: Message): string {
  return message.line.slice(0, message.line.lastIndexOf(' '));
}

function requestProblem(wanted: ExpectedRequest, message: Message): string {
  if (message.state !== 'whole') return GENERAL;
  if (askedOf(message) !== wanted.asked) return `asks for ${shortened(askedOf(message))}`;
  if (message.body !== (wanted.body ?? '')) return 'another body';
  return fieldProblem(wanted, message) || trailerProblem(wanted, message);
}

function fieldProblem(wanted: ExpectedRequest | ExpectedResponse, message: Message): string {
  for (const [name, value] of Object.entries(wanted.has ?? {})) {
    const values = valuesOf(message, name);
    if (values.length === 0) return `${name} is gone`;
    if (values.length > 1 || values[0] !== value) return `${name}: ${shortened(values.join(' | '))}`;
  }
  for (const name of wanted.named ?? []) if (valuesOf(message, name).length === 0) return `no ${name}`;
  for (const name of wanted.lacks ?? []) if (valuesOf(message, name).length > 0) return `${name} passed on`;
  return '';
}

function trailerProblem(wanted: ExpectedRequest | ExpectedResponse, message: Message): string {
  const names = message.trailers.map(([name]) => name.toLowerCase());
  for (const name of wanted.trailers ?? []) if (!names.includes(name.toLowerCase())) return `trailer ${name} is gone`;
  const unwanted = 'lacksTrailers' in wanted ? (wanted.lacksTrailers ?? []) : [];
  for (const name of unwanted) if (names.includes(name.toLowerCase())) return `trailer ${name} passed on`;
  return '';
}

function relayingProblem(expected: Expectation & { kind: 'relayed' }, seen: Seen): string {
  const { finals, interim, evidence } = seen;
  if (finals.length !== expected.responses.length) return GENERAL;
  for (const [index, wanted] of expected.responses.entries()) {
    const message = finals[index]!;
    if (message.state !== 'whole' || statusOf(message) !== wanted.status) return GENERAL;
    if (message.body !== (wanted.body ?? message.body)) return `body ${JSON.stringify(shortened(message.body))}`;
    if (message.framing !== (wanted.framing ?? message.framing)) return `framed by ${message.framing}`;
    const problem = fieldProblem(wanted, message) || trailerProblem(wanted, message);
    if (problem !== '') return problem;
  }
  const wantedInterim = expected.interim ?? [];
  if (String(interim) !== String(wantedInterim)) return interimProblem(interim);
  if (expected.drops === true && evidence.upstream[0]?.ending === null) return 'upstream connection kept';
  return '';
}

function cutProblem(expected: Expectation & { kind: 'cut' }, { finals, evidence }: Seen): string {
  const [message] = finals;
  if (finals.length > 1) return GENERAL;
  if (message?.state === 'whole') {
    // A 502 is the proxy's own word for it; everything else is the upstream's response made to look whole.
    if (statusOf(message) === 502) return '';
    return expected.begins ? 'looks whole' : 'relayed as whole';
  }
  if (evidence.client.ending === null) return 'connection kept';
  if (message === undefined) return expected.begins ? GENERAL : '';
  return message.state === 'malformed' ? GENERAL : '';
}

/** What happened, in a few words: what the client got, and what the upstream saw. */
function story(seen: Seen): string {
  return `${gotWords(seen)}, ${forwardedWords(seen.requests)}`;
}

/** What the client got, where it goes without saying that the request was forwarded. */
function answerStory(seen: Seen): string {
  return seen.requests.length === 0 ? story(seen) : gotWords(seen);
}

function gotWords({ finals, interim, evidence }: Seen): string {
  const statuses = finals.map((message) => {
    if (message.state === 'malformed') return 'malformed answer';
    return message.state === 'cut' ? `${statusOf(message) || 'head'} cut` : String(statusOf(message));
  });
  const got = [...interim.map(String), ...statuses];
  if (got.length > 0) return counted(got);
  return evidence.client.ending === null ? 'no answer' : 'closed without answer';
}

function forwardedWords(requests: readonly Message[]): string {
  if (requests.length === 0) return 'not forwarded';
  const [first] = requests;
  const codings = first === undefined ? 0 : valuesOf(first, 'transfer-encoding').length;
  const lengths = first === undefined ? 0 : valuesOf(first, 'content-length').length;
  if (requests.length > 1) return `${requests.length} requests forwarded`;
  if (codings > 0 && lengths > 0) return 'forwarded with both framings';
  if (codings + lengths > 1) return 'forwarded with two framing fields';
  if (first!.state === 'malformed') return 'forwarded malformed';
  if (first!.state === 'cut') return 'forwarded in part';
  if (first!.framing === 'chunked') return 'forwarded as chunked';
  return first!.framing === 'length' ? `forwarded with length ${valuesOf(first!, 'content-length')[0]}` : 'forwarded';
}

/** The words with runs of more than two of the same told by their number. */
function counted(words: readonly string[]): string {
  const parts: string[] = [];
  for (let at = 0; at < words.length; ) {
    let end = at + 1;
    while (words[end] === words[at]) end++;
    parts.push(end - at > 2 ? `${end - at} times ${words[at]}` : words.slice(at, end).join(', '));
    at = end;
  }
  return parts.join(', ');
}

function shortened(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}
