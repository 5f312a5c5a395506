/**
 * `tidegate rollout explain ID`: what happened in a rollout and why, reproduced from its decision log.
 *
 * The exit code is about the log: 1 when what was recorded is not what the log says, so that an audit can run it over all of them.
 */

import { adminOf, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { askExplanation } from './explanation-request.ts';
import { agreementLine, agrees, explanationText } from './explanation-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { endLine, rolloutLine } from './rollout-line.ts';
import { FLAG_OPTION } from './rollout-options.ts';
import { shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'rollout explain',
  usage: 'ID|SERVICE|--flag NAME',
  about: `Tells a rollout from its decision log: each decision, and each change of the verdict
with the numbers of every signal, judged again. \`tidegate rollout history SERVICE\`
shows the ids; the name of a service or a flag means its last rollout.
Exits with 1 when what was recorded at the time is not what the log says.`,
  words: { least: 0, most: 1 },
  options: { flag: FLAG_OPTION },
};

/** Explains the rollout that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const json = command.has('json');
  const [word, flag] = [command.words[0], command.value('flag')];
  if (word !== undefined && flag !== undefined) return misused(SPEC, 'an ID or a service does not go with --flag', io);
  if (word === undefined && flag === undefined) return misused(SPEC, 'an ID or a service is missing, or --flag', io);
  const answer = await askExplanation(admin, flag === undefined ? { word: word! } : { flag }, {});
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const explanation = answer.value;
  if (json) {
    io.out(`${JSON.stringify(explanation)}\n`);
  } else {
    const { columns, colour, unicode } = io.screen();
    const { rollout } = explanation;
    io.out(explanationText(explanation, { width: columns, colour, unicode }));
    io.out(shown(agreementLine(explanation), io));
    io.out(shown(rollout.endedAt === null ? rolloutLine(rollout) : endLine(rollout), io));
  }
  return agrees(explanation) ? EXIT.done : EXIT.refused;
}
