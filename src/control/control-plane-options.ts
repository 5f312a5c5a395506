/**
 * What a control plane is given from outside, and what is said when it cannot start.
 *
 * The clock and the resolver come in as arguments, so that tests say what time it is and where names lead.
 */
import type { Logger } from 'pino';
import type { Environment } from '../config/environment.ts';
import type { NameResolver } from './name-resolver.ts';

export interface ControlPlaneOptions {
  readonly file: string;
  readonly env: Environment;
  readonly log: Logger;
  /** Where finished lines of the access log go. */
  readonly accessLog: (lines: string) => void;
  /** How often the log's destination has dropped something; 0 unless given. */
  readonly logDropped?: () => number;
  /** Milliseconds since 1970; `Date.now` unless given. */
  readonly now?: () => number;
  /** What looks up the names of endpoints; the system's way unless given. */
  readonly resolver?: NameResolver;
}

/** Why Tidegate cannot start, as lines for people. */
export interface StartFailure {
  readonly failed: true;
  readonly lines: readonly string[];
}
