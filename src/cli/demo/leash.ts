/**
 * Ties a process to the one that started it: when the channel between them closes, this process stops.
 *
 * Whoever starts children kills them on its way out, but a SIGKILL leaves it no way out. The kernel closes the channel
 * even then. Polling the parent's process id was rejected, because ids are used again. Loaded with `--import`, also by
 * the data threads of a Tidegate, where there is no channel and nothing to do.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // A leash is no reason to go on living when all work is done.
  process.channel?.unref();
}
