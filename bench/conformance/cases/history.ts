/**
 * The advisories of chapter 5 of the table: the messages themselves are in the corpus of the fuzzers, which says of each
 * whether it is refused. What is asked here is what they have in common: nobody is to get a whole request of it.
 */
import { corpus } from '../../../test/fuzz/stage/corpus.ts';
import { type Chapter, type ConformanceCase, forwarded } from '../case.ts';
import { get, helloChunks, request } from './bytes.ts';

const advisories: readonly ConformanceCase[] = corpus()
  .filter(({ kind, expected, title }) => kind === 'request' && expected === 'refused' && title.startsWith('CVE-'))
  .map(({ title, text }) => ({
    name: title.replace(/\.$/, ''),
    sends: text,
    expected: { kind: 'never-whole', statusMin: 400, statusMax: 599 },
  }));

/** Chapter 5 of the table. */
export const history: Chapter = {
  title: 'History',
  rows: [
    { row: 'advisories: refused, and nobody gets a whole request', cases: advisories },
    {
      row: 'advisories: what must pass',
      cases: [
        {
          name: 'CVE-2026-21710: names that objects have already',
          sends: request('GET /f', '__proto__: 1\r\nconstructor: 2\r\n'),
          expected: forwarded({ asked: 'GET /f', has: { ['__proto__']: '1', constructor: '2' } }),
        },
        {
          name: 'GHSA-ggv3-7p47-pfv8: DELETE with a chunked body, then another request',
          sends: request('DELETE /f', 'Transfer-Encoding: chunked\r\n', helloChunks) + get,
          expected: forwarded({ asked: 'DELETE /f', body: 'hello' }, { asked: 'GET /next' }),
        },
      ],
    },
  ],
};
