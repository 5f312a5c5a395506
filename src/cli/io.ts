/**
 * What a verb sees of the process it runs in: two streams of text, the environment, the terminal, and the wish to end.
 *
 * Verbs take a `CliIo` instead of reaching for `process`, so that one place decides what a closed pipe, a dumb
 * terminal and Ctrl-C mean. A reader that goes away (`tidegate status | head -1`) ends neither with a stack trace nor
 * with a changed exit code: what follows is written to nobody, and loops end as they do for Ctrl-C. Ending the process
 * there and then was rejected, because the proxy itself must outlive whoever reads its output.
 */

/** The exit codes, which are part of the interface. `detached` is what shells give a program that Ctrl-C has ended. */
export const EXIT = { done: 0, refused: 1, usage: 2, unreachable: 3, detached: 130 } as const;

/** What the output can show. */
export interface Screen {
  /** Columns and rows; 80 and 24 where it is not known. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  /** Whether the locale can show more than ASCII. */
  readonly unicode: boolean;
}

export interface CliIo {
  /** Writes text to standard output, or to nobody when its reader has gone. */
  readonly out: (text: string) => void;
  /** Writes text to standard error. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal that understands cursor movement. */
  readonly isTerminal: boolean;
  /** As it is at the moment of the call: terminals change their size. */
  readonly screen: () => Screen;
  /** Calls back when the terminal has changed its size, until the returned function is called. */
  readonly onResize: (listener: () => void) => () => void;
  /**
   * Aborted by SIGINT, SIGTERM, or a reader of the output that went away. From the first call on these signals no
   * longer end the process by themselves; verbs that never call it end as any program does.
   */
  readonly interrupted: () => AbortSignal;
}

/** Whether to colour: FORCE_COLOR decides, then NO_COLOR, then whether it is a terminal. */
export function wantsColour(env: CliIo['env'], isTerminal: boolean): boolean {
  const force = env.FORCE_COLOR;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTerminal && !env.NO_COLOR;
}

/** Whether the locale of the environment is a UTF-8 one; the first of LC_ALL, LC_CTYPE and LANG that is set decides. */
export function hasUnicode(env: CliIo['env'], platform: string): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  // Windows has no such variables, and its terminals of today show UTF-8.
  if (!locale) return platform === 'win32';
  return /utf-?8/i.test(locale);
}

/** The real process as a `CliIo`. To be made once: it listens for errors of both streams. */
export function processIo(): CliIo {
  const { stdout, stderr, env } = process;
  const ending = new AbortController();
  let isOpen = true;
  let isListening = false;
  stdout.on('error', () => {
    isOpen = false;
    ending.abort();
  });
  // A sentence that nobody can read any more is no reason to fail.
  stderr.on('error', () => {});
  const isTerminal = stdout.isTTY === true && env.TERM !== 'dumb';
  const colour = wantsColour(env, isTerminal);
  const unicode = hasUnicode(env, process.platform);
  return {
    out: (text) => {
      if (isOpen) stdout.write(text);
    },
    err: (text) => {
      stderr.write(text);
    },
    env,
    isTerminal,
    screen: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24, colour, unicode }),
    onResize: (listener) => {
      stdout.on('resize', listener);
      return () => stdout.off('resize', listener);
    },
    interrupted: () => {
      if (!isListening) {
        isListening = true;
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
      }
      return ending.signal;
    },
  };
}
