/**
 * Verifies that the candidate is ready for users: every endpoint of it is healthy, proves its version, and answers each
 * smoke request right.
 *
 * All endpoints and all checks are looked at, and all results are kept: who sees one failure wants to know whether it is
 * the only one. What is wrong is asked again until the time is over, because a pool that has just been started is often a
 * moment behind; what was right is not asked again. At most AT_ONCE questions are open at once, so that a large pool
 * is not met with a burst by the very thing that is to protect it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../health/ask.ts';
import type { AskedEndpoint } from './asked-endpoints.ts';
import { atOnce } from './at-once.ts';
import { type Expectation, quoted, unmet, versionIn } from './expectation.ts';

const AGAIN_MS = 1_000;
const AT_ONCE = 8;

/** One request that every endpoint of the candidate must answer right. */
export interface Smoke {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly timeout: number;
  readonly expect: Expectation;
}

/** How an endpoint proves which version it runs. */
export interface VersionProof {
  readonly path: string;
  readonly header?: string | undefined;
  readonly json?: string | undefined;
}

export interface VerifiedEndpoint extends AskedEndpoint {
  /** What health checks say now: null where there are none or all is well, else why not. */
  readonly unhealthy: () => string | null;
}

/** What is to be verified. */
export interface VerificationTarget {
  readonly endpoints: readonly VerifiedEndpoint[];
  readonly smoke: readonly Smoke[];
  readonly version: VersionProof | undefined;
  /** The version that every endpoint should run. */
  readonly expectedVersion: string;
  readonly timeoutMs: number;
}

/** What one check of one endpoint came to the last time that it was made. */
export interface CheckResult {
  readonly endpoint: string;
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Verification {
  readonly ok: boolean;
  /** One for each endpoint and check, endpoints in the order of the file. */
  readonly results: readonly CheckResult[];
  /** One sentence: that all is well, or what is wrong. */
  readonly text: string;
}

interface Check {
  readonly endpoint: VerifiedEndpoint;
  readonly name: string;
  /** Null when all is well, else what is wrong. */
  readonly run: (stop: AbortSignal) => Promise<string | null>;
}

/** Verifies; it never rejects. When `stop` is aborted it ends at once, as not verified. */
export async function verify(target: VerificationTarget, stop: AbortSignal): Promise<Verification> {
  const checks = target.endpoints.flatMap((endpoint) => checksOf(endpoint, target));
  const wrong = new Map<Check, string | null>(checks.map((check) => [check, 'was not reached in time']));
  const late = AbortSignal.any([stop, AbortSignal.timeout(target.timeoutMs)]);
  for (;;) {
    const open = checks.filter((check) => wrong.get(check) !== null);
    await atOnce(open, AT_ONCE, async (check) => {
      const detail = await check.run(late);
      // What the end of the time has broken off says less than what was said before.
      if (!late.aborted || detail === null) wrong.set(check, detail);
    });
    if (late.aborted || checks.every((check) => wrong.get(check) === null)) break;
    await pause(AGAIN_MS, null, { signal: late }).catch(() => null);
    if (late.aborted) break;
  }
  const results = checks.map((check) => {
    const detail = wrong.get(check) ?? null;
    return { endpoint: check.endpoint.name, check: check.name, ok: detail === null, detail: detail ?? 'ok' };
  });
  return { ok: results.every(({ ok }) => ok), results, text: textOf(results) };
}

function checksOf(endpoint: VerifiedEndpoint, { smoke, version, expectedVersion }: VerificationTarget): Check[] {
  const health = { endpoint, name: 'health', run: async () => endpoint.unhealthy() };
  const proof =
    version === undefined
      ? []
      : [{ endpoint, name: 'version', run: (stop: AbortSignal) => prove(endpoint, version, expectedVersion, stop) }];
  const smokes = smoke.map((one) => ({
    endpoint,
    name: one.name,
    run: (stop: AbortSignal) => trySmoke(endpoint, one, stop),
  }));
  return [health, ...proof, ...smokes];
}

async function trySmoke(endpoint: VerifiedEndpoint, smoke: Smoke, stop: AbortSignal): Promise<string | null> {
  const { place, preface, authority } = endpoint;
  const { method, path, body = null, timeout: timeoutMs } = smoke;
  const headers = { host: authority, accept: '*/*', 'user-agent': 'tidegate-verify', ...smoke.headers };
  const beganAt = performance.now();
  const reply = await ask({ place, method, path, headers, body, timeoutMs, preface }, stop);
  return unmet(reply, smoke.expect, performance.now() - beganAt);
}

const PROOF_MS = 5_000;

async function prove(
  { place, preface, authority }: VerifiedEndpoint,
  proof: VersionProof,
  expected: string,
  stop: AbortSignal,
): Promise<string | null> {
  const headers = { host: authority, accept: '*/*', 'user-agent': 'tidegate-verify' };
  const question = { place, method: 'GET', path: proof.path, headers, body: null, timeoutMs: PROOF_MS, preface };
  const reply = await ask(question, stop);
  if (!reply.ok) return reply.detail;
  if (reply.status < 200 || reply.status > 299) return `status ${reply.status} where the version should be`;
  const version = versionIn(reply, proof);
  if (version === expected) return null;
  return `runs ${version === null ? 'a version that it does not name' : quoted(version)}, expected ${quoted(expected)}`;
}

function textOf(results: readonly CheckResult[]): string {
  const bad = results.filter(({ ok }) => !ok);
  if (bad.length === 0) return `verified: ${results.length} checks passed`;
  const shown = bad.slice(0, 3).map(({ endpoint, check, detail }) => `${endpoint} ${check}: ${detail}`);
  const more = bad.length > shown.length ? `; and ${bad.length - shown.length} more` : '';
  return `${bad.length} of ${results.length} checks failed: ${shown.join('; ')}${more}`;
}
