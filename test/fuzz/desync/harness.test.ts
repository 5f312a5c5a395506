/**
 * The harness sees what it is there to see: each kind of mix-up, made by hand, is found by the verdict or by the recorder.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { bytesOf, readRequests } from '../stage/engine.ts';
import type { Answer } from './answers.ts';
import { Ledger } from './ledger.ts';
import { Recorder } from './recorder.ts';
import { NAME_FIELD, type ScriptedConnection, type ScriptedRequest } from './script.ts';
import { type Ending, judgeConnection } from './verdict.ts';

const GOOD: Answer = {
  pieces: [],
  after: 'keep',
  early: false,
  spoils: false,
  fate: 'whole',
  status: 200,
  body: 'good',
};
const BROKEN: Answer = { ...GOOD, fate: 'never-whole' };

function get(name: string, answer: Answer = GOOD, lines = ''): ScriptedRequest {
  const text = `GET /f/${name}? HTTP/1.1\r\nHost: a\r\n${NAME_FIELD}: ${name}\r\n${lines}\r\n`;
  return {
    name,
    text,
    kind: 'valid',
    head: readRequests(bytesOf(text)).messages[0]!.head,
    body: '',
    trailers: '',
    answer,
  };
}

function post(name: string, body: string): ScriptedRequest {
  const text = `POST /f/${name}? HTTP/1.1\r\nHost: a\r\n${NAME_FIELD}: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return {
    name,
    text,
    kind: 'valid',
    head: readRequests(bytesOf(text)).messages[0]!.head,
    body,
    trailers: '',
    answer: GOOD,
  };
}

function refused(name: string): ScriptedRequest {
  return { name, text: `GET /f/${name}?\r\n\r\n`, kind: 'refused', head: null, body: '', trailers: '', answer: GOOD };
}

function script(...requests: ScriptedRequest[]): ScriptedConnection {
  return { requests, pieces: [], pauseMs: 0, abort: null, readsAfterMs: 0 };
}

function answer(name: string, body = 'good'): string {
  return `HTTP/1.1 200 OK\r\n${NAME_FIELD}: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function own(status: number, last = ''): string {
  return `HTTP/1.1 ${status} No\r\nServer: tidegate\r\nContent-Length: 3\r\n${last}\r\nno\n`;
}

const CLOSE = 'Connection: close\r\n';
const TWO = script(get('r1c0q0'), get('r1c0q1'));

t.test('answers that are right are no problem', async (t) => {
  const received = answer('r1c0q0') + answer('r1c0q1');
  t.match(judgeConnection(TWO, received, null), { problems: [], relayed: 2 });
  const withRefusal = script(get('r1c0q0'), refused('r1c0q1'), get('r1c0q2'));
  t.match(judgeConnection(withRefusal, answer('r1c0q0') + own(400, CLOSE), 'end'), { problems: [], refused: 1 });
  t.match(judgeConnection(script(get('r1c0q0', BROKEN)), own(502), null), { problems: [], failed: 1 });
  t.match(judgeConnection(script(get('r1c0q0', BROKEN)), answer('r1c0q0').slice(0, -1), 'end'), {
    problems: [],
    cut: 1,
  });
  t.match(judgeConnection(script(post('r1c0q0', 'x')), own(502), null), { problems: [], raced: 1 });
});

const MIX_UPS: readonly (readonly [
  title: string,
  script: ScriptedConnection,
  received: string,
  ending: Ending,
  RegExp,
])[] = [
  ['the answers of two requests are swapped', TWO, answer('r1c0q1') + answer('r1c0q0'), null, /the answer of r1c0q1/],
  ['the answer is of another client', TWO, answer('r1c5q0') + answer('r1c0q1'), null, /the answer of r1c5q0/],
  ['a forged answer comes behind', TWO, answer('r1c0q0') + answer('r1c0q1') + answer('forged'), null, /bytes after/],
  ['the body is of another answer', TWO, answer('r1c0q0', 'evil') + answer('r1c0q1'), null, /another answer/],
  ['an answer is missing', TWO, answer('r1c0q0'), 'end', /r1c0q1: no answer/],
  [
    'an answer is cut though the upstream sent all of it',
    TWO,
    answer('r1c0q0').slice(0, -1),
    'end',
    /cut without reason/,
  ],
  ['a broken answer looks whole', script(get('r1c0q0', BROKEN)), answer('r1c0q0'), null, /looks whole/],
  ['a good request is lost', TWO, own(502) + answer('r1c0q1'), null, /lost/],
  ['a refused request is answered', script(refused('r1c0q0')), answer('r1c0q0'), null, /answered though refused/],
  ['a refusal leaves the connection open', script(refused('r1c0q0')), own(400), null, /not refused/],
  ['an answer that should close does not', script(get('r1c0q0', GOOD, CLOSE)), answer('r1c0q0'), 'end', /not closed/],
  ['what comes is no response', TWO, 'HTTP/1.1 200 OK\nX: y\r\n\r\n', 'end', /no status line/],
];

for (const [title, made, received, ending, problem] of MIX_UPS) {
  t.test(`the verdict sees that ${title}`, async (t) => {
    t.match(judgeConnection(made, received, ending).problems, [problem]);
  });
}

async function recorded(t: Test, made: ScriptedConnection, text: string, sentWhole = true): Promise<string> {
  const ledger = new Ledger();
  const recorder = await Recorder.start(ledger);
  t.teardown(() => recorder.close());
  for (const entry of ledger.open(made)) entry.sentWhole = sentWhole;
  const socket = connect(Number(recorder.address.split(':')[1]), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.end(text, 'latin1');
  await once(socket, 'close');
  return ledger.problems.map(({ what }) => what).join('\n');
}

t.test('the recorder takes what was sent and nothing else', async (t) => {
  const good = post('r1c0q0', 'body');
  const one = get('r1c0q0');
  t.equal(await recorded(t, script(good), good.text), '', 'a request as it was sent');
  t.match(await recorded(t, script(good), good.text.replace(/body$/, 'evil')), /another body/, 'another body');
  t.match(
    await recorded(t, script(good), good.text.replace(/body$/, 'ev')),
    /a body that was not sent/,
    'cut, and another',
  );
  t.match(await recorded(t, script(good), good.text, false), /not sent all/, 'the rest was made up');
  t.match(await recorded(t, script(one), one.text.replaceAll('r1c0q0', 'smuggled')), /nobody/, 'a stranger');
  t.match(await recorded(t, script(one), one.text.replace('GET', 'PUT')), /another request line/, 'another method');
  t.match(
    await recorded(t, script(one), one.text.replace('\r\n\r\n', '\r\nX: y\r\n\r\n')),
    /a field more/,
    'a field more',
  );
  t.match(
    await recorded(t, script(one), one.text.repeat(3)),
    /seen 3 times[\s\S]*whole 3 times/,
    'one request three times',
  );
  const behind = script(get('r1c0q0', GOOD, CLOSE), get('r1c0q1'));
  t.match(await recorded(t, behind, get('r1c0q1').text), /must not be seen/, 'one behind the last');
});
