/**
 * `tidegate run`: the proxy itself, from the first line of its log to the last.
 *
 * Puts the planes together: control plane and data threads, the admin API, the watch on the config file, and the signals.
 * SIGHUP reads the file again. The first SIGTERM or SIGINT stops in order, a second one ends at once. Logs are JSON
 * lines on standard output; the access log goes to the same place through one writer.
 */
import { destination, pino } from 'pino';
import { formatAddress } from '../config/address.ts';
import { watchConfig } from '../config/watch.ts';
import { ControlPlane } from '../control/control-plane.ts';
import { readCommand, type VerbSpec } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { openServers } from './run-servers.ts';

const DEFAULT_FILE = 'tidegate.yaml';
/** Characters of the log that wait for standard output; more are dropped and counted. */
const LOG_WAITING_MAX = 16 * 1024 * 1024;
/** How long the last lines may take. */
const LAST_LINES_MS = 1000;

const SPEC: VerbSpec = {
  name: 'run',
  usage: '[--config FILE]',
  about: `Runs the proxy with a config file (default: ${DEFAULT_FILE}). The file is watched: a good edit takes
effect within a tenth of a second, a bad one is reported and changes nothing. Stops in order
on SIGTERM, at once on a second one; SIGHUP reads the file again. Ends with 0 after a stop,
1 when it cannot start. --admin, --token and --json have no effect.`,
  words: { least: 0, most: 0 },
  options: { config: { value: 'FILE', help: `the config file (default: ${DEFAULT_FILE})` } },
};

/** Runs until a signal ends it. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const file = command.value('config') ?? DEFAULT_FILE;
  const output = destination({ dest: 1, sync: false, maxLength: LOG_WAITING_MAX });
  let logDropped = 0;
  output.on('drop', () => {
    logDropped += 1;
  });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);

  const plane = await ControlPlane.start({
    file,
    env: io.env,
    log,
    accessLog: (lines) => output.write(lines),
    logDropped: () => logDropped,
  });
  if ('failed' in plane) {
    for (const line of plane.lines) io.err(`tidegate: ${line}\n`);
    return EXIT.refused;
  }
  log.level = plane.configInForce.log.level;
  const servers = await openServers(plane, log);
  if ('closed' in servers) {
    await plane.terminate();
    io.err(`tidegate: ${servers.closed}\n`);
    return EXIT.refused;
  }
  const { admin, ofrep } = servers;
  const reported = (reload: Promise<unknown>): void => {
    reload.catch((error: unknown) => log.error({ err: error }, 'a reload has failed'));
  };
  const watch = watchConfig(file, {
    known: plane.textInForce,
    onSettled: (text) => reported(plane.reloadText(text)),
    onError: (message) => log.error({ file }, `the config file cannot be read, what is in force stays: ${message}`),
  });
  await watch.ready;
  const reload = () => reported(plane.reload({ by: 'SIGHUP', reason: '', ifEpoch: null }));
  process.on('SIGHUP', reload);
  // Before the line below: whoever waits for it may send a signal at once.
  const signals = awaitSignals();
  log.info(
    {
      pid: process.pid,
      listeners: plane.listeners(),
      admin: formatAddress(admin.address),
      ...(ofrep === null ? {} : { ofrep: formatAddress(ofrep.address) }),
      threads: plane.threads.count,
    },
    'Tidegate is running',
  );

  await untilStopped(plane, signals);
  process.off('SIGHUP', reload);
  await watch.close();
  await servers.close();
  log.info('Tidegate has stopped');
  await written(output);
  return EXIT.done;
}

/**
 * Resolves when the last lines are out. A reader that has stopped reading must not keep the process: after a second the
 * process ends without them, which nothing short of a signal can do while a write is blocked.
 */
async function written(output: ReturnType<typeof destination>): Promise<void> {
  const blocked = setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_LINES_MS);
  await new Promise<void>((resolve) => {
    output.once('close', resolve);
    output.end();
  });
  clearTimeout(blocked);
}

/** When the process has been told to stop, and when it has been told so again. */
interface StopSignals {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
}

/** One handler for both: between two, a signal would find none and end the process by its default. */
function awaitSignals(): StopSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals === 1) first.resolve();
    else second.resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { first: first.promise, second: second.promise };
}

/** Resolves when the first signal's orderly stop is done, or a second signal has cut it short. */
async function untilStopped(plane: ControlPlane, signals: StopSignals): Promise<void> {
  await signals.first;
  await Promise.race([plane.stop(), signals.second.then(() => plane.terminate())]);
}
