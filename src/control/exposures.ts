/**
 * Tells of exposures: takes the notes of the data threads, leaves out what another thread has told already, and hands them on in batches,
 * to a file or to a webhook.
 *
 *     threads ─▶ [ window ] ─▶ [ waiting … ] ─▶ one batch at a time ─▶ told
 *                                   │                  └─▶ failed: the same batch again, ever later
 *                                   └─▶ too many wait: dropped
 *
 * They are statistics, and no news that somebody waits for: what waits is in memory only and bounded, and a stop takes one try to
 * get rid of it. The machinery of webhooks' messages was not taken: it keeps each in the state file until it is delivered,
 * which is right for what a rollout does and would be a write for each user here. The request and its signature are the same.
 */
import { appendFile, rename, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Exposure } from '../proxy/messages.ts';
import { murmur3 } from '../routing/hash.ts';
import { ExposureWindow } from '../stats/exposure-window.ts';
import { post } from './webhook-call.ts';
import { pauseAfter } from './webhook-line.ts';
import { signatureFields } from './webhook-signature.ts';

/** Exposures that wait to be told. */
export const EXPOSURES_MAX = 20_000;
const BATCH_MAX = 500;

/** What became of exposures, as the metric label `result`. */
export const EXPOSURE_RESULTS = ['told', 'repeated', 'dropped'] as const;
export type ExposureResult = (typeof EXPOSURE_RESULTS)[number];

type Settings = NonNullable<Config['exposures']>;

export interface ExposuresOptions {
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export class Exposures {
  readonly #options: ExposuresOptions;
  #settings: Settings | null = null;
  #window: ExposureWindow | null = null;
  #waiting: Exposure[] = [];
  #failures = 0;
  #dueMs = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> | null = null;
  #batches = 0;
  readonly #stop = new AbortController();
  readonly results: Record<ExposureResult, number> = { told: 0, repeated: 0, dropped: 0 };

  constructor(options: ExposuresOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes over what the config says; where nobody is told any more, what waits is dropped. */
  follow({ exposures }: Config): void {
    const before = this.#settings;
    this.#settings = exposures ?? null;
    this.#failures = 0;
    this.#dueMs = Number.NEGATIVE_INFINITY;
    if (exposures === undefined) {
      this.results.dropped += this.#waiting.length;
      this.#waiting = [];
      this.#window = null;
    } else if (before?.windowMs !== exposures.windowMs || before.memory !== exposures.memory) {
      this.#window = new ExposureWindow(exposures.memory, exposures.windowMs);
    }
  }

  /** Takes what a thread has noted. */
  take(exposures: readonly Exposure[]): void {
    for (const exposure of exposures) {
      if (this.#window === null || this.#waiting.length >= EXPOSURES_MAX) this.results.dropped += 1;
      else if (this.#isNew(exposure, this.#window)) this.#waiting.push(exposure);
      else this.results.repeated += 1;
    }
  }

  /** Tells of the next batch if that is due. To be called often. */
  tick(): void {
    if (this.#settings === null || this.#waiting.length === 0 || this.#sending !== null) return;
    if (this.#options.clock() < this.#dueMs) return;
    this.#sending = this.#tell(this.#settings).then(() => {
      this.#sending = null;
    });
  }

  /** Ends a try that is under way, takes a last one for a file, and drops the rest. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
    const settings = this.#settings;
    while (settings?.file !== undefined && this.#waiting.length > 0 && this.#failures === 0) await this.#tell(settings);
    this.results.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #isNew({ flag, variant, key }: Exposure, window: ExposureWindow): boolean {
    const seed = murmur3(flag, murmur3(variant, 0));
    return window.isNew(murmur3(key, seed), murmur3(key, ~seed >>> 0), this.#options.now());
  }

  /** Tells of a batch; it never rejects. */
  async #tell(settings: Settings): Promise<void> {
    const batch = this.#waiting.slice(0, BATCH_MAX);
    const { file, webhook } = settings;
    const fault =
      file === undefined ? await this.#post(batch, webhook!) : await write(batch, file, settings.fileLimitBytes);
    if (fault === null) {
      this.#waiting.splice(0, batch.length);
      this.results.told += batch.length;
      if (this.#failures > 0) this.#options.log.info('exposures are taken again');
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    this.#dueMs = this.#options.clock() + pauseAfter(this.#failures, this.#options.random());
    if (this.#failures === 1 && !this.#stop.signal.aborted)
      this.#options.log.warn({ fault }, 'exposures are not taken');
  }

  async #post(
    batch: readonly Exposure[],
    { url, secret, timeoutMs }: NonNullable<Settings['webhook']>,
  ): Promise<string | null> {
    const atMs = this.#options.now();
    this.#batches += 1;
    const id = `exp_${atMs.toString(36)}_${this.#batches}`;
    const body = JSON.stringify({ exposures: batch.map(written) });
    const headers = signatureFields({ id, atS: Math.floor(atMs / 1000), body }, secret);
    const answer = await post({ url, headers, body, timeoutMs }, this.#stop.signal);
    if (answer.kind === 'failed') return answer.detail;
    return answer.status >= 200 && answer.status < 300 ? null : `status ${answer.status}`;
  }
}

/** An exposure as it is told, in the names of OpenTelemetry. */
function written({ atMs, flag, variant, key, service, revision }: Exposure): object {
  return {
    at: new Date(atMs).toISOString(),
    'feature_flag.key': flag,
    'feature_flag.result.variant': variant,
    'feature_flag.version': revision,
    keyHash: key,
    service,
  };
}

/** Appends a line for each; null, or why that is not possible. */
async function write(batch: readonly Exposure[], file: string, limitBytes: number): Promise<string | null> {
  const lines = batch.map((exposure) => `${JSON.stringify(written(exposure))}\n`).join('');
  try {
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    if (size > 0 && size + lines.length > limitBytes) await rename(file, `${file}.1`);
    await appendFile(file, lines, { mode: 0o600 });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'the file cannot be written';
  }
}
