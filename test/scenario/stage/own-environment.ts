/**
 * Children with an environment of their own. A test file that tap's own runner runs has a hook put into `NODE_OPTIONS` of
 * everything that it starts, whatever environment it is given; it would change what is tested, and slow each start down.
 *
 * `env` takes the variable out and becomes the program, so the process id is that of the program.
 */

/** The command and arguments that start `program` without the runner's hook. */
export function withoutHook(program: string, args: readonly string[]): [command: string, args: string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', program, ...args]];
}
