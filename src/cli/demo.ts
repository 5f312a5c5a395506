/**
 * `tidegate demo`: servers, load and traffic changes on this computer, to watch.
 *
 * Everything is real: the servers and Tidegate are processes of their own, the load goes through real sockets, and what
 * is done are calls of the admin API that anybody could make. What is printed as lost is counted by the clients. The exit
 * code is 0 only when nothing was lost and the story went as it should: moves after which no version served what was not
 * its own any more, or releases of which the good one succeeded and the bad one was turned back.
 */
import { once } from 'node:events';
import { type Command, DEFAULT_ADMIN, misused, readCommand, type VerbSpec } from './command.ts';
import { CANARY_STORY } from './demo/canary-story.ts';
import { FLIP_STORY } from './demo/flip-story.ts';
import { invitation } from './demo/invitation.ts';
import { Load } from './demo/load.ts';
import { openScene, POOLS, type Ports, type Scene } from './demo/scene.ts';
import { Stage } from './demo/stage.ts';
import type { Story, Telling } from './demo/story.ts';
import { type CliIo, EXIT } from './io.ts';

const STORIES: Readonly<Record<string, Story>> = { flip: FLIP_STORY, canary: CANARY_STORY };
const SECONDS_LEAST = 2;
const SECONDS_MOST = 3600;
const CLIENT_PORT = 8080;
const LOAD = { requestsPerSecond: 400, concurrencyMax: 48 } as const;

const SPEC: VerbSpec = {
  name: 'demo',
  usage: '[--story flip|canary] [--exit] [--seconds N] [--port N]',
  about: `Starts three small servers, Tidegate in front of them, and clients that check every
answer. The story \`flip\` moves all traffic from one version to the other and back, then
in steps, and prints the receipts and what the clients saw. The story \`canary\` releases
a good version and a bad one by rollouts that watch themselves, and prints what the judge
says. Goes on until Ctrl-C, or ends by itself with --exit. Ends with 0 when nothing was
lost and all went as it should, else 1. --admin and --token have no effect.`,
  words: { least: 0, most: 0 },
  options: {
    story: { value: 'NAME', help: '`flip` or `canary` (default: flip)' },
    exit: { help: 'end after the story' },
    seconds: {
      value: 'N',
      help: `about how long the story takes (default: ${FLIP_STORY.seconds}; canary ${CANARY_STORY.seconds})`,
    },
    port: { value: 'N', help: `the port for clients (default: ${CLIENT_PORT}, or another if it is taken)` },
  },
};

/** Runs the demo. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const settings = settingsOf(command);
  if (typeof settings === 'string') return misused(SPEC, settings, io);
  const { story, holdMs } = settings;
  const signal = io.interrupted();
  const stage = new Stage(io, command.has('json'));
  let scene: Scene;
  try {
    stage.say('Tidegate demo: starting three servers, and Tidegate in front of them ...');
    scene = await openScene(settings.ports, story.setting(holdMs));
  } catch (error) {
    io.err(`tidegate demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.refused;
  }
  introduce(scene, settings, stage);
  const load = new Load({ port: scene.clientPort, ...LOAD });
  const footer = () => `  clients: ${counts(load)}`;
  const admin = { url: new URL(scene.adminUrl), token: undefined };
  stage.open(admin, footer);
  load.start();
  let telling: Telling | null = null;
  let failure = '';
  try {
    const told = story.tell({ admin, load, stage, holdMs, signal });
    // A Tidegate that ends in the middle ends the story; what its calls do then is of no interest.
    told.catch(() => {});
    telling = await Promise.race([told, scene.collapsed.then((log) => Promise.reject(new Error(ended(log))))]);
    if (!command.has('exit') && !signal.aborted) {
      const { execPath, argv } = process;
      stage.say('', ...invitation(scene, { execPath, script: argv[1]!, cwd: process.cwd() }, story.trials));
      const log = await Promise.race([once(signal, 'abort').then(() => null), scene.collapsed]);
      if (log !== null) failure = ended(log);
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  await load.stop();
  stage.close();
  await scene.close();
  return conclude({ command, load, telling, failure, stage }, io);
}

interface Settings {
  readonly story: Story;
  /** In whole milliseconds. */
  readonly holdMs: number;
  readonly ports: Ports;
}

