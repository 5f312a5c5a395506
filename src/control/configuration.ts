/**
 * The configuration in force, and how another takes its place.
 *
 * A text that has errors changes nothing and is reported once, with every problem. A good one is compared with what is in
 * force: no difference means no effect; when only weights differ, gates move and no snapshot is built; everything else
 * goes through the committer. Then the file's `traffic:` is followed where it has changed, which makes it an instruction;
 * where it has not, a position that was set at run time stands.
 *
 * Names that nobody has looked up yet are looked up before a reload takes its turn among the changes: a DNS server that does
 * not answer must not keep a rollback waiting. So traffic may move between the asking and the taking, and then that is the
 * later instruction: the file's `traffic:` counts as superseded for those services, and what it says of a flag for those flags.
 *
 * What is in force has two forms: `config`, as it is written, which is what texts are compared with; and `effective`, with
 * addresses in place of the names of endpoints, which is what everybody else works with.
 */
import type { Logger } from 'pino';
import { differences } from '../config/differences.ts';
import type { Environment } from '../config/environment.ts';
import { fingerprint } from '../config/fingerprint.ts';
import { loadConfig } from '../config/load.ts';
import { type Parsed, parseConfig } from '../config/parse.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import type { Committer } from './committer.ts';
import type { EventLog } from './event-log.ts';
import type { Flags } from './flags.ts';
import { type Gates, sameWeights } from './gates.ts';
import type { NameWatch } from './name-watch.ts';
import type { ConfigView, Refusal, ReloadAnswer } from './operations.ts';
import { addressesInTwoPools, type NameTable, withAddresses } from './resolved-config.ts';
import { Serial } from './serial.ts';
import type { ServiceGate } from './service-gate.ts';
import type { Traffic } from './traffic.ts';
import { sharesOf } from './views.ts';

export interface ConfigurationOptions {
  readonly file: string;
  readonly env: Environment;
  readonly committer: Committer;
  readonly gates: Gates;
  readonly traffic: Traffic;
  readonly flags: Pick<Flags, 'said' | 'supersede'>;
  readonly names: NameWatch;
  /** Does something when its turn among all changes has come; refused while Tidegate stops. */
  readonly inTurn: <T>(work: () => Promise<T | Refusal>) => Promise<T | Refusal>;
  /** Called when a config other than in its weights has come into force, with the addresses of its names. */
  readonly onApplied: (config: Config) => void;
  /** Called when a reload is done, with what is in force now; says in sentences what it has set off. */
  readonly onReloaded: (before: Config, after: Config, by: string) => Promise<readonly string[]>;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A text that was accepted, with what was read from it. */
export interface Accepted {
  readonly config: Config;
  readonly text: string;
  readonly redacted: string;
  readonly problems: readonly Problem[];
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly reloads = { applied: 0, unchanged: 0, rejected: 0 };
  config: Config;
  effective: Config;
  /** Reloads end in the order in which they were asked for, so that an older text never replaces a newer one. */
  readonly #reloads = new Serial();
  /** The config whose names are being looked up before its turn. */
  #coming: Config | null = null;
  /** Addresses of which it has been said that two pools have them. */
  #shared: ReadonlySet<string> = new Set();
  /** The addresses of names that are in effect. */
  #addresses: NameTable = new Map();
  text: string;
  #redacted: string;
  #loadedAt: string;
  #lastReload: ConfigView['lastReload'];

  /** Nothing is in force before `begin`. */
  constructor(accepted: Accepted, options: ConfigurationOptions) {
    this.#options = options;
    this.config = accepted.config;
    this.effective = withAddresses(accepted.config, this.#addresses);
    this.text = accepted.text;
    this.#redacted = accepted.redacted;
    this.#loadedAt = this.#at();
    this.#lastReload = { at: this.#loadedAt, result: 'applied', changes: [], problems: accepted.problems };
  }

  /** Brings the first configuration into force. Null, or why that is not possible. */
  async begin(): Promise<string | null> {
    this.#warn(this.#lastReload.problems);
    return this.#apply(this.config);
  }

  /** Brings a config and the addresses that its names have now into force. Null, or why nothing has changed. */
  async #apply(config: Config): Promise<string | null> {
    const { committer, onApplied, names } = this.#options;
    await names.prepare(config);
    const addresses = names.table();
    const effective = withAddresses(config, addresses);
    const error = await committer.apply(effective, () => {
      this.config = config;
      this.effective = effective;
      this.#addresses = addresses;
    });
    names.follow(this.config, this.#coming);
    if (error === null) {
      onApplied(effective);
      this.#warnOfShared(addressesInTwoPools(effective));
    }
    return error;
  }

  /** Brings what is in force into force anew, with what has changed beside the text. Null, or why nothing has changed. */
  rebuild(): Promise<string | null> {
    return this.#apply(this.config);
  }

  /** Says once of each address that it is in two pools, for as long as it is. */
  #warnOfShared(shared: readonly string[]): void {
    const { events, log } = this.#options;
    for (const text of shared) {
      if (this.#shared.has(text)) continue;
      const message = `${text}: nobody can tell which version serves there`;
      log.warn(message);
      events.append('names', null, message, {});
    }
    this.#shared = new Set(shared);
  }

  /** Brings the addresses that names have now into effect; false when that is not possible, and nothing has changed. */
  async refreshNames(): Promise<boolean> {
    const { names, events, log } = this.#options;
    const changes = differences(this.effective, withAddresses(this.config, names.table())).map(({ text }) => text);
    if (changes.length === 0) return true;
    const error = await this.#apply(this.config);
    if (error !== null) {
      log.error({ error }, 'addresses of names have changed and cannot be taken over');
      return false;
    }
    const message = `names resolved: ${changes.join('; ')}`;
    log.info(message);
    events.append('names', null, message, { changes });
    return true;
  }

  view(): ConfigView {
    return {
      file: this.#options.file,
      generation: this.#options.committer.generation,
      loadedAt: this.#loadedAt,
      text: this.#redacted,
      lastReload: this.#lastReload,
    };
  }

  get lastReloadSuccess(): boolean {
    return this.#lastReload.result !== 'rejected';
  }

  validate(text: string): readonly Problem[] {
    return this.#parse(text).problems;
  }

  /** Reads the file and takes it over. */
  reload(by: string): Promise<ReloadAnswer | Refusal> {
    return this.#reloads.run(async () => {
      const parsed = await loadConfig(this.#options.file, this.#options.env);
      return this.#takeInTurn(parsed, parsed.text ?? '', by);
    });
  }

