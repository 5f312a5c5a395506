/**
 * Whether there is a freeze, and why: by a window of the config, or because somebody has declared one.
 *
 * A freeze keeps rollouts from being begun, and pauses those that run unless their plan says otherwise. It keeps nobody from
 * going back, and nobody from moving traffic by hand: whoever does that at such a time has a reason.
 *
 * A declared freeze is a promise to people who rely on it, so it is kept over restarts; when the state file does not take it, it
 * stands all the same, and is written as soon as that is possible. It ends at its time or when somebody ends it, and both are
 * told. Windows open and close by the calendar, and whoever asks is told what is so at that moment.
 */
import type { Logger } from 'pino';
import { windowText } from '../config/freeze-schema.ts';
import { type FreezeWindow, frozenAt } from '../rollout/starting.ts';
import type { EventLog } from './event-log.ts';
import type { Declared, FreezeStore } from './freeze-store.ts';
import type { FreezeOperations, FreezeOrder, FreezeView, Instruction, Refusal } from './operations.ts';

export interface FreezesOptions {
  readonly store: FreezeStore;
  readonly events: EventLog;
  readonly log: Logger;
  /** The windows of the config in force. */
  readonly windows: () => readonly FreezeWindow[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Freezes implements FreezeOperations {
  readonly #options: FreezesOptions;
  #declared: Declared | null = null;
  #isKept = true;
  /** What was found in the second that is named, since zones are slow to ask. */
  #found: { readonly second: number; readonly windows: readonly FreezeWindow[]; readonly why: string | null } | null =
    null;

  constructor(options: FreezesOptions) {
    this.#options = options;
    const kept = options.store.load();
    if (kept.ok) this.#declared = kept.value;
    else options.log.error({ error: kept.error }, 'the state file does not say whether there is a freeze');
  }

  /** Why nothing is begun now, in words, or null. */
  frozen(): string | null {
    const declared = this.#standing();
    if (declared !== null) return describe(declared);
    const { windows, now } = this.#options;
    const nowMs = now();
    const second = Math.floor(nowMs / 1000);
    const configured = windows();
    if (this.#found?.second !== second || this.#found.windows !== configured) {
      const open = configured.find((window) => frozenAt([window], nowMs) !== null);
      const why = open === undefined ? null : `${open.reason} (${windowText(open)})`;
      this.#found = { second, windows: configured, why };
    }
    return this.#found.why;
  }

  view(): FreezeView {
    const { windows, now } = this.#options;
    const nowMs = now();
    const declared = this.#standing();
    return {
      frozen: this.frozen(),
      declared: declared === null ? null : { ...declared, stored: this.#isKept },
      windows: windows().map((window) => ({
        window: windowText(window),
        reason: window.reason,
        isOpen: frozenAt([window], nowMs) !== null,
      })),
    };
  }

  /** Declares a freeze, in place of one that somebody has declared before. */
  declare({ reason, untilMs }: FreezeOrder, { by }: Instruction): FreezeView | Refusal {
    const { now } = this.#options;
    const nowMs = now();
    if (reason === '')
      return { refused: true, code: 'bad-freeze', message: 'a freeze needs a reason for people to read' };
    if (untilMs !== null && untilMs <= nowMs) {
      return { refused: true, code: 'bad-freeze', message: 'a freeze ends after it has begun' };
    }
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    this.#set({ reason, by, at: new Date(nowMs).toISOString(), until });
    this.#tell(`no rollout is begun: ${describe(this.#declared!)}`, { by, reason, until, frozen: true });
    return this.view();
  }

  /** Ends a declared freeze; windows of the config stay. */
  end({ by, reason }: Instruction): FreezeView | Refusal {
    const declared = this.#standing();
    if (declared === null) {
      const open = this.frozen();
      const message =
        open === null ? 'there is no freeze' : `the only freeze is a window of the config, and is ended there: ${open}`;
      return { refused: true, code: 'not-frozen', message };
    }
    this.#set(null);
    const why = reason === '' ? '' : ` (${reason})`;
    this.#tell(`the freeze was ended by ${by}${why}: ${declared.reason}`, { by, reason, frozen: false });
    return this.view();
  }

  /** Ends what is over by the calendar, and keeps what could not be kept. To be called every second or so. */
  tick(): void {
    if (this.#declared !== null && this.#standing() === null) {
      const { reason, until } = this.#declared;
      this.#set(null);
      this.#tell(`the freeze is over: ${reason}`, { by: 'time', reason, until, frozen: false });
    }
    if (!this.#isKept) this.#keep();
  }

  #standing(): Declared | null {
    const declared = this.#declared;
    const isOver = declared?.until != null && this.#options.now() >= Date.parse(declared.until);
    return isOver ? null : declared;
  }

  #set(declared: Declared | null): void {
    this.#declared = declared;
    this.#isKept = true;
    this.#keep();
  }

  #keep(): void {
    const kept = this.#options.store.save(this.#declared);
    if (!kept.ok && this.#isKept) {
      this.#options.log.error(
        { error: kept.error },
        'the state file did not take the freeze: a restart now would forget it',
      );
    }
    this.#isKept = kept.ok;
  }

  #tell(text: string, data: object): void {
    this.#options.log.info(data, text);
    this.#options.events.append('freeze', null, text, data);
  }
}

function describe({ reason, by, until }: Declared): string {
  return `${reason} (declared by ${by}${until === null ? '' : `, until ${until}`})`;
}
