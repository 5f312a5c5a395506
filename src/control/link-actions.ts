/**
 * Does what links say, once each, and only while it still means what the message meant.
 *
 * A link is bound to its rollout, an approval also to its step, and a way back after a success to the position that the
 * success led to. So a link that is found later can do nothing that its message did not speak of, whatever is known of used
 * ones: single use is kept in the state file, and a file that takes nothing is no reason to refuse a rollback.
 *
 * It is claimed before it is done, so that two uses at the same moment are one, and given free again when what it asked for
 * was refused.
 */
import type { Config } from '../config/schema.ts';
import { percent, shareAt } from '../rollout/course.ts';
import { type LinkClaim, openLink } from './links.ts';
import type { NotifyStore } from './notify-store.ts';
import type { Instruction, LinkOperations, LinkView, Receipt, Refusal, Weights } from './operations.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { Rollouts } from './rollouts.ts';

export interface LinkActionsOptions {
  readonly store: NotifyStore;
  readonly rollouts: () => Pick<Rollouts, 'last' | 'command'>;
  readonly config: () => Config;
  /** Where the gate of a service stands; null when it has none. */
  readonly epochOf: (service: string) => number | null;
  /** Moves the gate to weights that it had before. */
  readonly returnTo: (service: string, weights: Weights, instruction: Instruction) => Promise<Receipt | Refusal>;
  readonly isStopping: () => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A link that may be used now, with what that does. */
interface Ready {
  readonly id: string;
  readonly claim: LinkClaim;
  readonly record: RolloutRecord;
  readonly does: 'approve' | 'abort' | 'return';
  readonly text: string;
}

const BAD: Refusal = {
  refused: true,
  code: 'bad-link',
  message: 'This link is not one of ours, or its secret has changed.',
};
const USED: Refusal = { refused: true, code: 'link-used', message: 'This link has been used, and works once.' };
const STOPPING: Refusal = { refused: true, code: 'stopping', message: 'Tidegate is stopping.' };

export class LinkActions implements LinkOperations {
  readonly #options: LinkActionsOptions;
  /** Used links by id, with their expiry in seconds since 1970. */
  readonly #used = new Map<string, number>();

  constructor(options: LinkActionsOptions) {
    this.#options = options;
  }

  look(token: string): LinkView | Refusal {
    const ready = this.#read(token);
    return 'refused' in ready ? ready : viewOf(ready, ready.text);
  }

  async use(token: string, by: string): Promise<LinkView | Refusal> {
    if (this.#options.isStopping()) return STOPPING;
    const ready = this.#read(token);
    if ('refused' in ready) return ready;
    this.#claim(ready);
    const answer = await this.#do(ready, by === '' ? 'link' : `link (${by})`);
    if (!('refused' in answer)) return viewOf(ready, answer.done);
    this.#used.delete(ready.id);
    this.#options.store.releaseLink(ready.id);
    return answer;
  }

  #read(token: string): Ready | Refusal {
    const { config, store, rollouts, now } = this.#options;
    const { links } = config().notify;
    const opened = links === undefined ? null : openLink(token, links.secret);
    if (opened === null || opened.kind === 'bad') return BAD;
    const { id, claim } = opened;
    if (claim.expiresS * 1000 <= now())
      return { refused: true, code: 'link-expired', message: 'This link has expired.' };
    const isUsed = store.isUsed(id);
    if (this.#used.has(id) || (isUsed.ok && isUsed.value)) return USED;
    const record = rollouts().last(claim.service);
    if (record === undefined || record.id !== claim.rollout) {
      return stale(`Rollout ${claim.rollout} of ${claim.service} is not the present one any more.`);
    }
    return claim.action === 'approve' ? approval(id, claim, record) : this.#wayBack(id, claim, record);
  }

  #wayBack(id: string, claim: LinkClaim, record: RolloutRecord): Ready | Refusal {
    const { service, rollout } = record;
    const { phase, active, candidate, hasMoved, reason } = rollout;
    if (record.endedAt === null) {
      if (phase === 'rolling-back') return stale(`Traffic of ${service} is going back already: ${reason}`);
      const users = hasMoved ? `All its users go back to ${active} at once.` : `No user has reached ${candidate} yet.`;
      const text = `Rollout ${record.id} of ${service} to ${candidate} (${record.version}) ends. ${users}${withOthers(record)}`;
      return { id, claim, record, does: 'abort', text };
    }
    if (phase !== 'succeeded') return stale(`Rollout ${record.id} of ${service} has ended: ${phase}, ${reason}`);
    if (this.#options.epochOf(service) !== claim.epoch) {
      return stale(`Rollout ${record.id} of ${service} has succeeded, and traffic has moved since this message.`);
    }
    const text = `${service} returns to where it stood before rollout ${record.id}: users of ${candidate} (${record.version}) go back to ${active} at once.${withOthers(record)}`;
    return { id, claim, record, does: 'return', text };
  }

  /** Nobody else may use the link from now on. */
  #claim({ id, claim }: Ready): void {
    const { store, now } = this.#options;
    const nowS = Math.floor(now() / 1000);
    for (const [used, expiresS] of this.#used) if (expiresS < nowS) this.#used.delete(used);
    this.#used.set(id, claim.expiresS);
    store.useLink(id, claim.expiresS, nowS);
  }

  async #do({ does, claim, record }: Ready, by: string): Promise<{ readonly done: string } | Refusal> {
    const { rollouts, returnTo } = this.#options;
    const { service } = claim;
    const { active, before } = record.rollout;
    switch (does) {
      case 'approve':
      case 'abort': {
        const answer = rollouts().command(service, does, by);
        if ('refused' in answer) return answer;
        return { done: does === 'approve' ? 'Approved: the next step is taken.' : `Done: ${answer.rollout.reason}.` };
      }
      case 'return': {
        const instruction = { by, reason: `back from rollout ${record.id}`, ifEpoch: claim.epoch };
        const receipt = await returnTo(service, before, instruction);
        return 'refused' in receipt ? receipt : { done: `Done: the users of ${service} are back on ${active}.` };
      }
      default:
        return does satisfies never;
    }
  }
}

function approval(id: string, claim: LinkClaim, record: RolloutRecord): Ready | Refusal {
  const { service, rollout, version } = record;
  const { phase, pause, step, plan, candidate, reason } = rollout;
  const isAsked = (pause?.from ?? phase) === 'awaiting-approval' && step === claim.step;
  if (!isAsked) {
    return stale(
      `Step ${claim.step + 2} of rollout ${record.id} of ${service} waits for nobody; it is ${phase}: ${reason}`,
    );
  }
  const next = `step ${step + 2} of ${plan.steps.length}`;
  const share = percent(shareAt(rollout, step + 1));
  const text = `Rollout ${record.id} of ${service} goes on with ${next}: ${candidate} (${version}) gets ${share} of the traffic.`;
  return { id, claim, record, does: 'approve', text };
}

/** Who else goes back, since they were started together. */
function withOthers({ service, bond }: RolloutRecord): string {
  const others = bond?.members.map((member) => member.service).filter((name) => name !== service) ?? [];
  return others.length === 0 ? '' : ` So do those of ${others.join(', ')}, which rolled out together with it.`;
}

function stale(message: string): Refusal {
  return { refused: true, code: 'link-stale', message };
}

function viewOf({ claim }: Ready, text: string): LinkView {
  const { action, service, rollout, expiresS } = claim;
  return { action, service, rollout, text, expiresAt: new Date(expiresS * 1000).toISOString() };
}
