/**
 * One rollout while it runs: carries out what the state machine asks for, and tells it what came of it.
 *
 *     tick ─▶ board ─▶ judge ─▶ machine ─▶ record kept ─▶ effects ─▶ (verification, gate, webhooks) ─▶ answer ─▶ machine
 *
 * The record is kept before its effects are carried out, so a crash between the two repeats an errand and never loses one;
 * but for the way back on a verdict, which does not wait for the disk (`held-writes.ts`).
 * Moves of the gate wait for their turn among all changes; the machine and the judge do not wait for anything.
 *
 * Looks are kept, and a replay of the kept ones must be the whole truth, so a look that is not kept leaves no trace. One is
 * kept when an error or a reading of a signal has come, and else once a second. Latency changes with each request: the judge
 * looks at it at every tick all the same, and keeps that look too when it blames the candidate.
 */
import { judge, openJudgement } from '../judge/judgement.ts';
import type { Look, SignalLook } from '../judge/look.ts';
import { isByEvidence } from '../judge/verdict.ts';
import type { Command } from '../rollout/commands.ts';
import { stepOf } from '../rollout/course.ts';
import { advance, type Event } from '../rollout/machine.ts';
import { weightsAt } from '../rollout/plan.ts';
import { type Errand, hasEnded } from '../rollout/rollout.ts';
import type { Effect, RefusalCode } from '../rollout/transition.ts';
import type { Terms } from '../routing/terms.ts';
import { HeldWrites } from './held-writes.ts';
import type { Receipt, Weights } from './operations.ts';
import { pause } from './pause.ts';
import { askedMs, type DecisionEntry, type NextStart, type RolloutRecord } from './rollout-record.ts';
import { judgementOf, requestsInStep } from './run-judgement.ts';
import { done, type ErrandAnswer, NOT_MOVED, type RunWorld } from './run-world.ts';

/** How often the judge looks while no error comes, and the record's clock is kept. */
const LOOK_MS = 1_000;
/** A ramp back moves this often. */
const RAMP_MS = 1_000;

export type CommandAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

export class RolloutRun<R extends object = Receipt> {
  readonly #world: RunWorld<R>;
  record: RolloutRecord;
  /** How often the judge has begun, in this process. */
  beginnings = 1;
  #errand: { readonly id: number; readonly stop: AbortController } | null = null;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #keptAtMs = Number.NEGATIVE_INFINITY;
  #errorsSeen = 0;
  #wasHoldOver = false;
  #closed = false;
  /** Aborted when somebody wants the traffic back at once, whatever the plan says about cold pools. */
  readonly #hurry = new AbortController();
  /** Who waits for the way back, and for its receipt. */
  #waiting: ((receipt: R | null) => void)[] = [];
  #wayBack: R | null = null;
  /** The way back does not wait for the disk: what it has to say is written when the gate has moved. */
  readonly #writes = new HeldWrites();

  constructor(record: RolloutRecord, world: RunWorld<R>) {
    this.record = record;
    this.#world = world;
  }

  /** Keeps the record, new or read back, and does what it asks for. */
  begin(effects: readonly Effect[]): void {
    this.#world.keep(this.record);
    this.#world.sources.start();
    this.#world.evidence.watch(true);
    this.#carryOut(effects);
  }

  /** What is under way when the process has started again. */
  resume(): void {
    this.#world.sources.start();
    this.#world.evidence.watch(true);
    this.#take({ kind: 'restarted' });
  }

  command(command: Command, by: string): CommandAnswer {
    return this.#take({ kind: 'command', command, by });
  }

  /** `share` is what the candidate has then. */
  superseded(why: string, share: number): void {
    this.#take({ kind: 'superseded', why, share });
  }

  lost(why: string): void {
    this.#take({ kind: 'lost', why });
  }

