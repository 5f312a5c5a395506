import t from 'tap';
import {
  answered,
  type ConformanceCase,
  type Expectation,
  forwarded,
  refused,
  relayed,
} from '../../../bench/conformance/case.ts';
import { type Ending, type Evidence, judge } from '../../../bench/conformance/judgement.ts';

const sent = (line: string, fields = '', body = '') => `${line} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const response = (status: number, body = '') => `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function subject(expected: Expectation, sends = sent('GET /f')): ConformanceCase {
  return { name: 'a case', sends, expected };
}

function evidence(bytes: string, ending: Ending, upstream: readonly string[] = [], left: Ending = null): Evidence {
  return { client: { bytes, ending }, upstream: upstream.map((each) => ({ bytes: each, ending: left })) };
}

t.test('a refusal is as said only with its status, a close, and an upstream that has seen nothing', async (t) => {
  const one = subject(refused(400));
  t.strictSame(judge(one, evidence(response(400), 'end')), { kind: 'as-said', words: '' });
  t.strictSame(judge(one, evidence(response(501), 'end')), { kind: 'refused-otherwise', words: '501' });
  t.strictSame(judge(one, evidence(response(400), null)), { kind: 'refused-otherwise', words: '400, connection kept' });
  t.strictSame(judge(one, evidence('', 'end')), {
    kind: 'refused-otherwise',
    words: 'closed without answer, not forwarded',
  });
  t.strictSame(judge(one, evidence(response(400), 'end', [sent('GET /f')])), {
    kind: 'differs',
    words: '400, forwarded',
  });
  t.equal(judge(one, evidence(response(200), 'end')).kind, 'differs', 'nobody may grant it by itself either');
  t.equal(judge(subject(answered(405)), evidence(response(405), null)).kind, 'as-said', 'where no close is asked for');
});

