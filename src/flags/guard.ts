/**
 * The guard of a flag, as it was configured: when a treatment is so bad that the flag is killed for it.
 *
 * The words and the numbers are those of a release's guard (`judge/signals.ts`); the two sides are the arms of the flag (`arm.ts`)
 * in place of two versions. It belongs to what a flag says: with another guard it is judged anew.
 */

/** Whom those that a flag treats are compared with: as many beside them, or all others that its draw decides on. */
export type Control = 'equal' | 'others';

/** Plain data; all chances and shares from 0 to 1. */
export interface FlagGuard {
  /** The chance that a harmless treatment is killed in one period of evidence; between 0 and 1. */
  readonly falseAlarm: number;
  /** The chance that a treatment as bad as a margin of proof is called healthy; between 0 and 1. */
  readonly missed: number;
  readonly control: Control;
  readonly errors: {
    /** So many times as often as the control the treatment may fail; at least 1. */
    readonly margin: number;
    readonly proof: number;
    readonly rate: number;
    readonly ceiling: number;
    readonly ceilingRequests: number;
  };
  /** Null where latency is not judged. */
  readonly latency: { readonly margin: number } | null;
  /** Signals of the business by which it is judged too, by their names in the services of its routes. */
  readonly signals: readonly string[];
  /** Judges and tells, and kills nothing. */
  readonly dryRun: boolean;
  /** How long evidence is gathered before it begins anew, in milliseconds. */
  readonly renewMs: number;
}
