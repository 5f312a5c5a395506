/**
 * The guards of all flags: looks at each, and kills a flag whose treatment is worse.
 *
 *     tick, or a bad event of a treatment ─▶ every guard looks ─▶ worse ─▶ kill ─▶ receipt with the decision, event, webhooks
 *
 * Evidence lives in the process: its books of who has spoken are shared memory, and evidence that went on without them would
 * hear the same keys again and take them for others. So a start begins anew, and what is kept is the decision.
 *
 * A release and a flag at once: a flag whose own evidence finds it worse is killed whatever else runs, and the decision says who is
 * to blame. A release that is found worse by its errors is asked about (`excuse`): when these lie with the treated of one flag,
 * more than chance explains, the flag is killed first, because that is the smaller move and the sooner over, and the release
 * begins its evidence anew. If it was the version after all, it is found again, by users that no flag has touched.
 */
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Suspect } from '../judge/blame.ts';
import { isByEvidence } from '../judge/verdict.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { EarlyLooks, Looker } from './early-looks.ts';
import type { EventLog } from './event-log.ts';
import { FlagBlame, type RunningRelease } from './flag-blame.ts';
import { FlagGuardRun, type GuardClock } from './flag-guard-run.ts';
import type { BlamedRelease, GuardDecision, GuardView, SeenFlag } from './flag-guard-view.ts';
import type { GuardWord } from './flag-judgement.ts';
import { guardedFlags } from './guarded-flags.ts';
import { isRefusal } from './operations.ts';
import type { FlagGuardFigures } from './published.ts';
import { FLOOR } from './rollout-settings.ts';

export interface FlagGuardsOptions {
  readonly snapshot: () => Snapshot | null;
  readonly config: () => Pick<Config, 'services'>;
  readonly looks: EarlyLooks;
  readonly kill: (flag: string, decision: GuardDecision) => Promise<object | null>;
  /** The rollout of a service that runs, or null. */
  readonly releaseOf: (service: string) => RunningRelease | null;
  /** A release has to begin its evidence anew: a part of it was a flag's doing. */
  readonly startOver: (service: string, why: string) => void;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

export class FlagGuards {
  readonly #options: FlagGuardsOptions;
  readonly #runs = new Map<string, FlagGuardRun>();
  readonly #blame: FlagBlame;
  readonly #looker: Looker;
  /** Flags that are being killed. */
  readonly #killing = new Set<string>();

  constructor(options: FlagGuardsOptions) {
    this.#options = options;
    this.#blame = new FlagBlame(options.releaseOf);
    this.#looker = options.looks.join(() => this.lookEarly());
  }

  /** Takes over the snapshot that has come into force. */
  follow(): void {
    const { snapshot, config } = this.#options;
    const inForce = snapshot();
    if (inForce === null) return;
    const guarded = guardedFlags(inForce, config());
    for (const [name, run] of this.#runs) {
      const flag = guarded.get(name);
      // With another revision or another dial it is another flag.
      if (flag?.spec.revision === run.spec.revision && flag.spec.dial === run.spec.dial) run.follow(flag);
      else {
        run.close();
        this.#runs.delete(name);
      }
    }
    for (const [name, flag] of guarded) {
      if (!this.#runs.has(name)) this.#runs.set(name, new FlagGuardRun(flag, this.#time()));
    }
    if (this.#runs.size > 0) this.#looker.start();
    else this.#looker.stop();
  }

  /** To be called often. */
  tick(): void {
    const time = this.#time();
    for (const [name, run] of this.#runs) {
      const isJudged = run.tick(time);
      this.#blame.watch({ name, strata: run.strata });
      if (isJudged && run.verdict.kind === 'worse') this.#decide(name, run);
    }
  }

  /** Looks where a treatment has had a bad event since. Only evidence acts here: a ceiling waits for the tick. */
  lookEarly(): void {
    const time = this.#time();
    for (const [name, run] of this.#runs) {
      if (run.lookEarly(time) && isByEvidence(run.verdict)) this.#decide(name, run);
    }
  }

  /** What the rollout of a flag goes by; null for a flag that has no guard, or that no route names. */
  word(name: string): GuardWord | null {
    const run = this.#runs.get(name);
    if (run === undefined) return null;
    const { rests, verdict, spec, settings } = run;
    return { rests, dryRun: spec.guard.dryRun, verdict, settings, requestsAt: (slot) => run.requestsAt(slot) };
  }

  /** What the guard of a flag says; null for a flag that has none, or that no route names. */
  view(name: string): GuardView | null {
    const run = this.#runs.get(name);
    if (run === undefined) return null;
    const { rests, part, verdict, spec, sinceMs, unheard } = run;
    return {
      rests,
      since: new Date(sinceMs).toISOString(),
      control: spec.guard.control,
      part,
      dryRun: spec.guard.dryRun,
      verdict,
      unheard,
      table: run.table(),
      releases: this.#releases(name, run, 'flag'),
    };
  }

  /** The guarded flags that users of a service have, with both arms in the versions of its rollout. */
  seenBy(service: string): SeenFlag[] {
    return [...this.#runs].flatMap(([flag, run]) =>
      this.#releases(flag, run, 'version')
        .filter((release) => release.service === service)
        .map((release) => ({ flag, release, table: run.table().filter((row) => row.service === service) })),
    );
  }

  figures(): readonly FlagGuardFigures[] {
    return [...this.#runs].map(([flag, { verdict, unheard }]) => ({
      flag,
      unheard,
      verdict: verdict.kind,
      evidence: verdict.signals.flatMap((signal) =>
        signal.kind === 'compared'
          ? [{ signal: signal.name, value: signal.numbers.evidence, needed: signal.numbers.evidenceNeeded }]
          : [],
      ),
    }));
  }

