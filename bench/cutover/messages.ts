/**
 * What the processes of the cutover scenario tell each other: the scenario says `stop`, and a client or a witness
 * answers with its account, once.
 *
 * Nothing is sent while the load runs, so that the accounting costs the measurement nothing but an array store for
 * each request.
 */

/** The most requests that one load of the scenario makes; arrays are sized for it, and the client stops there. */
export const requestsMax = 3_000_000;

/** A request that the client did not get a full 200 answer to. Time on the monotonic clock, in microseconds. */
export interface Loss {
  readonly request: number;
  readonly atUs: number;
  readonly reason: string;
}

/** The client's account: when the first byte of each request was sent (index is the request's number). */
export interface ClientAccount {
  readonly startedUs: Float64Array;
  readonly answered: number;
  readonly losses: readonly Loss[];
}

/** The account of one side: the numbers of the requests that reached it, and when, in the order of arrival. */
export interface WitnessAccount {
  readonly requests: Uint32Array;
  readonly arrivedUs: Float64Array;
}

/** Hands a process's account to the scenario that started it, and closes the channel so that the process can end. */
export function hand(account: ClientAccount | WitnessAccount): void {
  process.send?.(account, () => process.disconnect?.());
}