  /** Takes over a text that the file has settled on. */
  reloadText(text: string): Promise<ReloadAnswer | Refusal> {
    return this.#reloads.run(() => this.#takeInTurn(this.#parse(text), text, 'file'));
  }

  async #takeInTurn(parsed: Parsed, text: string, by: string): Promise<ReloadAnswer | Refusal> {
    const { gates, flags, names, inTurn } = this.#options;
    const said = flags.said();
    const epochs = new Map(gates.all().map(({ service, epoch }) => [service, epoch]));
    this.#coming = parsed.config ?? null;
    if (parsed.config !== undefined) await names.prepare(parsed.config);
    try {
      return await inTurn(() => {
        const moved = gates.all().filter(({ service, epoch }) => epochs.get(service) !== epoch);
        return this.#take(parsed, text, by, moved, said);
      });
    } finally {
      this.#coming = null;
      names.follow(this.config, null);
    }
  }

  /** `moved` are the gates that have moved since this text was there to be taken, `said` what flags said then. */
  async #take(
    parsed: Parsed,
    text: string,
    by: string,
    moved: readonly ServiceGate[],
    said: ReturnType<Flags['said']>,
  ): Promise<ReloadAnswer | Refusal> {
    const { committer, flags, log, events, file } = this.#options;
    const { config, problems } = parsed;
    if (config === undefined) return this.#reject(problems, by);
    const before = this.config;
    const changes = differences(before, config);
    const undo = this.#supersede(config, moved);
    const undoFlags = flags.supersede(config, said);
    if (changes.some((change) => change.kind !== 'traffic')) {
      const error = await this.#apply(config);
      if (error !== null) {
        undo();
        undoFlags();
        return this.#reject([{ file, line: 1, column: 1, path: '', message: error, severity: 'error' }], by);
      }
    }
    this.config = config;
    this.effective = withAddresses(config, this.#addresses);
    this.text = text;
    this.#redacted = parsed.redacted;
    this.#loadedAt = this.#at();
    await this.#followTraffic(config);
    log.level = config.log.level;
    this.#warn(problems);
    const result = changes.length === 0 ? 'unchanged' : 'applied';
    const texts = changes.map((change) => (change.needsRestart ? `${change.text} (after a restart)` : change.text));
    texts.push(...(await this.#options.onReloaded(before, this.effective, by)));
    this.#lastReload = { at: this.#loadedAt, result, changes: texts, problems };
    this.reloads[result] += 1;
    if (result === 'applied') {
      const message = `config applied: ${texts.join('; ')}`;
      log.info({ by }, message);
      events.append('reload', null, message, { result, by, changes: texts });
    }
    return { result, generation: committer.generation, changes: texts, problems };
  }

  /** Makes where these gates stand the answer to the `traffic:` of a config; gives what takes that back. */
  #supersede(config: Config, moved: readonly ServiceGate[]): () => void {
    const { gates } = this.#options;
    const before = moved.map((gate) => [gate, gate.fingerprint] as const);
    for (const gate of moved) {
      const service = config.services.get(gate.service);
      if (service === undefined) continue;
      gate.fingerprint = fingerprint(service.traffic);
      gates.keepPosition(gate);
    }
    return () => {
      for (const [gate, earlier] of before) {
        gate.fingerprint = earlier;
        gates.keepPosition(gate);
      }
    };
  }

  #reject(problems: readonly Problem[], by: string): Refusal {
    const { log, events } = this.#options;
    this.reloads.rejected += 1;
    this.#lastReload = { at: this.#at(), result: 'rejected', changes: [], problems };
    const message = `config not applied, the earlier one stays in force: ${problems.map(formatProblem).join('; ')}`;
    log.error({ by }, message);
    events.append('reload', null, message, { result: 'rejected', by, problems });
    return { refused: true, code: 'config-rejected', message: 'the config file has errors', details: { problems } };
  }

  async #followTraffic(config: Config): Promise<void> {
    const { gates, traffic } = this.#options;
    for (const service of config.services.values()) {
      const gate = gates.get(service.name)!;
      const wanted = fingerprint(service.traffic);
      if (gate.fingerprint === wanted) continue;
      if (sameWeights(sharesOf(service.traffic), sharesOf(gate.weights))) {
        gate.fingerprint = wanted;
        gates.keepPosition(gate);
      } else {
        await traffic.instruct(gate, service, service.traffic, 'file', { by: 'file', reason: '' });
      }
    }
  }

  #parse(text: string): Parsed {
    return parseConfig(text, { file: this.#options.file, env: this.#options.env });
  }

  #warn(problems: readonly Problem[]): void {
    for (const problem of problems) this.#options.log.warn(formatProblem(problem));
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}
