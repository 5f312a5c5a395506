/**
 * Asks whoever has a say whether a step may be taken: `confirm:` of a rollout.
 *
 * The question is posted again and again until somebody says yes with a 2xx, until a status that is configured as a no for
 * good, or until the time is over; what then happens is configured too. Nothing else is a no: a receiver that is down, or
 * answers "not yet" with any status it likes, makes the step wait. While it waits the judge goes on looking, and a person
 * who promotes or aborts ends the question.
 *
 * A restart asks anew, for the time that was left; the id of a question is the same, so that the receiver can tell.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Confirm } from '../config/schema.ts';
import { shareAt } from '../rollout/course.ts';
import type { EventLog } from './event-log.ts';
import type { ConfirmationFigures, OpenQuestion } from './operations.ts';
import { pause } from './pause.ts';
import { newsOf } from './rollout-news.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { type CallAnswer, post } from './webhook-call.ts';
import { rolloutFields } from './webhook-message.ts';
import { signatureFields } from './webhook-signature.ts';

const QUOTED_CHARACTERS_MAX = 120;

/** What came of the question, with the sentence for people. */
export interface Confirmation {
  readonly result: 'ok' | 'failed' | 'undecided';
  readonly why: string;
}

export interface ConfirmationsOptions {
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

type Figures = { yes: number; no: number; unanswered: number };

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #figures = new Map<string, Figures>();
  /** What is asked at present, by the number of the rollout. */
  readonly #open = new Map<number, () => OpenQuestion>();

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** What answers came, by service. */
  figures(): readonly ConfirmationFigures[] {
    return [...this.#figures].map(([service, answers]) => ({ service, answers }));
  }

  /** What a rollout waits for; null when nobody is asked. */
  waiting(rollout: number): OpenQuestion | null {
    return this.#open.get(rollout)?.() ?? null;
  }

  /**
   * Asks about a step of a rollout; without settings nobody has a say. `epoch`: where the gate stands; `askedMs`: how much of
   * the time an earlier process has waited.
   */
  async ask(
    settings: Confirm | undefined,
    record: RolloutRecord,
    at: { readonly step: number; readonly epoch: number; readonly askedMs: number },
    stop: AbortSignal,
  ): Promise<Confirmation> {
    if (settings === undefined) return { result: 'ok', why: '' };
    const untilMs = performance.now() + settings.timeoutMs - at.askedMs;
    let why = 'there is no answer yet';
    const question = (): OpenQuestion => {
      const leftMs = Math.max(0, untilMs - performance.now());
      return { step: at.step + 1, why, leftMs, onTimeout: settings.onTimeout };
    };
    this.#open.set(record.id, question);
    try {
      return await this.#askOn(settings, record, { ...at, untilMs }, stop, (said) => {
        why = said;
      });
    } finally {
      if (this.#open.get(record.id) === question) this.#open.delete(record.id);
    }
  }

  async #askOn(
    settings: Confirm,
    record: RolloutRecord,
    { step, epoch, untilMs }: { readonly step: number; readonly epoch: number; readonly untilMs: number },
    stop: AbortSignal,
    say: (why: string) => void,
  ): Promise<Confirmation> {
    const what = `step ${step + 1} of ${record.rollout.plan.steps.length}`;
    for (let count = 1; ; count += 1) {
      const answer = await post(this.#questionOf(settings, record, step, epoch), stop);
      if (stop.aborted) return { result: 'undecided', why: 'called off' };
      const { kind, why } = readAnswer(answer);
      this.#count(record.service, kind);
      if (kind === 'yes') return { result: 'ok', why: '' };
      if (answer.kind === 'answered' && settings.refusedBy.includes(answer.status)) {
        return { result: 'failed', why: `${what} was refused by its confirmation: ${why}` };
      }
      say(why);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return this.#atEnd(settings, record, `${what} was not confirmed in time: ${why}`, epoch);
      if (count === 1) this.#tell(record, `${what} waits for its confirmation: ${why}`, epoch);
      await pause(Math.min(settings.intervalMs, leftMs), stop);
      if (stop.aborted) return { result: 'undecided', why: 'called off' };
    }
  }

  #atEnd({ onTimeout }: Confirm, record: RolloutRecord, why: string, epoch: number): Confirmation {
    switch (onTimeout) {
      case 'pause':
        return { result: 'undecided', why };
      case 'rollback':
        return { result: 'failed', why };
      case 'promote':
        this.#tell(record, `${why}; it is taken all the same`, epoch);
        return { result: 'ok', why: '' };
      default:
        return onTimeout satisfies never;
    }
  }

  #questionOf(settings: Confirm, record: RolloutRecord, step: number, epoch: number): Parameters<typeof post>[0] {
    const { id, service, startedAt, rollout } = record;
    const nowMs = this.#options.now();
    const question = `ask_${id}_${step}_${rollout.errands}_${Date.parse(startedAt)}`;
    const news = { ...newsOf(record, 'confirm', epoch), step };
    const body = JSON.stringify({
      id: question,
      at: new Date(nowMs).toISOString(),
      what: 'confirm',
      service,
      text: `${service}: may step ${step + 1} of ${news.steps} be taken?`,
      rollout: rolloutFields(news),
      nextShare: shareAt(rollout, step),
    });
    const headers = signatureFields({ id: question, atS: Math.floor(nowMs / 1000), body }, settings.secret);
    return { url: settings.url, headers, body, timeoutMs: settings.answerWithinMs };
  }

  #tell(record: RolloutRecord, text: string, epoch: number): void {
    const { events, log } = this.#options;
    const { service } = record;
    log.info({ service, rollout: record.id }, `${service}: ${text}`);
    events.append('rollout', service, `${service}: ${text}`, newsOf(record, 'confirm', epoch));
  }

  #count(service: string, kind: keyof Figures): void {
    const known = this.#figures.get(service) ?? { yes: 0, no: 0, unanswered: 0 };
    known[kind] += 1;
    this.#figures.set(service, known);
  }
}

function readAnswer(answer: CallAnswer): { readonly kind: keyof Figures; readonly why: string } {
  if (answer.kind === 'failed') return { kind: 'unanswered', why: answer.detail };
  const { status, body } = answer;
  if (status >= 200 && status < 300) return { kind: 'yes', why: '' };
  const said = body.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu, ' ').trim();
  const quoted = said === '' ? '' : `, it said "${[...said].slice(0, QUOTED_CHARACTERS_MAX).join('')}"`;
  return { kind: 'no', why: `status ${status}${quoted}` };
}
