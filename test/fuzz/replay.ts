/**
 * Plays every entry of the corpus: it is read as it says, in whatever pieces it comes, and `node:http` agrees.
 */
import { cutProblem, requestReader, responseReader } from './cuts.ts';
import type { Account, Finding, Run } from './fuzzer.ts';
import { requestProblems } from './requests.ts';
import { responseProblems } from './responses.ts';
import { type CorpusEntry, corpus } from './stage/corpus.ts';
import { bytesOf, readRequests, readResponse } from './stage/engine.ts';

function resultOf({ kind, method, text }: CorpusEntry): string {
  const end = kind === 'request' ? readRequests(bytesOf(text)).end : readResponse(method, bytesOf(text)).end;
  if (typeof end === 'object') return 'refused';
  return end === 'cut' || end === 'unfinished' ? end : 'accepted';
}

/** The replay of the corpus, once, however long the run may be. */
export async function replayCorpus({ random }: Run): Promise<Account> {
  const entries = corpus();
  const found: string[] = [];
  for (const entry of entries) {
    const result = resultOf(entry);
    if (result !== entry.expected) found.push(`${result}: ${entry.title}`);
    const read = entry.kind === 'request' ? requestReader : responseReader(entry.method);
    const problem = cutProblem(entry.text, read, random);
    if (problem !== '') found.push(`${entry.title}: ${problem}`);
  }
  const requests = entries.filter(({ kind }) => kind === 'request');
  const responses = entries.filter(({ kind }) => kind === 'response');
  found.push(...(await requestProblems(requests.map(({ text }) => text))), ...(await responseProblems(responses)));
  const findings: Finding[] = found.map((what) => ({ what, reproduction: 'in the corpus' }));
  return { cases: entries.length, counts: { requests: requests.length, responses: responses.length }, findings };
}
