/** A running Tidegate asked by the OpenFeature SDKs that applications use, with their OFREP providers. */
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature as Server } from '@openfeature/server-sdk';
import {
  type Client,
  type EvaluationContext,
  type Provider,
  ProviderEvents,
  OpenFeature as Web,
} from '@openfeature/web-sdk';
import t, { type Test } from 'tap';
import { EventSource } from 'undici';
import { exchange } from './stage/exchange.ts';
import { shopConfig } from './stage/shop.ts';
import { startTidegate, type Tidegate } from './stage/tidegate.ts';

const TOKEN = 'a-token-of-an-application';
const JSON_TYPE = { 'content-type': 'application/json' };
const ALL = '/ofrep/v1/evaluate/flags';

const config = shopConfig({
  pools: { blue: { version: 'v1', endpoints: ['127.0.0.1:9'] } },
  traffic: 'blue',
  top: [
    `ofrep: { address: "127.0.0.1:0", tokens: [{ name: web, token: ${TOKEN} }], origins: [https://shop.example.com] }`,
    'flags:',
    '  dark-mode: { strategy: all }',
    '  new-checkout: { strategy: percentage, value: 50 }',
    '  greeting: { strategy: users, value: [alice], on: hello, off: hi }',
    '  page-size: { strategy: all, on: 25, off: 10 }',
    '  ratio: { strategy: all, on: 0.25, off: 1 }',
    '  theme: { strategy: all, on: { colour: teal, sizes: [1, 2] }, off: {} }',
    '  staff: { strategy: users, value: [nobody], rules: [{ name: acme, when: [{ attribute: email, suffix: "@acme.com" }], strategy: all }] }',
    '  paying: { strategy: none }',
    '  by-plan:',
    '    strategy: all',
    '    variants: { basic: { value: basic }, more: { value: more } }',
    '    variant: basic',
    '    offVariant: basic',
    '    rules: [{ name: pro, when: [{ attribute: plan, equals: pro }], strategy: all, variant: more }]',
    '  banner: { strategy: variants, variants: { red: { value: red }, blue: { value: blue } }, off: none }',
  ],
});

// The browser's, which Node has as an experiment only.
Object.assign(globalThis, { EventSource });

const tidegate = await startTidegate(t, config);
const port = Number(/:(\d+)$/.exec(String((await tidegate.line('it runs', (line) => 'ofrep' in line)).ofrep))![1]);
const baseUrl = `http://127.0.0.1:${port}`;
const headers: [string, string][] = [['Authorization', `Bearer ${TOKEN}`]];
t.teardown(() => Promise.all([Server.close(), Web.close()]));

/** A server SDK that asks Tidegate, as an application makes it. */
async function serverClient(domain: string, options = { baseUrl, headers }) {
  await Server.setProviderAndWait(domain, new OFREPProvider(options));
  return Server.getClient(domain);
}

/** What a web SDK has sent, beside what it has got. */
interface Page {
  readonly client: Client;
  readonly statuses: number[];
  readonly provider: OFREPWebProvider;
}

/** A web SDK that asks Tidegate, as a page makes it. */
async function page(t: Test, context: EvaluationContext): Promise<Page> {
  const domain = t.name;
  const statuses: number[] = [];
  const fetchImplementation: typeof fetch = async (...asked) => {
    const answer = await fetch(...asked);
    statuses.push(answer.status);
    return answer;
  };
  const provider = new OFREPWebProvider({ baseUrl, headers, cacheMode: 'disabled', fetchImplementation });
  await Web.setContext(domain, context);
  // The provider's own types are not made for exact optional properties.
  await Web.setProviderAndWait(domain, provider as unknown as Provider);
  t.teardown(() => Web.clearProviders());
  return { client: Web.getClient(domain), statuses, provider };
}

/** Resolves when the page has been given a configuration in which this holds. */
function changedTo(client: Client, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!holds()) return;
      client.removeHandler(ProviderEvents.ConfigurationChanged, look);
      resolve();
    };
    client.addHandler(ProviderEvents.ConfigurationChanged, look);
    look();
  });
}

function change(tidegate: Tidegate, path: string, body: unknown = {}) {
  return tidegate.admin.call<unknown>('POST', `/api/flags/${path}`, body);
}

t.test('a server SDK gets values of every type, with reason, variant and revision', async (t) => {
  const client = await serverClient(t.name);
  const alice = { targetingKey: 'alice' };
  t.match(await client.getBooleanDetails('dark-mode', false, alice), { value: true, reason: 'STATIC', variant: 'on' });
  t.match(await client.getStringDetails('greeting', 'x', alice), { value: 'hello', reason: 'TARGETING_MATCH' });
  t.match(await client.getStringDetails('greeting', 'x', { targetingKey: 'bob' }), { value: 'hi', reason: 'DEFAULT' });
  t.match(await client.getNumberDetails('page-size', 0, alice), { value: 25 });
  t.match(await client.getNumberDetails('ratio', 0, alice), { value: 0.25 });
  t.match(await client.getObjectDetails('theme', {}, alice), { value: { colour: 'teal', sizes: [1, 2] } });
  t.match(await client.getBooleanDetails('new-checkout', false, alice), { reason: 'SPLIT', variant: /^(on|off)$/ });
  t.match(await client.getStringDetails('banner', '', alice), { reason: 'SPLIT', value: /^(red|blue)$/ });
  t.match(await client.getBooleanDetails('paying', true, alice), { value: false, reason: 'DISABLED', variant: 'off' });
  const pro = await client.getStringDetails('by-plan', '', { ...alice, plan: 'pro' });
  t.match(pro, { value: 'more', reason: 'TARGETING_MATCH', flagMetadata: { rule: 'pro', revision: String } });
});

