/**
 * The command line without a process of its own: for tests of words and texts, of which there are many.
 *
 * What only a process shows (exit codes that reach a shell, closed pipes, signals) is tested with `tidegate.ts`.
 */
import type { CliIo } from '../../../src/cli/io.ts';
import { main } from '../../../src/main.ts';
import type { Outcome } from './tidegate.ts';

/** Runs `tidegate` with the words to its end, with a screen of 100 columns that shows Unicode and no colours. */
export async function tidegateHere(
  args: readonly string[],
  {
    env = {},
    unicode = true,
    columns = 100,
  }: Partial<Pick<CliIo, 'env'>> & { unicode?: boolean; columns?: number } = {},
): Promise<Outcome> {
  let [out, err] = ['', ''];
  const io: CliIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env,
    isTerminal: false,
    screen: () => ({ columns, rows: 24, colour: false, unicode }),
    onResize: () => () => {},
    interrupted: () => new AbortController().signal,
  };
  const code = await main(args, io);
  return { code, out, err };
}
