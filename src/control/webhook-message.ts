/**
 * Messages as webhooks get them: data of our own, or what Slack and Microsoft Teams show in a channel.
 *
 * Texts hold what people and applications wrote (reasons, bodies of answers), and a channel must show them and not obey
 * them: Slack's three special characters are escaped, and Teams gets rich text runs, which know no Markdown, where its
 * text blocks do. Links stand alone on a line with words that say what they do; Slack is told not to fetch them.
 */
import type { Webhook } from '../config/schema.ts';
import type { ArmTally } from './flag-evidence.ts';
import type { MessageLinks } from './links.ts';
import type { Receipt, TidegateEvent } from './operations.ts';
import { newsIn, type RolloutNews } from './rollout-news.ts';

/** What a message is written from. */
export interface MessageParts {
  readonly id: string;
  readonly event: TidegateEvent;
  readonly links: MessageLinks | null;
}

/** The data of an event of a flag that its guard has killed. */
export interface FlagKill {
  readonly flag: string;
  readonly how: 'guard';
  /** Both arms in each version that they were counted in. */
  readonly table: readonly ArmTally[];
}

/** Slack takes 3,000 characters in a block, and an escaped character has up to five. */
const CHARACTERS_MAX = 590;
const LABELS = { approve: 'Approve', rollback: 'Roll back' } as const;

/** The body of a message, as JSON. */
export function messageOf(format: Webhook['format'], parts: MessageParts): string {
  switch (format) {
    case 'json':
      return JSON.stringify(ownMessage(parts));
    case 'slack':
      return JSON.stringify(slackMessage(parts));
    case 'teams':
      return JSON.stringify(teamsMessage(parts));
    default:
      return format satisfies never;
  }
}

/** What an event is called in messages and in `on`; null when nobody is told of it. */
export function whatOf(event: TidegateEvent): string | null {
  if (event.kind === 'traffic') {
    const { reason, by } = event.data as Receipt;
    const isOwn = reason === 'rollout' || reason === 'start' || (reason === 'rollback' && by === 'rollout');
    return isOwn ? null : 'traffic';
  }
  if (event.kind === 'flag') return killOf(event) === null ? null : 'flag-killed';
  return newsIn(event)?.what ?? null;
}

/** What an event says of a flag that its guard has killed; null when it is about none. */
export function killOf({ kind, data }: TidegateEvent): FlagKill | null {
  if (kind !== 'flag') return null;
  const { how, table } = (data ?? {}) as Partial<FlagKill>;
  return how === 'guard' && table !== undefined ? (data as FlagKill) : null;
}

/** A rollout as messages and questions have it; steps count from 1. */
export function rolloutFields(news: RolloutNews): Readonly<Record<string, unknown>> {
  const { rollout, what, step, epoch, ...rest } = news;
  return { id: rollout, ...rest, step: step + 1 };
}

function ownMessage({ id, event, links }: MessageParts): object {
  const news = newsIn(event);
  return {
    id,
    event: event.id,
    at: event.at,
    what: whatOf(event),
    service: event.service,
    text: event.text,
    rollout: news === null ? null : rolloutFields(news),
    move: event.kind === 'traffic' ? event.data : null,
    flag: killOf(event),
    links,
  };
}

function slackMessage({ event, links }: MessageParts): object {
  const text = escapeSlack(shorten(event.text));
  const blocks: object[] = [{ type: 'section', text: { type: 'mrkdwn', text } }];
  const facts = factsOf(event);
  if (facts !== null) {
    blocks.push({ type: 'context', elements: [{ type: 'plain_text', text: facts, emoji: false }] });
  }
  const written = entriesOf(links).map(([label, url]) => `<${url.replaceAll('|', '%7C')}|${label}>`);
  if (written.length > 0) blocks.push({ type: 'section', text: { type: 'mrkdwn', text: written.join('   ') } });
  return { text, unfurl_links: false, unfurl_media: false, blocks };
}

function teamsMessage({ event, links }: MessageParts): object {
  const run = (text: string, more: object = {}): object => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...more }],
  });
  const facts = factsOf(event);
  const body = [run(shorten(event.text), { weight: 'Bolder' })];
  if (facts !== null) body.push(run(facts, { isSubtle: true }));
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body,
    actions: entriesOf(links).map(([title, url]) => ({ type: 'Action.OpenUrl', title, url })),
  };
  const contentType = 'application/vnd.microsoft.card.adaptive';
  return { type: 'message', attachments: [{ contentType, contentUrl: null, content }] };
}

function factsOf(event: TidegateEvent): string | null {
  const news = newsIn(event);
  if (news === null) return null;
  const { rollout, active, candidate, version, plan, step, steps, share, startedBy } = news;
  const percent = Number((share * 100).toPrecision(4));
  return `Rollout ${rollout}, ${plan}: ${active} to ${candidate} (${version}), step ${step + 1} of ${steps}, ${percent}%, started by ${startedBy}`;
}

function entriesOf(links: MessageLinks | null): [label: string, url: string][] {
  return (['approve', 'rollback'] as const).flatMap((action) => {
    const url = links?.[action];
    return url === undefined ? [] : [[LABELS[action], url]];
  });
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function shorten(text: string): string {
  return text.length <= CHARACTERS_MAX ? text : `${text.slice(0, CHARACTERS_MAX)}…`;
}