t.test('an SDK gets its default and the code that says why where there is no value for it', async (t) => {
  const client = await serverClient(t.name);
  const alice = { targetingKey: 'alice' };
  t.match(await client.getBooleanDetails('unknown', true, alice), { value: true, errorCode: 'FLAG_NOT_FOUND' });
  t.match(await client.getBooleanDetails('new-checkout', true, {}), {
    value: true,
    errorCode: 'TARGETING_KEY_MISSING',
  });
  t.match(await client.getStringDetails('dark-mode', 'x', alice), { value: 'x', errorCode: 'TYPE_MISMATCH' });
  t.match(await client.getBooleanDetails('100%', true, alice), { value: true, errorCode: 'PARSE_ERROR' });
  const many = { targetingKey: 'alice', list: Array.from({ length: 300 }, (_, at) => at) };
  t.match(await client.getBooleanDetails('dark-mode', false, many), { value: false, errorCode: 'INVALID_CONTEXT' });
  const stranger = await serverClient('stranger', { baseUrl, headers: [['X-API-Key', 'not-the-right-one']] });
  t.match(await stranger.getBooleanDetails('dark-mode', false, alice), { value: false, errorCode: 'GENERAL' });
});

t.test('a web SDK gets all flags at once and other ones for another context', async (t) => {
  const { client, provider } = await page(t, { targetingKey: 'alice', email: 'alice@acme.com' });
  t.match(client.getBooleanDetails('staff', false), { value: true, reason: 'TARGETING_MATCH', variant: 'on' });
  t.equal(client.getStringValue('greeting', 'x'), 'hello');
  t.strictSame(Object.keys(provider.flagCache), Object.keys(provider.flagCache).toSorted(), 'sorted by name');
  await Web.setContext(t.name, { targetingKey: 'alice', email: 'alice@other.com' });
  t.equal(client.getBooleanValue('staff', true), false, 'an attribute alone, with the tag of the context before');
  await Web.setContext(t.name, { targetingKey: 'bob' });
  t.equal(client.getStringValue('greeting', 'x'), 'hi');
  await Web.setContext(t.name, {});
  t.match(client.getBooleanDetails('new-checkout', true), { value: true, errorCode: 'TARGETING_KEY_MISSING' });
  t.equal(client.getBooleanValue('dark-mode', false), true, 'the others are there all the same');
});

t.test('a web SDK that asks again for the same is told that nothing has changed', async (t) => {
  const { client, statuses } = await page(t, { targetingKey: 'alice' });
  await Web.setContext(t.name, { targetingKey: 'alice', plan: 'pro' });
  t.equal(client.getStringValue('by-plan', ''), 'more');
  const before = statuses.length;
  await Web.setContext(t.name, { plan: 'pro', targetingKey: 'alice' });
  t.ok(statuses.slice(before).includes(304), statuses.join());
  t.equal(client.getStringValue('by-plan', ''), 'more');
});

t.test('a web SDK sees a kill, and a change of the file, without asking for it', async (t) => {
  const { client } = await page(t, { targetingKey: 'alice' });
  t.equal(client.getBooleanValue('dark-mode', false), true);
  const begunMs = performance.now();
  t.equal((await change(tidegate, 'dark-mode/kill')).status, 200);
  await changedTo(client, () => !client.getBooleanValue('dark-mode', true));
  t.comment(`a kill was seen after ${Math.round(performance.now() - begunMs)} ms`);
  t.match(client.getBooleanDetails('dark-mode', true), { value: false, reason: 'DISABLED', variant: 'off' });

  await tidegate.edit((text) => text.replace('on: 25', 'on: 50'));
  await changedTo(client, () => client.getNumberValue('page-size', 0) === 50);
  t.pass('the new value is there');
});

t.test('the answers at the admin address and at the listener are the same', async (t) => {
  const body = JSON.stringify({ context: { targetingKey: 'carol' } });
  const own = await exchange(port, `${ALL}/banner`, {
    method: 'POST',
    headers: { ...JSON_TYPE, 'x-api-key': TOKEN },
    body,
  });
  const admin = await exchange(tidegate.admin.port, `${ALL}/banner`, { method: 'POST', headers: JSON_TYPE, body });
  t.equal(own.status, 200);
  t.equal(own.body, admin.body);
  const origin = 'https://shop.example.com';
  const preflight = await exchange(port, ALL, { method: 'OPTIONS', headers: { origin } });
  t.match(preflight, { status: 204, headers: { 'access-control-allow-origin': origin } });
});

t.test('what was asked and what was answered is in the metrics', async (t) => {
  const metrics = await tidegate.admin.metrics();
  t.ok(metrics.sum('tidegate_ofrep_requests_total', { call: 'evaluate', code: '2xx' }) > 0);
  t.ok(metrics.sum('tidegate_ofrep_requests_total', { call: 'bulk', code: '3xx' }) > 0);
  t.ok(metrics.sum('tidegate_ofrep_refused_total', { reason: 'token' }) > 0);
  t.ok(metrics.sum('tidegate_ofrep_changes_total') > 0);
  t.ok(metrics.sum('tidegate_flag_evaluations_total', { flag: 'banner', variant: 'red' }) >= 0);
});
