/**
 * Joins the accounts of the client and of both upstreams into what each switch did. Pure, so that the arithmetic that
 * says "0 lost" is itself tested.
 *
 * A request is late when its first byte left after the command had returned and it still reached the side that the
 * switch had emptied. Only arrivals from before the next command began are looked at, because from then on that side is
 * allowed again, also for a request that had started earlier. A loss belongs to the switch in whose window it was noticed; the window of losses begins with the
 * command, because the command itself may cut.
 */
import type { ClientAccount, WitnessAccount } from './messages.ts';

/** One of the two upstreams. */
export type Colour = 'blue' | 'green';

/** One command that moved all traffic to `to`: monotonic microseconds of its start and of its return. */
export interface SwitchTimes {
  readonly to: Colour;
  readonly beganUs: number;
  readonly returnedUs: number;
}

/** What one switch did. */
export interface SwitchOutcome {
  readonly to: Colour;
  readonly commandMs: number;
  /** Requests that started after the command had returned and reached the side it had emptied. */
  readonly late: number;
  /** How long after the return the last of these started, in milliseconds; 0 when there is none. */
  readonly lateForMs: number;
  readonly lost: number;
}

/** The outcome of every switch, in order, and the losses from before the first one. */
export function accountFor(
  switches: readonly SwitchTimes[],
  client: ClientAccount,
  witnesses: Readonly<Record<Colour, WitnessAccount>>,
): { readonly outcomes: readonly SwitchOutcome[]; readonly lostBefore: number } {
  const outcomes = switches.map(({ to, beganUs, returnedUs }, index) => {
    const endUs = switches[index + 1]?.beganUs ?? Number.POSITIVE_INFINITY;
    const emptied = to === 'blue' ? witnesses.green : witnesses.blue;
    const late = new Set<number>();
    let lastUs = returnedUs;
    for (const [index, request] of emptied.requests.entries()) {
      const startedUs = client.startedUs[request] ?? 0;
      if (startedUs <= returnedUs || emptied.arrivedUs[index]! >= endUs) continue;
      late.add(request);
      lastUs = Math.max(lastUs, startedUs);
    }
    return {
      to,
      commandMs: (returnedUs - beganUs) / 1_000,
      late: late.size,
      lateForMs: (lastUs - returnedUs) / 1_000,
      lost: client.losses.filter(({ atUs }) => atUs >= beganUs && atUs < endUs).length,
    };
  });
  const firstUs = switches[0]?.beganUs ?? Number.POSITIVE_INFINITY;
  return { outcomes, lostBefore: client.losses.filter(({ atUs }) => atUs < firstUs).length };
}
