/**
 * Loaded into Tidegate before its own program (`--import`): makes its data threads killable from outside, which no system
 * offers. On SIGUSR2 a thread is ended as a crash ends it, in the middle of whatever it does; the next signal takes the
 * next thread. What runs is otherwise the program as users run it.
 */
import { syncBuiltinESMExports } from 'node:module';
import threads, { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const living: threads.Worker[] = [];
  const Original = threads.Worker;
  threads.Worker = class extends Original {
    constructor(...words: ConstructorParameters<typeof Original>) {
      super(...words);
      living.push(this);
      this.once('exit', () => living.splice(living.indexOf(this), 1));
    }
  };
  syncBuiltinESMExports();
  process.on('SIGUSR2', () => {
    const victim = living.shift();
    if (victim === undefined) return;
    living.push(victim);
    void victim.terminate();
  });
}