  /** Goes back with a member of its bond; false when it does already, or has ended. */
  takeAlong(by: string, why: string): boolean {
    const { rollout } = this.record;
    if (this.#closed || hasEnded(rollout) || rollout.phase === 'rolling-back') return false;
    this.#writes.hold();
    this.#take({ kind: 'taken-along', by, why });
    return true;
  }

  /** A member has left its bond: waits for a person to say what becomes of the rest. */
  part(member: string, why: string): void {
    const { bond, rollout, service } = this.record;
    const isMember = bond?.members.some((one) => one.service === member) === true;
    if (bond === null || !isMember || member === service || hasEnded(rollout)) return;
    const members = bond.members.filter((one) => one.service !== member);
    this.record = { ...this.record, bond: { ...bond, members } };
    this.#keep();
    this.#take({ kind: 'parted', why });
  }

  /** Whatever way back there is or will be is one move. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Says what is to be started when this one has ended, null for nothing. */
  follow(next: NextStart | null): void {
    if (next === this.record.next) return;
    this.record = { ...this.record, next };
    this.#keep();
  }

  /** Goes back in one move; resolves with the receipt of the way back, null when there was nothing to go back from. */
  takeBack(by: string): Promise<R | null> {
    const receipt = new Promise<R | null>((resolve) => this.#waiting.push(resolve));
    this.hurry();
    if (this.record.rollout.phase !== 'rolling-back') this.command('abort', by);
    if (hasEnded(this.record.rollout)) this.#release(null);
    return receipt;
  }

  /** Nothing more is done; what was kept is gone on with after the next start. */
  close(): void {
    this.#closed = true;
    this.#writes.release();
    this.#unplug();
    this.#errand?.stop.abort();
    this.#release(null);
  }

  /** Lets `ms` pass. */
  tick(ms: number): void {
    const { record } = this;
    if (this.#closed || hasEnded(record.rollout)) return;
    this.record = { ...record, ranMs: record.ranMs + ms };
    this.#wait(ms);
    this.#sample();
    // On the way back it is the move that lets go of what is held.
    const isBack = record.rollout.phase === 'rolling-back';
    if (!isBack) this.#writes.hold();
    this.#judge();
    // A restart goes on with the clocks of a second ago, also where nobody looks.
    if (this.record.ranMs - this.#keptAtMs >= LOOK_MS) this.#keep();
    this.#passTime(ms, isBack);
  }

  /**
   * Looks between two ticks, if the candidate has had a bad event since the last look. No time passes, and a look that does
   * not blame the candidate by evidence leaves no trace: it is the next tick's. So there may be any number of them.
   */
  lookEarly(): void {
    const { rollout } = this.record;
    if (this.#world.judgement !== null || !this.#world.evidence.takeNews()) return;
    if (this.#closed || hasEnded(rollout) || !rollout.hasMoved || rollout.phase === 'rolling-back') return;
    this.#sample();
    this.#writes.hold();
    if (this.#look(this.#isHoldOver, 'by-evidence')) this.#passTime(0, false);
    else this.#writes.release();
  }

  /** Tells the machine what the judge says now, and that so much time has passed. */
  #passTime(ms: number, isBack: boolean): void {
    const own = () => ({ judgement: judgementOf(this.record), requests: requestsInStep(this.record) });
    const { judgement, requests } = this.#world.judgement?.(this.#isHoldOver) ?? own();
    this.#take({ kind: 'tick', ms, judgement, requests, frozen: this.#world.frozen() });
    if (!isBack && this.record.rollout.phase !== 'rolling-back') this.#writes.release();
  }

  #sample(): void {
    // A position that somebody else has taken has the last sample as its baseline, as one of our own has.
    this.#stand();
    this.#world.evidence.sample();
  }

  /** Nothing is asked and nothing is watched any more. */
  #unplug(): void {
    this.#world.sources.stop();
    this.#world.evidence.watch(false);
  }

  /** Counts how long a confirmation has been waited for. */
  #wait(ms: number): void {
    const { rollout, asked } = this.record;
    if (rollout.errand?.kind !== 'confirm') {
      if (asked !== null) this.record = { ...this.record, asked: null };
      return;
    }
    const before = askedMs(this.record, rollout.errand);
    this.record = { ...this.record, asked: { errand: rollout.errand.id, ms: before + ms } };
  }

  #keep(): void {
    const { record } = this;
    this.#keptAtMs = record.ranMs;
    this.#writes.write(() => this.#world.keep(record));
  }

  #note(entry: DecisionEntry): void {
    const { record } = this;
    this.#writes.write(() => this.#world.note(record, entry));
  }

  /** Tells the evidence where the gate stands; it knows if it has been told before. */
  #stand(): void {
    const { ranMs } = this.record;
    this.#world.evidence.stand(this.#world.standing(), ranMs, ranMs + this.#world.warmUpMs);
  }

