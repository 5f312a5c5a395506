/**
 * The part of the surface of the control plane that is about webhooks, confirmations and links. All answers are plain data
 * that is fit for JSON, and hold no secret.
 */
import type { Refusal } from './operations.ts';

/** What came of the messages of one webhook since the process started, and how many wait. */
export interface WebhookFigures {
  readonly webhook: string;
  readonly waiting: number;
  /** `failed` counts tries, the others messages. */
  readonly results: Readonly<Record<'delivered' | 'failed' | 'refused' | 'given-up' | 'dropped', number>>;
}

/** What came of asking whether steps may be taken. */
export interface ConfirmationFigures {
  readonly service: string;
  readonly answers: Readonly<Record<'yes' | 'no' | 'unanswered', number>>;
}

/** What a link would do, or has done, in sentences for its holder. */
export interface LinkView {
  readonly action: 'approve' | 'rollback';
  readonly service: string;
  readonly rollout: number;
  readonly text: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** What can be done with a link from a message. */
export interface LinkOperations {
  /** What it would do; nothing happens. */
  look(token: string): LinkView | Refusal;
  /** Does it, once. `by` names its holder, as far as he says who he is; empty if not. */
  use(token: string, by: string): Promise<LinkView | Refusal>;
}
