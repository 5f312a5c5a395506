/**
 * What one data thread refuses because there is too much of it: the rule of `routing/lag-rule.ts`, the limits on exchanges in
 * flight, and the counters of both.
 *
 * A request is refused with a 503 and `Retry-After`, before it is routed where the thread itself is behind, and before it is
 * given an endpoint where a limit on exchanges in flight is reached. What has begun is never ended for it.
 */
import { LagRule } from '../routing/lag-rule.ts';
import type { OverloadSpec } from '../routing/snapshot.ts';
import { OverloadWriter, type ShedReason } from '../stats/overload-cells.ts';

/** The line of a refusal for overload. A second, in which a thread works through more than its queue may hold. */
export const RETRY_AFTER = 'Retry-After: 1\r\n';

export class Overload {
  readonly #rule: LagRule;
  readonly #thread: number;
  #cells: OverloadWriter;

  constructor(spec: OverloadSpec, thread: number, tickMs: number) {
    this.#rule = new LagRule(tickMs);
    this.#thread = thread;
    this.#cells = new OverloadWriter(spec.board, thread);
  }

  /** Takes over the settings of a generation that has been committed. */
  configure(spec: OverloadSpec): void {
    this.#rule.configure(spec.lagMs);
    this.#cells = new OverloadWriter(spec.board, this.#thread);
  }

  /** Called at each tick; gives whether new connections are taken from now on. */
  tick(nowMs: number): boolean {
    this.#rule.tick(nowMs);
    this.#cells.setShedding(this.#rule.standing);
    return !this.#rule.closed;
  }

  /** Whether a request that has come now is refused, because the thread is behind. */
  refuses(nowMs: number): boolean {
    const refused = this.#rule.refuses(nowMs);
    if (refused) this.#cells.shed('lag');
    return refused;
  }

  /** A connection has come, and was taken or not. */
  connected(taken: boolean): void {
    this.#rule.connected();
    if (!taken) this.#cells.shed('connection');
  }

  /** A request was refused because so many are in flight. */
  count(reason: ShedReason): void {
    this.#cells.shed(reason);
  }
}
