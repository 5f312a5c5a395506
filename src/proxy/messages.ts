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

export type ToThread =
  | { readonly kind: 'stage'; readonly snapshot: Snapshot }
  | { readonly kind: 'commit'; readonly generation: number }
  | { readonly kind: 'abandon'; readonly generation: number }
  /** End what the pool still has in flight from positions before `beforeEpoch`. */
  | { readonly kind: 'cut'; readonly service: string; readonly pool: string; readonly beforeEpoch: number }
  /** Close the listeners and idle connections, and report `drained` once nothing is left. */
  | { readonly kind: 'stop' }
  /** End everything now. */
  | { readonly kind: 'end' };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'staged'; readonly generation: number; readonly error: string | null }
  /** Finished lines of the access log, each with its newline. */
  | { readonly kind: 'access-log'; readonly lines: string }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'drained' };
