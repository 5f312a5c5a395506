/**
 * `tidegate flag override FLAG=VARIANT ...`: a tester's choice of variants, signed, to be sent along with requests.
 *
 * It is made here, by whoever has the secret, and no Tidegate is asked: the admin API never gives a signature away, since its token would
 * then be worth the secret. With the config at hand, flags and variants are looked up in it, because a choice with a slip of the pen is
 * only ignored by the proxy; with the bare secret they are taken as they are. The choice alone goes to standard output, for
 * `curl -H "x-tidegate-flags: $(tidegate flag override ...)"`; what it is goes to standard error.
 */
import { variantNames } from '../config/flag-checks.ts';
import { inEnvironment } from '../config/flag-merge.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { parseDuration } from '../config/units.ts';
import { OVERRIDE_CHARACTERS_MAX, type Override, signedOverride } from '../flags/override.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { readInput } from './input-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain } from './terminal-text.ts';

const DEFAULT_FILE = 'tidegate.yaml';
/** Whoever needs one for longer makes another; nobody takes one back. */
const FOR_MAX_MS = 30 * 24 * 3_600_000;

const SPEC: VerbSpec = {
  name: 'flag override',
  usage: 'FLAG=VARIANT... [--for 1h] [--config FILE | --secret-file FILE]',
  about: `Signs a choice of variants with \`flagContext.overrides.secret\`, and prints it. Whoever
sends it along in the header or the cookie named there gets these variants, until it
expires; it cannot be taken back before, other than by another secret or a kill. Flags
and variants must be in the config; with --secret-file they are taken as they are.
Needs no running Tidegate: --admin and --token have no effect.`,
  words: { least: 1, most: 64 },
  options: {
    for: { value: 'TIME', help: 'how long it holds, such as 30m; 1h unless given, 720h at most' },
    config: { value: 'FILE', help: `the config file (default: ${DEFAULT_FILE})` },
    'secret-file': {
      value: 'FILE',
      help: 'a file with the secret alone, in place of the config; - for standard input',
    },
  },
};

/** Where a choice is sent, and what it is signed with. */
interface Signer {
  readonly secret: string;
  /** Null where only the secret is known. */
  readonly header: string | null;
  readonly cookie: string | null;
}

/** Signs what the words choose. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const flags = choiceOf(command.words);
  if (typeof flags === 'string') return misused(SPEC, flags, io);
  const forMs = parseDuration(command.value('for') ?? '1h');
  if (forMs === undefined || forMs < 1000 || forMs > FOR_MAX_MS)
    return misused(SPEC, '--for needs a time from 1s to 720h, such as 30m', io);
  const [config, secretFile] = [command.value('config'), command.value('secret-file')];
  if (config !== undefined && secretFile !== undefined)
    return misused(SPEC, '--config and --secret-file cannot both be', io);
  const signer =
    secretFile === undefined ? await fromConfig(config ?? DEFAULT_FILE, flags, io) : await fromSecret(secretFile);
  if (typeof signer === 'string') {
    io.err(`${plain(signer)}\n`);
    return EXIT.refused;
  }
  const expires = Math.floor((Date.now() + forMs) / 1000);
  const text = signedOverride({ flags, expires }, signer.secret);
  if (text.length > OVERRIDE_CHARACTERS_MAX)
    return misused(SPEC, `a choice of ${text.length} characters is not read, ${OVERRIDE_CHARACTERS_MAX} are`, io);
  const until = new Date(expires * 1000).toISOString();
  if (command.has('json')) {
    const { header, cookie } = signer;
    io.out(`${JSON.stringify({ choice: text, header, cookie, flags: Object.fromEntries(flags), expires: until })}\n`);
    return EXIT.done;
  }
  io.out(`${text}\n`);
  const orCookie = signer.cookie === null ? '' : ` or the cookie ${plain(signer.cookie)}`;
  const header = signer.header === null ? 'that the config names' : plain(signer.header);
  io.err(`to be sent in the header ${header}${orCookie}, until ${until}\n`);
  return EXIT.done;
}

/** Variants by flag, as the words have them; a text says what is wrong. */
function choiceOf(words: readonly string[]): Override['flags'] | string {
  const flags = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1 || at === word.length - 1) return `${plain(word)} is no choice, which is FLAG=VARIANT`;
    const name = word.slice(0, at);
    if (flags.has(name)) return `${plain(name)} is chosen for twice`;
    flags.set(name, word.slice(at + 1));
  }
  return flags;
}

async function fromConfig(file: string, choice: Override['flags'], io: CliIo): Promise<Signer | string> {
  const { config, problems } = await loadConfig(file, io.env);
  if (config === undefined) return problems.map(formatProblem).join('\n');
  const { overrides } = config.flagContext;
  if (overrides === undefined) return `${file}: flagContext.overrides has no secret, so nobody can choose variants`;
  for (const [name, variant] of choice) {
    const wrong = unfit(config, name, variant);
    if (wrong !== null) return `${file}: ${wrong}`;
  }
  return { secret: overrides.secret, header: overrides.header, cookie: overrides.cookie ?? null };
}

/** Why nobody would ever get this variant of this flag, or null. */
function unfit({ flags, routes, environment }: Config, name: string, variant: string): string | null {
  const definition = flags.get(name);
  if (definition === undefined) return `there is no flag ${name}; allowed: ${[...flags.keys()].join(', ') || 'none'}`;
  const names = variantNames(inEnvironment(definition, environment));
  if (!names.includes(variant)) return `${name} has no variant ${variant}; allowed: ${names.join(', ')}`;
  return routes.some((route) => route.flags.includes(name)) ? null : `no route names ${name}`;
}

async function fromSecret(file: string): Promise<Signer | string> {
  const input = await readInput(file);
  if (!input.ok) return input.why;
  const secret = input.text.trim();
  if (secret === '') return `${file === '-' ? 'standard input' : file} holds no secret`;
  return { secret, header: null, cookie: null };
}
