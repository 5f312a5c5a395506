/**
 * Waiting for a condition that announces itself by no event: it is asked again and again, up to a deadline.
 *
 * Where an event exists (a line of the log, a closed socket, an exit) tests wait for that and not for this.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two questions: at first, and after it has grown. What takes long is not to be asked about all the while. */
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 25;
const PAUSE_GROWTH = 1.25;
/** No promise: what takes longer never comes, however busy the machine is. */
const DEADLINE_MS = 60_000;

/** Resolves with the first answer of `ask` that is neither false, null nor undefined; rejects after `deadlineMs`. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, false | null | undefined>> {
  const lastMs = performance.now() + deadlineMs;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * PAUSE_GROWTH)) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined) {
      return answer as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > lastMs) throw new Error(`in ${deadlineMs} ms it did not come true that ${what}`);
    await pause(pauseMs);
  }
}