  /**
   * A release has been found worse by its errors. Why it is not turned back for that, or null: the errors lie with the treated of a
   * flag, more than chance explains, and the flag is being killed now.
   */
  excuse(service: string): string | null {
    for (const [name, run] of this.#runs) {
      if (run.rests !== null || run.spec.guard.dryRun || this.#killing.has(name)) continue;
      // The release may have its turn first, with failures that this guard has not looked at yet.
      run.sample();
      const released = this.#releases(name, run, 'version').find((one) => one.service === service);
      if (released === undefined || (released.blame !== 'flag' && released.blame !== 'undecidable')) continue;
      const { candidate, version, text } = released;
      const row = run
        .table()
        .find((one) => one.service === service && one.pool === candidate && one.version === version);
      // One key that fails again and again is no evidence against what a thousand have.
      if (row === undefined || row.treatment.bad < FLOOR) continue;
      const why = `${text}; the flag is killed first and the release is judged anew`;
      this.#kill(name, this.#decisionOf(name, run, `${service}: ${why}`, 'version'));
      return why;
    }
    return null;
  }

  close(): void {
    this.#looker.stop();
    for (const run of this.#runs.values()) run.close();
  }

  /** The treatment is worse by the flag's own evidence. */
  #decide(name: string, run: FlagGuardRun): void {
    if (this.#killing.has(name)) return;
    const releases = this.#releases(name, run, 'flag');
    const sentence = [run.verdict.sentence, ...releases.map(({ text }) => text)].join('; ');
    if (run.spec.guard.dryRun) {
      if (run.isTold) return;
      run.isTold = true;
      const text = `flag ${name}: its guard would kill it, and is a dry run: ${sentence}`;
      this.#options.log.warn({ flag: name }, text);
      this.#options.events.append('flag', null, text, { flag: name, dryRun: true, verdict: run.verdict });
      return;
    }
    this.#kill(name, this.#decisionOf(name, run, sentence, 'flag'));
    for (const { service, blame, text } of releases) {
      if (blame === 'undecidable')
        this.#options.startOver(service, `${text}; the flag was killed and the release is judged anew`);
    }
  }

  #decisionOf(name: string, run: FlagGuardRun, sentence: string, suspect: Suspect): GuardDecision {
    const { verdict, settings, state, sinceMs, spec } = run;
    return {
      sentence,
      suspect,
      since: new Date(sinceMs).toISOString(),
      control: spec.guard.control,
      verdict,
      settings,
      evidence: state,
      table: run.table(),
      releases: this.#releases(name, run, suspect),
    };
  }

  /** The kill itself is one store and has happened when this returns; what is still to come is its account. */
  #kill(name: string, decision: GuardDecision): void {
    const { kill, log } = this.#options;
    this.#killing.add(name);
    this.#runs.get(name)?.conclude();
    kill(name, decision)
      .then((answer) => {
        if (answer !== null && isRefusal(answer))
          log.error({ flag: name, why: answer.message }, 'a guard could not kill its flag');
      })
      .catch((error: unknown) => log.error({ err: error, flag: name }, 'a guard could not kill its flag'))
      .finally(() => this.#killing.delete(name));
  }

  #releases(name: string, run: FlagGuardRun, suspect: Suspect): BlamedRelease[] {
    const { strata, spec } = run;
    return this.#blame.releases({ name, strata, table: run.table(), doubt: spec.guard.falseAlarm }, suspect);
  }

  #time(): GuardClock {
    return { ms: this.#options.clock(), atMs: this.#options.now() };
  }
}
