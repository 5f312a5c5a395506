/**
 * Who is to blame when a release and a flag are under suspicion at once: the version, the flag, or neither alone.
 *
 *                  treatment   control
 *     candidate       a           b
 *     active          c           d
 *
 * The hash that treats a key and the draw that sends a request to a version know nothing of each other. So a version that is bad
 * is bad for both arms in proportion to their requests, and a treatment that is bad is bad in both versions: each leaves
 * the comparison of the other alone, and the one that its own evidence finds worse is to blame. There is one case in which
 * that is not so: what is bad only where both meet looks bad from both sides.
 *
 * So when one is found worse, it is asked whether its bad events lie where the other is, more than its requests do. Under "it is this
 * one alone" their number there is binomial with the share of the requests, whatever the rates are; the chance of at least as many
 * is the doubt, and as long as that is not small the one that was found worse is to blame. The question is asked once, when
 * a verdict is there, so it needs no correction for looking often.
 *
 * Rejected: to ask for as much evidence within each row and column as for the verdict itself. With a candidate at 5% that would take
 * some hundred failures more, of users.
 */
import { badShare } from './guards.ts';
import type { Tally } from './recent.ts';

/** Requests and bad ones by version and arm. */
export interface BlameTable {
  readonly candidate: { readonly treatment: Tally; readonly control: Tally };
  readonly active: { readonly treatment: Tally; readonly control: Tally };
}

/** The flag, the version, both of them each by itself, or it cannot be told: it is bad where both meet. */
export type Blame = 'flag' | 'version' | 'both' | 'undecidable';

/** Whose evidence has found it worse. */
export type Suspect = 'flag' | 'version';

/** Who is to blame for what has made `suspect` worse. `doubt` (0 to 1) is the chance of a coincidence that is taken for none. */
export function blameFor(suspect: Suspect, { candidate, active }: BlameTable, doubt: number): Blame {
  // Seen from the suspect: its own bad events with the other and without; then what is bad without the suspect.
  const [here, there] =
    suspect === 'flag' ? [candidate.treatment, active.treatment] : [candidate.treatment, candidate.control];
  const [otherHere, otherThere] =
    suspect === 'flag' ? [candidate.control, active.control] : [active.treatment, active.control];
  if (!isConcentrated(here, there, doubt)) return suspect;
  if (!isConcentrated(otherHere, otherThere, doubt)) return 'undecidable';
  // The other one is bad by itself. Is the suspect so too, where the other is not?
  const [own, rest] = suspect === 'flag' ? [active.treatment, active.control] : [candidate.control, active.control];
  if (isConcentrated(own, rest, doubt)) return 'both';
  return suspect === 'flag' ? 'version' : 'flag';
}

/** Whether more of the bad events are here than requests are, beyond this chance of a coincidence. */
export function isConcentrated(here: Tally, there: Tally, doubt: number): boolean {
  const requests = here.requests + there.requests;
  const bad = here.bad + there.bad;
  if (requests === 0 || bad === 0 || badShare(here) <= badShare(there)) return false;
  return binomialTail(bad, here.requests / requests, here.bad) <= doubt;
}

/** The chance of at least `least` of `count` events, each with probability `chance` from 0 to 1. */
export function binomialTail(count: number, chance: number, least: number): number {
  if (least <= 0) return 1;
  if (chance <= 0) return 0;
  if (chance >= 1) return 1;
  let log = count * Math.log1p(-chance);
  const odds = Math.log(chance) - Math.log1p(-chance);
  let tail = 0;
  for (let hits = 0; hits <= count; hits += 1) {
    if (hits >= least) tail += Math.exp(log);
    log += Math.log((count - hits) / (hits + 1)) + odds;
  }
  return Math.min(tail, 1);
}

/** What a blame comes to, in words; `flag` and `version` are their names. */
export function blameText(blame: Blame, flag: string, version: string): string {
  switch (blame) {
    case 'flag':
      return `flag ${flag} is to blame and not ${version}: its failures are no more there than its requests`;
    case 'version':
      return `${version} is to blame and not flag ${flag}: its failures are no more among the treated than its requests`;
    case 'both':
      return `flag ${flag} and ${version} are to blame, each by itself`;
    case 'undecidable':
      return `flag ${flag} and ${version} cannot be told apart: what fails is where both meet`;
    default:
      return blame satisfies never;
  }
}
