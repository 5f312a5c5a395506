/**
 * What the demo can show: each story is a sequence of calls of the admin API that anybody could make, on the same scene and
 * under the same load, and an account of what came of them.
 *
 * A story says how much of it was told and whether it went as it should; what the clients lost is counted beside it, by
 * the load, and no story has a say in that.
 */
import type { Admin } from '../admin-client.ts';
import type { Load } from './load.ts';
import type { Setting } from './scene.ts';
import type { Stage } from './stage.ts';

/** What a story needs. `holdMs` is how long it stays at each place, in milliseconds. */
export interface Cast {
  readonly admin: Admin;
  readonly load: Load;
  readonly stage: Stage;
  readonly holdMs: number;
  readonly signal: AbortSignal;
}

/** What came of a story. */
export interface Telling {
  /** False when the signal ended it before its end. */
  readonly isWhole: boolean;
  /** Whether everything that happened is what should have. */
  readonly isGood: boolean;
  /** The end of the last line, from a semicolon on; empty when nothing happened. */
  readonly summary: string;
  /** What `--json` says of it, beside the account of the clients. */
  readonly account: Readonly<Record<string, unknown>>;
}

/** Something to try while the demo goes on: the words of a command, and what happens then. */
export interface Trial {
  readonly words: string;
  readonly note?: string;
}

/** One story. */
export interface Story {
  /** How long it takes when nothing else is said, in seconds. */
  readonly seconds: number;
  /** How many times it holds, which share its seconds. */
  readonly holds: number;
  /** How the scene is set for it when each hold lasts `holdMs`. */
  readonly setting: (holdMs: number) => Setting;
  /** What to try after it. */
  readonly trials: readonly Trial[];
  /** Rejects when a call is refused. */
  readonly tell: (cast: Cast) => Promise<Telling>;
}
