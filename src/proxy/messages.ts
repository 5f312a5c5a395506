/**
 * What the control plane and a data thread say to each other. Everything else that they share is in shared memory.
 *
 * A snapshot is staged, acknowledged, and then committed by one store in shared memory; the `commit` message that follows
 * only wakes a thread that has no request to notice it by, so that it lets go of what is no longer configured.
 */
import type { Snapshot } from '../routing/snapshot.ts';

/** What a data thread is started with. */
export interface ThreadStart {
  /** The thread's number, from 0: its row in every record of the board. It is the same for its replacement. */
  readonly thread: number;
  readonly processMemory: SharedArrayBuffer;
  /** Whether the listeners of all threads may share their ports. */
  readonly reusePort: boolean;
  /** How many sockets the thread may have open, of clients and to endpoints. */
  readonly socketsMax: number;
}

/** A user was given a variant of a flag by a draw. */
export interface Exposure {
  /** Since 1970. */
  readonly atMs: number;
  readonly flag: string;
  readonly variant: string;
  /** The user's key as a hash, 32 hexadecimal digits. */
  readonly key: string;
  readonly service: string;
  /** Of the flag. */
  readonly revision: string;
}

export type ToThread =
  | { readonly kind: 'stage'; readonly snapshot: Snapshot }
  | { readonly kind: 'commit'; readonly generation: number }
  | { readonly kind: 'abandon'; readonly generation: number }
  /**
   * Close the listeners and idle connections, and report `drained` once nothing is left. Everything is ended after
   * `deadlineMs`; in the last `spreadMs` of it, streams are ended one after the other.
   */
  | { readonly kind: 'stop'; readonly deadlineMs: number; readonly spreadMs: number }
  /** End everything now. */
  | { readonly kind: 'end' };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'staged'; readonly generation: number; readonly error: string | null }
  /** Finished lines of the access log, each with its newline. */
  | { readonly kind: 'access-log'; readonly lines: string }
  | { readonly kind: 'exposures'; readonly exposures: readonly Exposure[] }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'drained' };