function settingsOf(command: Command): Settings | string {
  const name = command.value('story') ?? 'flip';
  const story = Object.hasOwn(STORIES, name) ? STORIES[name] : undefined;
  if (story === undefined) return `--story takes one of: ${Object.keys(STORIES).join(', ')}`;
  const seconds = Number(command.value('seconds') ?? story.seconds);
  if (!(seconds >= SECONDS_LEAST && seconds <= SECONDS_MOST)) {
    return `--seconds takes a number from ${SECONDS_LEAST} to ${SECONDS_MOST}`;
  }
  const port = command.value('port');
  if (port !== undefined && !/^[0-9]{1,5}$/.test(port)) return '--port takes a number from 0 to 65535';
  if (Number(port ?? 0) > 65_535) return '--port takes a number from 0 to 65535';
  // Nobody can open the addresses of a demo that ends by itself: they need not be ones that are easy to remember.
  const clients = port === undefined ? (command.has('exit') ? 0 : CLIENT_PORT) : Number(port);
  const admin = clients === CLIENT_PORT ? Number(new URL(DEFAULT_ADMIN).port) : 0;
  return { story, holdMs: Math.round((seconds * 1000) / story.holds), ports: { clients, admin } };
}

function introduce(scene: Scene, { ports }: Settings, stage: Stage): void {
  const processes = scene.children.map(({ name, pid }) => `${name} (process ${pid})`);
  stage.say(`  ${processes.join(', ')}`);
  const isOther = ports.clients !== 0 && ports.clients !== scene.clientPort;
  const instead = isOther ? `, because port ${ports.clients} is taken` : '';
  stage.say(`  clients at http://127.0.0.1:${scene.clientPort}${instead}, admin API at ${scene.adminUrl}`);
  const versions = POOLS.map(({ name, version }) => `${name} is ${version}`).join(', ');
  stage.say(`  ${versions}; ${LOAD.requestsPerSecond} requests a second, all traffic on blue`);
}

function counts({ total }: Load): string {
  const failed = total.failed === 0 ? '' : `, ${total.failed} failed by a version`;
  return `${total.sent} sent, ${total.answered} answered${failed}, ${total.lost} lost`;
}

interface End {
  readonly command: Command;
  readonly load: Load;
  /** Null when the story has failed. */
  readonly telling: Telling | null;
  readonly failure: string;
  readonly stage: Stage;
}

function conclude({ command, load, telling, failure, stage }: End, io: CliIo): number {
  const { total, reasons } = load;
  const isWhole = (telling?.isWhole ?? false) || !command.has('exit');
  const isGood = failure === '' && total.lost === 0 && (telling?.isGood ?? true) && total.sent > 0 && isWhole;
  if (command.has('json')) {
    const { sent, answered, failed, lost } = total;
    const account = { good: isGood, sent, answered, failed, lost, reasons, failure, ...telling?.account };
    io.out(`${JSON.stringify(account)}\n`);
    return isGood ? EXIT.done : EXIT.refused;
  }
  if (failure !== '') io.err(`tidegate demo: ${failure}\n`);
  for (const reason of reasons) stage.say(`  lost: ${reason}`);
  stage.say('', `${total.lost} lost of ${total.sent} requests${telling?.summary ?? ''}`);
  if (!isWhole) stage.say('The demo was ended before its end.');
  return isGood ? EXIT.done : EXIT.refused;
}

function ended(log: string): string {
  return `Tidegate has ended in the middle of it. The end of its log:\n${log}`;
}
