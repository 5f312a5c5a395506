// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** Webhooks, links and confirmations as they are written, refused, hidden and compared. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { NEWS } from '../../../src/config/notify-schema.ts';
import { whatOf } from '../../../src/control/webhook-message.ts';
import { TOLD } from '../../../src/rollout/transition.ts';
import { rolloutEvent } from '../control/webhook-stage.ts';
import { accept, complaints, read, SMALL } from './texts.ts';

const withNotify = (keys: string): string => `${SMALL}notify: { ${keys} }\n`;
const withWebhook = (keys: string): string => withNotify(`webhooks: [{ name: chat, ${keys} }]`);
const withConfirm = (keys: string): string =>
  SMALL.replace('    pools:', `    rollout: { confirm: { ${keys} } }\n    pools:`);
const URL_ = 'url: https://chat.example/hook';

/** What a webhook is told of that asks for nothing. */
const ALWAYS = [...TOLD, 'flag-killed'];

t.test('little has to be said', async (t) => {
  t.same(accept(SMALL).notify, { webhooks: [], links: undefined });
  t.same(accept(withWebhook(URL_)).notify.webhooks, [
    {
      name: 'chat',
      url: 'https://chat.example/hook',
      on: ALWAYS,
      format: 'json',
      timeoutMs: 10_000,
      giveUpAfterMs: 86_400_000,
    },
  ]);
  t.same(accept(withConfirm(URL_)).services.get('shop')!.rollout.confirm, {
    url: 'https://chat.example/hook',
    timeoutMs: 600_000,
    intervalMs: 5_000,
    answerWithinMs: 10_000,
    onTimeout: 'pause',
    refusedBy: [],
  });
  const links = 'links: { baseUrl: "http://127.0.0.1:9900/ops/", secret: sixteen-letters-x }';
  t.same(accept(withNotify(links)).notify.links, {
    baseUrl: 'http://127.0.0.1:9900/ops',
    secret: 'sixteen-letters-x',
    ttlMs: 86_400_000,
  });
});

t.test('everything that a rollout tells of can be asked for', async (t) => {
  t.same(NEWS, [...TOLD, 'flag-killed', 'traffic']);
  for (const what of TOLD) t.equal(whatOf(rolloutEvent(1, { what })), what);
});