t.test('the words of a request that was forwarded tell how it was framed', async (t) => {
  const words = (...upstream: string[]) =>
    judge(subject(refused(400)), evidence(response(200, 'ok'), null, upstream)).words;
  t.equal(words(sent('GET /f', 'Content-Length: 2\r\n', 'ok')), '200, forwarded with length 2');
  t.equal(words(sent('GET /f', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n')), '200, forwarded as chunked');
  const both = 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n';
  t.equal(words(sent('GET /f', both)), '200, forwarded with both framings');
  t.equal(words(sent('GET /f', 'X : a\r\n')), '200, forwarded malformed');
  t.equal(words(sent('GET /f'), sent('GET /smuggled')), '200, 2 requests forwarded');
});

t.test('what is owed must have been answered before the refusal', async (t) => {
  const one = subject({ kind: 'refused', statuses: [400], closes: true, owed: 1 });
  const upstream = [sent('GET /f')];
  t.equal(judge(one, evidence(response(200) + response(400), 'end', upstream)).kind, 'as-said');
  t.equal(judge(one, evidence(response(400), 'end', upstream)).kind, 'differs');
});

t.test('a bad body may be refused or cut, but never becomes a whole request and never keeps an upstream', async (t) => {
  const one = subject({ kind: 'never-whole', statusMin: 400, statusMax: 400 });
  const part = sent('POST /f', 'Transfer-Encoding: chunked\r\n', '5\r\nhel');
  t.equal(judge(one, evidence(response(400), 'end')).kind, 'as-said');
  t.equal(judge(one, evidence('', 'reset', [part], 'reset')).kind, 'as-said');
  t.equal(judge(one, evidence(response(502), 'end', [part], 'end')).kind, 'refused-otherwise');
  t.match(judge(one, evidence(response(400), 'end', [part])), { kind: 'differs', words: /left waiting$/ });
  t.equal(judge(one, evidence(response(400), 'end', [sent('POST /f')], 'end')).kind, 'differs');
});

t.test('a forwarded request must be what was asked for, with the answer that is its own', async (t) => {
  const one = subject(forwarded({ asked: 'GET /f', has: { 'X-A': 'b' }, lacks: ['X-B'] }));
  const got = response(200, 'answer to GET /f');
  const verdict = (upstream: string, bytes = got) => judge(one, evidence(bytes, null, [upstream]));
  t.equal(verdict(sent('GET /f', 'x-a: b\r\n')).kind, 'as-said');
  t.equal(verdict(sent('GET /f')).words, '200, forwarded: X-A is gone');
  t.equal(verdict(sent('GET /f', 'X-A: b\r\nX-A: b\r\n')).words, '200, forwarded: X-A: b | b');
  t.equal(verdict(sent('GET /f', 'X-A: b\r\nx-b: c\r\n')).words, '200, forwarded: X-B passed on');
  t.equal(verdict(sent('GET /g', 'X-A: b\r\n')).words, '200, forwarded: asks for GET /g');
  const foreign = response(200, 'answer to GET /other');
  t.equal(verdict(sent('GET /f', 'X-A: b\r\n'), foreign).words, '200, forwarded: not the answer to its request');
  t.equal(judge(one, evidence(response(400), 'end')).words, '400, not forwarded');
});

t.test('a response that was cut must not look whole, however it is framed', async (t) => {
  const one = subject({ kind: 'cut', begins: true });
  const upstream = [sent('GET /f')];
  const verdict = (bytes: string, ending: Ending) => judge(one, evidence(bytes, ending, upstream));
  const byLength = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello';
  t.equal(verdict(byLength, 'end').kind, 'as-said');
  t.equal(verdict(byLength, null).words, '200 cut: connection kept');
  const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
  t.equal(verdict(chunks, 'end').kind, 'as-said');
  t.equal(verdict(`${chunks}0\r\n\r\n`, 'end').words, '200: looks whole');
  const untilClose = 'HTTP/1.1 200 OK\r\n\r\nhello';
  t.equal(verdict(untilClose, 'reset').kind, 'as-said');
  t.equal(verdict(untilClose, 'end').words, '200: looks whole');
  t.equal(verdict(response(502, 'no'), null).kind, 'as-said');
});

t.test('a response with surplus bytes must pass clean, and its connection must have been dropped', async (t) => {
  const wanted: Expectation = { kind: 'relayed', responses: [{ status: 200, body: 'ok' }], drops: true };
  const verdict = (bytes: string, left: Ending) =>
    judge(subject(wanted), evidence(bytes, null, [sent('GET /f')], left));
  t.equal(verdict(response(200, 'ok'), 'reset').kind, 'as-said');
  t.equal(verdict(response(200, 'ok'), null).words, '200: upstream connection kept');
  t.equal(verdict(response(200, 'ok') + response(200, 'poison'), 'end').words, '200, 200');
});

t.test('many equal responses are told by their number', async (t) => {
  const bytes = 'HTTP/1.1 102 W\r\n\r\n'.repeat(17) + response(200, 'ok');
  const one = subject(relayed({ status: 502 }));
  t.equal(judge(one, evidence(bytes, null, [sent('GET /f')])).words, '17 times 102, 200');
});

t.test('one of several expectations is enough', async (t) => {
  const one = subject({ kind: 'either', of: [answered(200), forwarded({ asked: 'OPTIONS *' })] });
  t.equal(judge(one, evidence(response(200), null)).kind, 'as-said');
  const own = response(200, 'answer to OPTIONS *');
  t.equal(judge(one, evidence(own, null, [sent('OPTIONS *')])).kind, 'as-said');
  t.equal(judge(one, evidence(response(400), 'end')).kind, 'refused-otherwise');
});

t.test('an upstream attempt must end when the client has gone', async (t) => {
  const one = subject({ kind: 'abandoned' });
  t.equal(judge(one, evidence('', 'reset', [sent('GET /f')], 'end')).kind, 'as-said');
  t.equal(judge(one, evidence('', 'reset', [sent('GET /f')])).words, 'the upstream is left working');
  t.equal(judge(one, evidence('', 'reset')).words, 'not forwarded');
});
