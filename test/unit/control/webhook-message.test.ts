import t from 'tap';
import type { TidegateEvent } from '../../../src/control/operations.ts';
import { messageOf, whatOf } from '../../../src/control/webhook-message.ts';
import { NEWS, rolloutEvent } from './webhook-stage.ts';

const HOSTILE = 'shop: <!channel> *paged* [here](http://evil.example) & <http://evil.example|fine>';
const links = {
  approve: 'http://admin.example/links/a.b',
  rollback: 'http://admin.example/a|b/links/c.d',
  expiresAt: '2026-01-02T00:00:00.000Z',
};

function moveEvent(reason: string, by: string): TidegateEvent {
  const data = { reason, by, epoch: 3 };
  return { id: 4, at: '2026-01-01T00:00:00.000Z', kind: 'traffic', service: 'shop', text: 'moved', data };
}

t.test('our own format is data: the event, the rollout with steps from 1, and links', async (t) => {
  const { rollout, what, epoch, ...rest } = NEWS;
  t.same(JSON.parse(messageOf('json', { id: 'msg_1', event: rolloutEvent(41), links })), {
    id: 'msg_1',
    event: 41,
    at: '2026-01-01T00:00:00.000Z',
    what: 'step',
    service: 'shop',
    text: 'news 41',
    rollout: { id: 7, ...rest, step: 2 },
    move: null,
    flag: null,
    links,
  });
});

t.test('a move that no rollout made is told with its receipt; moves of rollouts are told as steps', async (t) => {
  t.match(JSON.parse(messageOf('json', { id: 'a', event: moveEvent('flip', 'anna'), links: null })), {
    what: 'traffic',
    rollout: null,
    move: { epoch: 3 },
    links: null,
  });
  for (const [reason, by] of [
    ['rollout', 'rollout'],
    ['rollback', 'rollout'],
    ['start', 'start'],
  ] as const) {
    t.equal(whatOf(moveEvent(reason, by)), null, `${reason} by ${by}`);
  }
  t.equal(whatOf(moveEvent('rollback', 'anna')), 'traffic');
  t.equal(whatOf({ ...moveEvent('flip', 'anna'), kind: 'health', data: null }), null);
  t.equal(whatOf({ ...moveEvent('flip', 'anna'), kind: 'rollout', data: { refused: true } }), null);
});

t.test('Slack shows what people wrote and obeys none of it', async (t) => {
  const text = messageOf('slack', { id: 'a', event: rolloutEvent(1, {}, HOSTILE), links });
  const message = JSON.parse(text) as { text: string; unfurl_links: boolean; blocks: { text?: { text: string } }[] };
  const written = 'shop: &lt;!channel&gt; *paged* [here](http://evil.example) &amp; &lt;http://evil.example|fine&gt;';
  t.equal(message.text, written);
  t.equal(message.blocks[0]!.text!.text, written);
  t.equal(message.unfurl_links, false);
  t.equal(
    message.blocks[2]!.text!.text,
    '<http://admin.example/links/a.b|Approve>   <http://admin.example/a%7Cb/links/c.d|Roll back>',
  );
});

t.test('Teams gets texts in runs, which know no Markdown, and links as actions', async (t) => {
  const message = JSON.parse(messageOf('teams', { id: 'a', event: rolloutEvent(1, {}, HOSTILE), links })) as {
    attachments: { contentType: string; content: { body: { type: string; inlines: { text: string }[] }[] } }[];
  };
  const [card] = message.attachments;
  t.equal(card!.contentType, 'application/vnd.microsoft.card.adaptive');
  t.same([...new Set(card!.content.body.map(({ type }) => type))], ['RichTextBlock']);
  t.equal(card!.content.body[0]!.inlines[0]!.text, HOSTILE);
  t.match(card!.content.body[1]!.inlines[0]!.text, 'Rollout 7, canary: blue to green (v2), step 2 of 5, 5%');
  t.match(card!.content, {
    actions: [
      { type: 'Action.OpenUrl', title: 'Approve', url: links.approve },
      { type: 'Action.OpenUrl', title: 'Roll back', url: links.rollback },
    ],
  });
});

t.test('a text without end is cut to what a channel takes', async (t) => {
  const event = rolloutEvent(1, {}, '&'.repeat(100_000));
  const message = JSON.parse(messageOf('slack', { id: 'a', event, links: null })) as { text: string };
  t.ok(message.text.length <= 3_000, `${message.text.length} characters`);
  t.match(message.text, /&amp;…$/);
  t.ok(messageOf('teams', { id: 'a', event, links: null }).length < 25_000);
});

t.test(
  'a flag that its guard has killed is told with the counts of both arms; other changes of flags are not',
  async (t) => {
    const table = [
      {
        service: 'shop',
        pool: 'blue',
        version: 'v1',
        treatment: { requests: 9, bad: 9 },
        control: { requests: 9, bad: 0 },
      },
    ];
    const event = { ...moveEvent('', ''), kind: 'flag', service: null, data: { flag: 'new-nav', how: 'guard', table } };
    t.match(JSON.parse(messageOf('json', { id: 'a', event, links: null })), {
      what: 'flag-killed',
      service: null,
      rollout: null,
      move: null,
      flag: { flag: 'new-nav', table },
    });
    t.equal(whatOf({ ...event, data: { flag: 'new-nav', how: 'kill' } }), null);
    t.equal(whatOf({ ...event, data: { flag: 'new-nav', dryRun: true } }), null);
  },
);
