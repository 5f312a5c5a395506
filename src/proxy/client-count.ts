/**
 * How many connections each client has on one listener and data thread. A client without a connection is not in the
 * table, so its size is bounded by the connections that the listener may have.
 */
import { clientKey } from '../routing/client-key.ts';

export class ClientCount {
  readonly #counts = new Map<string, number>();

  /** Counts one more connection of the address; false, and nothing counted, when it has `most` already. */
  add(address: string, most: number): boolean {
    const key = clientKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= most) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  /** One connection of the address is gone. */
  remove(address: string): void {
    const key = clientKey(address);
    const count = this.#counts.get(key)! - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