  get #isHoldOver(): boolean {
    const { rollout } = this.record;
    const { plan } = rollout;
    return rollout.elapsedMs >= (rollout.phase === 'baking' ? plan.bakeMs : stepOf(rollout).holdMs);
  }

  #judge(): void {
    if (this.#world.judgement !== null) return;
    const { rollout, ranMs } = this.record;
    const { evidence, sources } = this.#world;
    const counted = [evidence.errors(), ...evidence.signals.map((name) => evidence.signal(name))].flat();
    const bad = counted.reduce((sum, { active, candidate }) => sum + active.events[0]! + candidate.events[0]!, 0);
    const isHoldOver = this.#isHoldOver;
    const isNews = bad !== this.#errorsSeen || isHoldOver !== this.#wasHoldOver || sources.hasNews;
    const isDue = isNews || ranMs - this.#lookedAtMs >= LOOK_MS;
    if (rollout.hasMoved && this.#look(isHoldOver, isDue ? 'always' : 'worse')) {
      this.#errorsSeen = bad;
      this.#wasHoldOver = isHoldOver;
      this.#lookedAtMs = ranMs;
    }
  }

  /** Looks, and says whether the look is kept: always, or only if it blames the candidate, for whatever reason or by evidence. */
  #look(isHoldOver: boolean, keeps: 'always' | 'worse' | 'by-evidence'): boolean {
    const { record } = this;
    const { evidence } = this.#world;
    const signals: SignalLook[] = [
      { kind: 'counts', name: 'errors', epochs: this.#changed('errors', evidence.errors()) },
    ];
    if (record.scale !== null) {
      signals.push({ kind: 'counts', name: 'latency', epochs: this.#changed('latency', evidence.latency()) });
    }
    for (const name of evidence.signals) {
      if (this.#world.isCounted(name)) {
        signals.push({ kind: 'counts', name, epochs: this.#changed(name, evidence.signal(name)) });
      } else signals.push({ kind: 'silence', name, reason: 'the signal has left the file' });
    }
    // What is taken is gone, so it is left to a look that is kept whatever it says.
    if (keeps === 'always') signals.push(...this.#world.sources.take(record.ranMs));
    const look: Look = { atMs: record.ranMs, sinceEpoch: record.stepEpoch, isHoldOver, signals };
    const judged = judge(record.judge, look, record.settings);
    const isWorse = judged.verdict.kind === 'worse';
    const isKept = keeps === 'always' || (isWorse && (keeps === 'worse' || isByEvidence(judged.verdict)));
    if (!isKept) return false;
    this.record = { ...record, judge: judged.state, verdict: judged.verdict };
    this.#keep();
    this.#note({ kind: 'look', look, verdict: judged.verdict.kind });
    const excuse = isWorse && judged.verdict.decidedBy === 'errors' ? this.#world.excuse() : null;
    if (excuse !== null) this.startOver(excuse);
    return true;
  }

  /** The judge begins anew: a part of what was counted until now is not the version's doing. */
  startOver(why: string): void {
    if (this.#closed || hasEnded(this.record.rollout)) return;
    this.beginnings += 1;
    this.#world.evidence.forget();
    this.#world.forgetUnits();
    this.record = { ...this.record, judge: openJudgement(this.record.settings), verdict: null };
    this.#note({ kind: 'anew', why });
    this.#keep();
  }

  /** The positions whose counts are not what the judge knows of them. */
  #changed<T extends { readonly epoch: number }>(signal: string, epochs: readonly T[]): T[] {
    const known = this.record.judge.signals.find(({ name }) => name === signal)?.evidence.epochs ?? [];
    return epochs.filter((counts) => {
      const before = known.find(({ epoch }) => epoch === counts.epoch);
      return before === undefined || JSON.stringify(before) !== JSON.stringify(counts);
    });
  }

  #take(event: Event): CommandAnswer {
    if (this.#closed) return { ok: true };
    const before = this.record.rollout;
    const next = advance(before, event);
    if (!next.ok) return next;
    if (next.rollout === before && next.effects.length === 0) return { ok: true };
    this.record = { ...this.record, rollout: next.rollout };
    const hasArrived = next.rollout.share !== before.share || next.rollout.step !== before.step;
    if (hasArrived) {
      this.record = { ...this.record, stepEpoch: this.#world.standing().epoch };
      this.#wasHoldOver = false;
    }
    const hasEndedNow = hasEnded(next.rollout);
    if (hasEndedNow) this.record = { ...this.record, endedAt: this.#world.at() };
    if (this.#errand !== null && this.#errand.id !== next.rollout.errand?.id) this.#errand.stop.abort();
    const isWorthKeeping = next.effects.length > 0 || next.rollout.phase !== before.phase || hasArrived;
    if (isWorthKeeping) this.#keep();
    this.#carryOut(next.effects);
    this.#world.turned(this.record);
    if (hasEndedNow) this.#end();
    return { ok: true };
  }

  #end(): void {
    this.#writes.release();
    this.#unplug();
    this.#errand?.stop.abort();
    this.#errand = null;
    this.#release(this.#wayBack);
    this.#world.ended(this.record);
  }

  #release(receipt: R | null): void {
    for (const resolve of this.#waiting.splice(0)) resolve(receipt);
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'tell') {
        const { record } = this;
        this.#note({ kind: 'told', what: effect.what, text: effect.text });
        this.#writes.write(() => this.#world.tell(record, effect.what, effect.text));
      } else {
        this.#run(effect.errand);
      }
    }
  }

  #run(errand: Errand): void {
    this.#errand?.stop.abort();
    const stop = new AbortController();
    this.#errand = { id: errand.id, stop };
    const answer = (came: ErrandAnswer): void => {
      this.#take({ kind: 'answer', errand: errand.id, ...came });
    };
    this.#perform(errand, stop.signal).then(answer, (error: unknown) => {
      this.#world.log.error({ err: error }, 'an errand of a rollout has failed in an unforeseen way');
      answer({ result: 'failed', why: 'Tidegate could not do it; its log says why' });
    });
  }

  async #perform(errand: Errand, stop: AbortSignal): Promise<ErrandAnswer> {
    const { rollout } = this.record;
    switch (errand.kind) {
      case 'verify': {
        const verification = await this.#world.verify(stop);
        if (stop.aborted) return { result: 'failed', why: 'called off' };
        this.record = { ...this.record, verification };
        this.#note({ kind: 'verification', verification });
        return { result: verification.ok ? 'ok' : 'failed', why: verification.text };
      }
      case 'confirm':
        return this.#world.confirm(errand.step, askedMs(this.record, errand), stop);
      case 'join':
        await this.#world.join(errand.mark, stop);
        return done();
      case 'move':
        return this.#takeStep(errand);
      case 'finish':
        return (await this.#move(errand, weightsAt(rollout.before, rollout, 1), 'rollout')) === null
          ? NOT_MOVED
          : done();
      case 'move-back': {
        const back = () => this.#world.flags.back(this.record, this.#wanted(errand));
        if (!this.#world.isThere(rollout.before)) return done('there is nothing to go back to', await back());
        await this.#ramp(errand, AbortSignal.any([stop, this.#hurry.signal]));
        const receipt = await this.#move(errand, rollout.before, 'rollback', null, this.record.previous);
        this.#wayBack = receipt;
        return receipt === null ? NOT_MOVED : done(await back());
      }
      default:
        return errand satisfies never;
    }
  }

  /** Moves the gate to a step, and then sets the flags that it says. */
  async #takeStep(errand: Errand & { readonly kind: 'move' }): Promise<ErrandAnswer> {
    const { rollout } = this.record;
    const { flags } = this.#world;
    const flagsBefore = flags.before(this.record, errand.step);
    if (Object.keys(flagsBefore).length > 0) {
      this.record = { ...this.record, flagsBefore };
      this.#keep();
    }
    const weights = weightsAt(rollout.before, rollout, errand.share);
    const receipt = await this.#move(errand, weights, 'rollout', this.#terms(errand.step));
    return receipt === null ? NOT_MOVED : done(await flags.set(this.record, errand.step, this.#wanted(errand)));
  }

  #wanted({ id }: Errand): () => boolean {
    return () => this.record.rollout.errand?.id === id && !this.#closed;
  }

  /** What the position of a step says of the candidate beside its weight. */
  #terms(step: number): Terms | null {
    const { candidate, plan } = this.record.rollout;
    const { group, endpoints } = plan.steps[step]!;
    return group === null && endpoints === null ? null : { pool: candidate, group, endpoints };
  }

  async #move(
    errand: Errand,
    weights: Weights,
    reason: 'rollout' | 'rollback',
    terms: Terms | null = null,
    // However many steps it took: a rollback is one move to where all of it began.
    previous: Weights | null = this.record.rollout.before,
  ): Promise<R | null> {
    const isWanted = this.#wanted(errand);
    const note = this.record.rollout.reason;
    const receipt = await this.#world.move({ weights, terms, reason, note, previous }, () => {
      // The counts of the slot that the position is about to take are its baseline.
      this.#world.evidence.sample();
      // It moves now; a microtask later it has, and the account of the move is still to come.
      queueMicrotask(() => this.#writes.release());
      return isWanted();
    });
    this.#writes.release();
    if (receipt !== null) this.#stand();
    return receipt;
  }

  /** Takes the traffic back a little each second, for an active pool that has cooled down; until `hurry` is aborted. */
  async #ramp(errand: Errand, hurry: AbortSignal): Promise<void> {
    const { rollout } = this.record;
    const moves = Math.floor(rollout.plan.rollbackOverMs / RAMP_MS);
    // Where the gate stands and not where the step was: a ramp that a restart has interrupted must not go up again.
    const { share } = this.#world.standing();
    // Who came by a group goes back at once; endpoints that were not used are not used now either.
    const terms = { pool: rollout.candidate, group: null, endpoints: stepOf(rollout).endpoints };
    for (let count = 1; count < moves && !hurry.aborted; count += 1) {
      const weights = weightsAt(rollout.before, rollout, share * (1 - count / moves));
      if ((await this.#move(errand, weights, 'rollback', terms)) === null) return;
      await pause(RAMP_MS, hurry);
    }
  }
}