const bad: readonly (readonly [title: string, text: string, complaint: RegExp])[] = [
  ['a webhook has a name', withNotify(`webhooks: [{ ${URL_} }]`), /webhooks\[0\]\.name: is missing/],
  ['a webhook is somewhere', withWebhook('format: slack'), /webhooks\[0\]\.url: is missing/],
  ['a URL is absolute', withWebhook('url: /hook'), /url: .*a URL such as/],
  ['a URL is for HTTP', withWebhook('url: file:///etc/passwd'), /url: .*http or https/],
  ['a URL carries no password', withWebhook('url: "https://u:p@chat.example/"'), /without user name, password/],
  ['a URL carries no user', withWebhook('url: "https://u@chat.example/"'), /without user name, password/],
  ['a URL ends no line', withWebhook('url: "https://chat.example/\\r\\nX: y"'), /a URL such as/],
  ['a URL has no fragment', withWebhook('url: "https://chat.example/#a"'), /a URL such as/],
  ['news are known', withWebhook(`${URL_}, on: [stepp]`), /on\[0\].*did you mean "step"/],
  ['somebody is told of something', withWebhook(`${URL_}, on: []`), /on: /],
  ['services are there', withWebhook(`${URL_}, services: [shp]`), /services\[0\].*is no service.*did you mean "shop"/],
  [
    'names are there once',
    withNotify(`webhooks: [{ name: a, ${URL_} }, { name: a, ${URL_} }]`),
    /webhooks\[1\]\.name: "a" is there twice/,
  ],
  ['somebody waits for an answer', withWebhook(`${URL_}, timeout: 0s`), /timeout: /],
  [
    'the secret of links cannot be guessed',
    withNotify('links: { baseUrl: "http://127.0.0.1:9900", secret: short }'),
    /links\.secret: is short enough to be guessed; allowed: at least 16 characters/,
  ],
  ['links have a secret', withNotify('links: { baseUrl: "http://127.0.0.1:9900" }'), /links\.secret: is missing/],
  [
    'links lead to no query',
    withNotify('links: { baseUrl: "http://127.0.0.1:9900/?a=", secret: sixteen-letters-x }'),
    /baseUrl: .*without a query/,
  ],
  ['nobody is asked nowhere', withConfirm('timeout: 1m'), /confirm\.url: is missing/],
  ['a yes is no refusal', withConfirm(`${URL_}, refusedBy: 200`), /refusedBy.*from 300 to 599/],
  ['there are three ways out', withConfirm(`${URL_}, onTimeout: ignore`), /pause, promote, rollback/],
];
for (const [title, text, complaint] of bad) {
  t.test(title, async (t) => {
    const found = complaints(text).join('\n');
    t.match(found, complaint);
    t.notMatch(found, /u:p@|passwd|short"/, 'and what must not be shown is not');
  });
}

const LINKS = 'links: { baseUrl: "http://127.0.0.1:9900", secret: sixteen-letters-x }';
const warnings: readonly (readonly [title: string, text: string, warning: RegExp | null])[] = [
  [
    'links over an open network',
    withNotify(`webhooks: [{ name: a, url: http://chat.example/ }], ${LINKS}`),
    /may use its links/,
  ],
  ['messages that nobody can check', withWebhook('url: http://chat.example/'), /may change its messages/],
  ['signed messages without links', withWebhook('url: http://chat.example/, secret: abc'), null],
  ['the own machine', withNotify(`webhooks: [{ name: a, url: "http://[::1]:3000/" }], ${LINKS}`), null],
  ['an open answer', withConfirm('url: http://ci.example/, secret: abc'), /confirm\.url: .*may answer for it/],
  ['a closed one', withConfirm('url: https://ci.example/'), null],
  [
    'a name that the admin API does not know',
    withNotify(LINKS.replace('127.0.0.1:9900', 'ops.example.com')),
    /links\.baseUrl: .*admin\.allowedHosts/,
  ],
  [
    'a name that it knows',
    `${withNotify(LINKS.replace('127.0.0.1:9900', 'Ops.example.com'))}admin: { allowedHosts: [ops.Example.com] }\n`,
    null,
  ],
  [
    'a secret that is not set',
    withNotify(LINKS.replace('sixteen-letters-x', '"${NONE:-}"')),
    /is empty, so messages have no links/,
  ],
];
for (const [title, text, warning] of warnings) {
  t.test(`warned of or not: ${title}`, async (t) => {
    const { config, problems } = read(text);
    t.ok(config);
    t.equal(problems.length, warning === null ? 0 : 1, complaints(text).join('\n'));
    if (warning !== null) t.match(complaints(text)[0], warning);
  });
}

t.test('what is wrong is shown where it stands', async (t) => {
  const { problems } = read(withWebhook(`${URL_}, services: [shop, shp]`));
  t.match(problems, [{ line: 9, column: 85, path: 'notify.webhooks[0].services[1]', suggestion: 'shop' }]);
});

t.test('URLs of webhooks and secrets are nowhere shown', async (t) => {
  const text = withNotify(`webhooks: [{ name: chat, url: https://chat.example/T0/B0, secret: hush-hush }], ${LINKS}`);
  const { redacted } = read(text);
  t.notMatch(redacted, /T0|hush|sixteen/);
  t.match(redacted, /url: \*\*\*, secret: \*\*\*/);
  t.notMatch(read(withConfirm('url: https://ci.example/T1, secret: hush-hush')).redacted, /T1|hush/);
});

t.test('what changes is told, without what must not be shown', async (t) => {
  const told = (from: string, to: string) => differences(accept(from), accept(to)).map(({ text }) => text);
  const before = withWebhook('url: https://chat.example/T0, secret: hush-hush');
  t.same(told(SMALL, before).slice(0, 3), [
    'notify.webhooks.chat.name added (chat)',
    'notify.webhooks.chat.url added',
    `notify.webhooks.chat.on added ([${ALWAYS.join(', ')}])`,
  ]);
  t.same(told(before, withWebhook('url: https://chat.example/T1, secret: hush-hash, on: [ended]')), [
    'notify.webhooks.chat.url changed',
    `notify.webhooks.chat.on [${ALWAYS.join(', ')}]→[ended]`,
    'notify.webhooks.chat.secret changed',
  ]);
  t.same(told(withConfirm('url: https://a.example/'), withConfirm('url: https://b.example/, timeout: 1m')), [
    'shop.rollout.confirm.url changed',
    'shop.rollout.confirm.timeout 10m→1m',
  ]);
  t.same(told(withNotify(LINKS), withNotify(LINKS.replace('sixteen', 'fifteen'))), ['notify.links.secret changed']);
});
