/**
 * `tidegate flag explain FLAG --key alice --context '{...}'`: what a context gets, and why, down to what was hashed.
 *
 * The sentences come with the explanation, made where the decision is; here is only how they stand on a screen. Nothing is counted, and
 * nobody is exposed to anything.
 */
import type { Explanation } from '../flags/explanation.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import { flagPath } from './flag-request.ts';
import { isFlagExplanation } from './flag-shapes.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain, shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag explain',
  usage: "FLAG [--key KEY] [--context '{...}']",
  about: `Tells what a flag gives to somebody, and why: the prerequisites, each rule with what it
wants and what is so, the bucket of the key and the share that it is held against, and
how the bucket can be computed by hand. It is what the proxy and OFREP answer, by the
same code; at the proxy the context is what \`flagContext\` makes of a request.`,
  words: { least: 1, most: 1 },
  options: {
    key: { value: 'KEY', help: 'the targeting key' },
    context: { value: 'JSON', help: `what else is known, such as '{"country":"DE","plan":"pro"}'` },
  },
};

/** Explains the flag that the words name for the context that they describe. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const context = contextOf(command);
  if (typeof context === 'string') return misused(SPEC, context, io);
  const request = { method: 'POST', path: flagPath(command.words[0]!, 'explain'), body: { context } } as const;
  const answer = await ask(admin, request, isFlagExplanation);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  if (json) io.out(`${JSON.stringify(answer.value)}\n`);
  else for (const line of explanationLines(answer.value)) io.out(shown(line, io));
  return EXIT.done;
}

function contextOf(command: Command): Readonly<Record<string, unknown>> | string {
  const text = command.value('context') ?? '{}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `--context needs an object of JSON, such as '{"country":"DE"}'`;
  }
  const key = command.value('key');
  return key === undefined ? { ...value } : { ...value, targetingKey: key };
}

/** The lines of an explanation: who, why in the order in which it was looked at, and the draw to be repeated by hand. */
export function explanationLines({ flag, revision, key, because, draw }: Explanation): string[] {
  const who = key === null ? 'somebody without a key' : plain(key);
  const traces = [draw?.enrolment, draw?.variant].filter((trace) => trace !== null && trace !== undefined);
  return [
    `${plain(flag)} for ${who}, as of ${plain(revision)}`,
    ...because.map((line) => `  ${plain(line)}`),
    ...traces.map(
      ({ input, hash, digest, place, of }) =>
        `  by hand: ${plain(hash)} of ${plain(JSON.stringify(input))} is ${plain(digest)}, which is ${place} of ${of}`,
    ),
  ];
}
