/**
 * Asks two flag services the same questions, and says for whom they differ: the check before a flag moves from one to the other.
 *
 *     OLD=http://flagd:8016 NEW=http://127.0.0.1:9900 node compare.js new-checkout boolean < keys.txt
 *
 * One key on each line, or a whole context as JSON, such as {"targetingKey":"alice","country":"DE"}. Both sides are OFREP here; for a
 * service that does not speak it, its own OpenFeature provider takes the place of the first one, and nothing else changes. Exits with 1
 * when somebody would be treated otherwise, and when a side has no answer: two that know nothing agree about nothing.
 */
import { createInterface } from 'node:readline';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

const QUESTIONS = {
  boolean: (client, flag, context) => client.getBooleanDetails(flag, false, context),
  string: (client, flag, context) => client.getStringDetails(flag, '', context),
  number: (client, flag, context) => client.getNumberDetails(flag, 0, context),
  object: (client, flag, context) => client.getObjectDetails(flag, {}, context),
};

const { OLD, NEW } = process.env;
const [flag, type = 'boolean'] = process.argv.slice(2);
if (!OLD || !NEW || !flag || !Object.hasOwn(QUESTIONS, type)) {
  console.error(`usage: OLD=URL NEW=URL node compare.js FLAG ${Object.keys(QUESTIONS).join('|')} < keys.txt`);
  process.exit(2);
}
await OpenFeature.setProviderAndWait('old', new OFREPProvider({ baseUrl: OLD }));
await OpenFeature.setProviderAndWait('new', new OFREPProvider({ baseUrl: NEW }));
const clients = ['old', 'new'].map((domain) => OpenFeature.getClient(domain));

let [asked, differing, unanswered] = [0, 0, 0];
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') continue;
  const context = line.startsWith('{') ? JSON.parse(line) : { targetingKey: line };
  const answers = await Promise.all(clients.map((client) => QUESTIONS[type](client, flag, context)));
  // A side that cannot answer gives the default of this code, which is no answer of its own.
  const [before, after] = answers.map(({ value, errorCode }) => errorCode ?? JSON.stringify(value));
  asked += 1;
  if (answers.some(({ errorCode }) => errorCode !== undefined)) unanswered += 1;
  else if (before !== after) differing += 1;
  else continue;
  console.log(`${line}: ${before} before, ${after} after`);
}
const silent = unanswered === 0 ? '' : `, ${unanswered} without an answer`;
console.log(`${asked} keys asked for, ${differing} differ${silent}`);
process.exitCode = asked > 0 && differing + unanswered === 0 ? 0 : 1;
await OpenFeature.close();
