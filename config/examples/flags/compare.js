/**
 * Asks two flag services the same questions, and says for whom they differ: the check before a flag moves from one to the other.
 *
 *     OLD=http://flagd:8016 NEW=http://127.0.0.1:9900 node compare.js new-checkout boolean < keys.txt
 *
 * One key on each line. Both sides are OFREP here; for a service that does not speak it, its own OpenFeature provider takes the place
 * of the first one, and nothing else changes. Exits with 1 when somebody would be treated otherwise.
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

const [flag, type = 'boolean'] = process.argv.slice(2);
await OpenFeature.setProviderAndWait('old', new OFREPProvider({ baseUrl: process.env.OLD }));
await OpenFeature.setProviderAndWait('new', new OFREPProvider({ baseUrl: process.env.NEW }));
const clients = ['old', 'new'].map((domain) => OpenFeature.getClient(domain));

let [asked, differing] = [0, 0];
for await (const targetingKey of createInterface({ input: process.stdin })) {
  const answers = await Promise.all(clients.map((client) => QUESTIONS[type](client, flag, { targetingKey })));
  // A side that cannot answer gives the default, which is no answer of its own.
  const [before, after] = answers.map(({ value, errorCode }) => JSON.stringify(errorCode ?? value));
  asked += 1;
  if (before === after) continue;
  differing += 1;
  console.log(`${targetingKey}: ${before} before, ${after} after`);
}
console.log(`${asked} keys asked for, ${differing} differ`);
process.exitCode = differing === 0 ? 0 : 1;
await OpenFeature.close();
