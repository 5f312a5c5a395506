/**
 * What clients get of a thread that is behind. The connections are real; the ticks are the test's, and come late by hours,
 * so that no clock of this machine makes a difference.
 */
import t, { type Test } from 'tap';
import { AccessLog } from '../../../src/proxy/access-log.ts';
import { ThreadContext } from '../../../src/proxy/context.ts';
import { Downstream } from '../../../src/proxy/downstream.ts';
import { ExposureNotes } from '../../../src/proxy/flag-exposures.ts';
import { ListenerRuntime } from '../../../src/proxy/listener.ts';
import { Runtime } from '../../../src/proxy/runtime.ts';
import type { Snapshot } from '../../../src/routing/snapshot.ts';
import { isShedding, readShed, SHED_REASONS, type ShedReason } from '../../../src/stats/overload-cells.ts';
import { createProcessMemory, ProcessMember, ProcessOwner } from '../../../src/stats/process-cells.ts';
import { SeriesReader } from '../../../src/stats/series.ts';
import { until } from '../../scenario/stage/until.ts';
import { masked, OK, OK_RELAYED, own } from '../../wire/stage/messages.ts';
import { Upstream } from '../../wire/stage/upstream.ts';
import { connected } from './connected.ts';
import { Snapshots } from './snapshots.ts';

const SHED = own(503, 'The proxy has too much to do.', 'Retry-After: 1\r\n');
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const HOUR_MS = 3_600_000;

class Stage {
  readonly context: ThreadContext;
  readonly upstream: Upstream;
  readonly snapshot: Snapshot;
  readonly #listener: ListenerRuntime;
  /** Hours before now at which the last tick has come. */
  #hours = 100;

  private constructor(context: ThreadContext, upstream: Upstream, snapshot: Snapshot, listener: ListenerRuntime) {
    this.context = context;
    this.upstream = upstream;
    this.snapshot = snapshot;
    this.#listener = listener;
    context.overload.configure(snapshot.overload);
    this.tick();
  }

  static async start(t: Test, lagMs: number | null = 100): Promise<Stage> {
    const upstream = await Upstream.open(t);
    const plain = await new Snapshots(1, upstream.address).of(1, ['web']);
    const snapshot = { ...plain, overload: { ...plain.overload, lagMs } };
    const memory = createProcessMemory(1);
    const process = new ProcessMember(memory, 0);
    new ProcessOwner(memory).commit(1);
    const context = new ThreadContext({
      thread: 0,
      process,
      accessLog: new AccessLog(process, () => {}),
      exposures: new ExposureNotes(() => {}),
      nowMs: performance.now(),
      runtime: new Runtime(snapshot, 0, new Map()),
      onActivated: () => {},
    });
    const take = (socket: ConstructorParameters<typeof Downstream>[0], on: ListenerRuntime) => {
      new Downstream(socket, on, context);
    };
    const listener = await ListenerRuntime.open(snapshot.listeners[0]!, 0, false, take, context.overload);
    t.teardown(() => {
      listener.close();
      for (const downstream of context.downstreams) downstream.destroy();
      for (const endpoint of context.runtime.endpoints.values()) endpoint.destroy();
    });
    return new Stage(context, upstream, snapshot, listener);
  }

  /** A tick that comes an hour after the one before, and leaves the next one overdue by hours. */
  tick(): void {
    this.#hours -= 1;
    this.#listener.take(this.context.overload.tick(performance.now() - this.#hours * HOUR_MS));
  }

  /** A tick that comes in time. */
  tickInTime(): void {
    this.#listener.take(this.context.overload.tick(performance.now() - this.#hours * HOUR_MS + 50));
  }

  /** Half an hour of work in a turn that is too long, and so much of it as nobody takes for a handful. */
  crowd(): void {
    this.context.overload.refuses(performance.now() - HOUR_MS / 2);
    for (let count = 0; count < 100; count++) this.context.overload.connected(true);
  }

  client(t: Test) {
    return connected(t, this.snapshot.listeners[0]!.port);
  }

  shed(reason: ShedReason): number {
    return readShed(this.snapshot.overload.board)[SHED_REASONS.indexOf(reason)]!;
  }
}

t.test('a thread that is behind answers a new request with 503, and its connection stays', async (t) => {
  const stage = await Stage.start(t);
  const client = await stage.client(t);
  stage.crowd();
  stage.tick();
  stage.crowd();
  t.equal(isShedding(stage.snapshot.overload.board, 0), true);
  client.send(GET);
  await client.until('the refusal', (text) => masked(text) === SHED);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc');
  await client.until('another, whose body is out of the way', (text) => masked(text) === SHED + SHED);
  t.equal(stage.shed('lag'), 2);
  const unrouted = new SeriesReader(stage.snapshot.unrouted);
  t.same([unrouted.started(), unrouted.ended()], [2, 2], 'each is counted once, and under no version');
  t.strictSame(stage.upstream.take(), []);
  stage.tickInTime();
  t.equal(isShedding(stage.snapshot.overload.board, 0), false);
  client.send(GET);
  await client.until('the answer', (text) => masked(text) === SHED + SHED + OK_RELAYED);
});

t.test('a request that has begun is served to its end, and what it is owed comes before a refusal', async (t) => {
  const stage = await Stage.start(t);
  stage.upstream.hold();
  const client = await stage.client(t);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 6\r\n\r\nabc');
  await until('its body has begun', () => stage.upstream.ends.some(({ received }) => received.endsWith('abc')));
  const slow = await stage.client(t);
  slow.send(GET);
  const { end } = await stage.upstream.request();
  stage.crowd();
  stage.tick();
  stage.crowd();
  slow.send(GET);
  client.send(`def${GET}`);
  const body = await stage.upstream.request();
  t.match(body.bytes, /\r\n\r\nabcdef$/);
  body.end.send(OK);
  await client.until('the answer and a refusal', (text) => masked(text) === OK_RELAYED + SHED);
  end.send(OK);
  await slow.until('the answer and a refusal', (text) => masked(text) === OK_RELAYED + SHED);
});

t.test('far behind, a new connection is closed at once, those that are open stay, and then it is over', async (t) => {
  const stage = await Stage.start(t);
  const open = await stage.client(t);
  for (let turn = 0; turn < 3; turn++) {
    stage.crowd();
    stage.tick();
  }
  const turnedAway = await stage.client(t);
  await turnedAway.ended();
  t.equal(turnedAway.received, '');
  t.equal(stage.shed('connection'), 1);
  t.equal(open.ending, null);
  stage.tickInTime();
  open.send(GET);
  await open.until('the answer', (text) => text === OK_RELAYED);
  const taken = await stage.client(t);
  taken.send(GET);
  await taken.until('the answer', (text) => text === OK_RELAYED);
  t.equal(stage.shed('connection'), 1);
});

t.test('with overload: off nothing is refused, however late it is', async (t) => {
  const stage = await Stage.start(t, null);
  const client = await stage.client(t);
  for (let turn = 0; turn < 3; turn++) {
    stage.crowd();
    stage.tick();
  }
  stage.crowd();
  client.send(GET);
  await client.until('the answer', (text) => text === OK_RELAYED);
  t.equal(stage.shed('lag'), 0);
});
