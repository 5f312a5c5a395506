/**
 * A service that asks for a flag itself, with the OpenFeature SDK and nothing of Tidegate's.
 *
 *     npm install @openfeature/server-sdk @openfeature/ofrep-core @openfeature/ofrep-provider
 *     OFREP_ENDPOINT=http://127.0.0.1:9900 node openfeature.js alice AT
 */
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

const { OFREP_ENDPOINT = 'http://127.0.0.1:9900', OFREP_TOKEN } = process.env;
const [targetingKey = 'alice', country = 'DE'] = process.argv.slice(2);

await OpenFeature.setProviderAndWait(
  new OFREPProvider({
    baseUrl: OFREP_ENDPOINT,
    ...(OFREP_TOKEN ? { headers: [['Authorization', `Bearer ${OFREP_TOKEN}`]] } : {}),
  }),
);
const client = OpenFeature.getClient();

// What stands here as a default is what users get when nobody answers, or when there is no such flag.
const checkout = await client.getBooleanDetails('new-checkout', false, { targetingKey });
const button = await client.getStringDetails('buy-button', 'grey', { targetingKey, country });

for (const { flagKey, value, variant, reason, errorCode } of [checkout, button]) {
  console.log(`${flagKey}: ${value} (${variant ?? 'default'}, ${reason}${errorCode ? `, ${errorCode}` : ''})`);
}
await OpenFeature.close();
