/**
 * Links by which a person approves a step or rolls back from where the message is read.
 *
 * A link is a claim (what may be done, to which rollout, until when) and its HMAC, so nothing has to be kept for links that
 * nobody uses. It is made from the event alone: every try of a message, and every webhook, has the same link for the same
 * event, and the first use is the only one. Rejected: a random token with a row in the state file, which would have to be
 * written before each message and would be lost with the file.
 *
 * The text before the dot is what is signed, as it stands. What identifies a link is its HMAC as bytes, because base64 has
 * several spellings of the same bytes, and a second spelling must not be a second use.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { LinkSettings } from '../config/schema.ts';
import type { TidegateEvent } from './operations.ts';
import { newsIn, type RolloutNews } from './rollout-news.ts';

/** What a link can do. */
export type LinkAction = 'approve' | 'rollback';

/** What a link says that its holder may do. */
export interface LinkClaim {
  readonly action: LinkAction;
  readonly service: string;
  readonly rollout: number;
  /** Index of the step that the rollout was at. */
  readonly step: number;
  /** Where the gate stood. */
  readonly epoch: number;
  /** The event that it was made for. */
  readonly event: number;
  /** Seconds since 1970. */
  readonly expiresS: number;
}

/** The links of a message; what is missing could not be done. */
export interface MessageLinks {
  readonly approve?: string;
  readonly rollback?: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** A link that was read; `id` is what it is known by once it is used. */
export type OpenedLink =
  | { readonly kind: 'open'; readonly id: string; readonly claim: LinkClaim }
  | { readonly kind: 'bad' };

const ACTIONS: readonly LinkAction[] = ['approve', 'rollback'];
/** So that a signature for something else under the same secret is none for a link. */
const PURPOSE = 'tidegate-link-1.';

/** The token of a claim, at most 256 characters of a URL's path. */
export function sealLink(claim: LinkClaim, secret: string): string {
  const { action, service, rollout, step, epoch, event, expiresS } = claim;
  const fields = [ACTIONS.indexOf(action), service, rollout, step, epoch, event, expiresS];
  const text = Buffer.from(JSON.stringify(fields)).toString('base64url');
  return `${text}.${macOf(text, secret).toString('base64url')}`;
}

/** Reads a token; it takes the same time whether and wherever its signature is wrong. */
export function openLink(token: string, secret: string): OpenedLink {
  const dot = token.indexOf('.');
  const text = token.slice(0, Math.max(dot, 0));
  const given = Buffer.from(token.slice(dot + 1), 'base64url');
  const right = macOf(text, secret);
  const isRight = timingSafeEqual(given.length === right.length ? given : Buffer.alloc(right.length), right);
  if (dot < 0 || !isRight) return { kind: 'bad' };
  const [action, service, rollout, step, epoch, event, expiresS] = JSON.parse(
    Buffer.from(text, 'base64url').toString('utf8'),
  ) as [number, string, number, number, number, number, number];
  const claim = { action: ACTIONS[action]!, service, rollout, step, epoch, event, expiresS };
  return { kind: 'open', id: right.toString('base64url'), claim };
}

/** The links that belong into the message of an event; null when there is nothing to decide. */
export function linksFor(event: TidegateEvent, { baseUrl, secret, ttlMs }: LinkSettings): MessageLinks | null {
  const news = newsIn(event);
  if (news === null || event.service === null) return null;
  const { rollout, step, epoch } = news;
  const expiresS = Math.floor((Date.parse(event.at) + ttlMs) / 1000);
  const claim = { service: event.service, rollout, step, epoch, event: event.id, expiresS };
  const actions = actionsAt(news);
  if (actions.length === 0) return null;
  const links = actions.map((action) => [action, `${baseUrl}/links/${sealLink({ ...claim, action }, secret)}`]);
  return { ...Object.fromEntries(links), expiresAt: new Date(expiresS * 1000).toISOString() };
}

function actionsAt({ what, phase }: RolloutNews): readonly LinkAction[] {
  switch (what) {
    case 'approval-needed':
      return ['approve', 'rollback'];
    case 'started':
    case 'step':
    case 'paused':
    case 'resumed':
    case 'halted':
    case 'inconclusive':
    case 'baking':
    case 'confirm':
      return ['rollback'];
    case 'ended':
      return phase === 'succeeded' ? ['rollback'] : [];
    case 'rolling-back':
      return [];
    default:
      return what satisfies never;
  }
}

function macOf(text: string, secret: string): Buffer {
  return createHmac('sha256', secret)
    .update(PURPOSE + text)
    .digest();
}
