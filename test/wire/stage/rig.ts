/**
 * The whole of Tidegate between a raw client and a scripted upstream: control plane, one data thread, real sockets.
 *
 * It is started once for a test file; every test opens connections of its own.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';
import { ControlPlane } from '../../../src/control/control-plane.ts';
import { type EndpointTotals, readEndpoint } from '../../../src/stats/endpoint-cells.ts';
import { readListener } from '../../../src/stats/listener-cells.ts';
import { OUTCOMES, type Outcome, SeriesReader } from '../../../src/stats/series.ts';
import { until } from '../../scenario/stage/until.ts';
import { masked, OK_RELAYED, responseEnd } from './messages.ts';
import { Upstream } from './upstream.ts';
import { WireEnd } from './wire-end.ts';

/** What differs from the plainest configuration. */
export interface RigOptions {
  /** Settings of the service `app`, whose only endpoint is the upstream; it makes no further attempts unless told so. */
  readonly service?: object;
  /** More endpoints of the pool `main`, beside the upstream. */
  readonly endpoints?: readonly string[];
  /** More pools of the service `app`, beside `main`. */
  readonly pools?: object;
  /** More services, by name. */
  readonly services?: object;
  /** The routes; everything goes to `app` without them. */
  readonly routes?: readonly object[];
  readonly limits?: object;
  /** Which exchanges get a line of the access log; none without it. */
  readonly access?: string;
  readonly shutdown?: object;
  /** More keys of the top level, or others in place of those that are here. */
  readonly top?: object;
  /** Settings of both listeners. */
  readonly listener?: object;
  /** The upstream keeps its side of a connection open after Tidegate has ended its own. */
  readonly halfOpenUpstream?: boolean;
}

/** So many requests pass while nothing is taken of what is streamed: then it stalls. */
const STALLED_PROBES = 25;
const PROBE = 'GET /probe HTTP/1.1\r\nHost: app.test\r\n\r\n';
const PROBE_FORWARDED = /GET \/probe HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/;

export class Rig {
  readonly plane: ControlPlane;
  readonly upstream: Upstream;
  /** The config as it was written. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The lines of the access log so far. */
  readonly lines: string[];
  #text: string;
  readonly #clients = new Set<WireEnd>();
  readonly #directory: string;

  private constructor(plane: ControlPlane, upstream: Upstream, directory: string, text: string, lines: string[]) {
    this.plane = plane;
    this.upstream = upstream;
    this.#directory = directory;
    this.#text = text;
    this.config = JSON.parse(text);
    this.lines = lines;
  }

  static async start(t: Test, options: RigOptions = {}): Promise<Rig> {
    const upstream = await Upstream.open(t, options.halfOpenUpstream);
    const directory = t.testdir();
    const file = join(directory, 'tidegate.yaml');
    const text = configText(options, upstream, directory);
    writeFileSync(file, text);
    const log = pino({ level: 'silent' });
    const lines: string[] = [];
    const accessLog = (text: string): void => {
      lines.push(...text.trimEnd().split('\n'));
    };
    const plane = await ControlPlane.start({ file, env: {}, log, accessLog });
    if ('failed' in plane) throw new Error(plane.lines.join('\n'));
    const rig = new Rig(plane, upstream, directory, text, lines);
    t.teardown(async () => {
      for (const { socket } of rig.#clients) socket.destroy();
      await plane.terminate();
    });
    return rig;
  }

  /** Replaces every `before` in the config by `after`, and resolves when that is in force. */
  async replaceInConfig(before: string, after: string): Promise<void> {
    this.#text = this.#text.replaceAll(before, after);
    const answer = await this.plane.reloadText(this.#text);
    if (!('result' in answer) || answer.result !== 'applied') throw new Error(JSON.stringify(answer));
  }

  /** Takes over a config with these options in place of those before; rejects when it is refused. Gives what has changed. */
  async reload(options: RigOptions): Promise<readonly string[]> {
    this.#text = configText(options, this.upstream, this.#directory);
    const answer = await this.plane.reloadText(this.#text);
    if ('refused' in answer) throw new Error(`${answer.message}: ${JSON.stringify(answer.details)}`);
    return answer.changes;
  }

  /** The port of a listener. */
  port(listener: 'plain' | 'trusting' = 'plain'): number {
    const { address } = this.plane.listeners().find(({ name }) => name === listener)!;
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  /** A new client connection. With `halfOpen` it keeps its side open after Tidegate has ended its own. */
  client(listener: 'plain' | 'trusting' = 'plain', halfOpen = false): Promise<WireEnd> {
    return this.clientAt(this.port(listener), halfOpen);
  }

  /** A new connection to a port; rejects when nobody accepts there. */
  async clientAt(port: number, halfOpen = false): Promise<WireEnd> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: halfOpen });
    const client = new WireEnd(socket);
    this.#clients.add(client);
    socket.once('close', () => this.#clients.delete(client));
    await once(socket, 'connect');
    return client;
  }

  /** Sends the bytes on a connection of their own, in one write or in pieces, and gives all that came until its end. */
  async untilEnd(bytes: string | readonly string[], listener: 'plain' | 'trusting' = 'plain'): Promise<string> {
    const client = await this.client(listener);
    await client.sendPieces(typeof bytes === 'string' ? [bytes] : bytes);
    await client.ended();
    return masked(client.received);
  }

  /** Sends the bytes of one request on a connection of their own and gives the whole answer. */
  async ask(bytes: string | readonly string[], listener: 'plain' | 'trusting' = 'plain'): Promise<string> {
    const client = await this.client(listener);
    const pieces = typeof bytes === 'string' ? [bytes] : bytes;
    await client.sendPieces(pieces);
    const toHead = pieces.join('').startsWith('HEAD ');
    const answer = await client.until('the answer', (text) => responseEnd(text, 0, toHead) >= 0);
    client.socket.destroy();
    return masked(answer);
  }

  /** Resolves when the data thread has done all that came before: counters are then what they should be. */
  async settled(): Promise<void> {
    await this.seen();
  }

  /** Resolves when nothing more is taken of what this end streams, though the data thread has time for others. */
  async untilStalled(end: WireEnd): Promise<void> {
    for (let same = 0, before = -1; same < STALLED_PROBES; same++) {
      await this.settled();
      if (end.taken !== before) same = 0;
      before = end.taken;
    }
  }

  /**
   * What the upstream has been sent since this was asked last, whole or in part. A request that goes through after all
   * that was sent before makes sure that nothing is still on its way.
   */
  async seen(): Promise<string[]> {
    this.upstream.answerOk();
    const answer = await this.ask(PROBE);
    if (answer !== OK_RELAYED) throw new Error(`the probe was answered with ${JSON.stringify(answer)}`);
    const seen = this.upstream.takeBytes();
    this.upstream.take();
    return seen
      .map((bytes) => bytes.replace(PROBE_FORWARDED, ''))
      .filter((bytes) => bytes !== '')
      .map(masked);
  }

  /** The record of the upstream as an endpoint. */
  endpoint(): EndpointTotals {
    return readEndpoint(this.plane.metrics().endpoints.find(({ service }) => service === 'app')!.board);
  }

  /** Resolves when a request waits for a connection to the upstream; that announces itself by no event. */
  async untilQueued(): Promise<void> {
    await until('a request waits', () => this.endpoint().queued > 0);
  }

  /** The line of the access log about the exchange with this path, once it is there. */
  async logged(path: string): Promise<Record<string, unknown>> {
    const find = () =>
      this.lines.map((line) => JSON.parse(line) as Record<string, unknown>).find((line) => line.path === path);
    await until('the access log has the line', () => find() !== undefined);
    return find()!;
  }

  /** The series of a pool. */
  series(pool: string, service = 'app'): SeriesReader {
    const entry = this.plane.metrics().series.find((one) => one.service === service && one.pool === pool)!;
    return new SeriesReader(entry.board);
  }

  /** How many requests the plain listener has refused before they were routed. */
  refusals(): number {
    return readListener(this.plane.metrics().listeners.find(({ name }) => name === 'plain')!.board).refused;
  }

  /** How many attempts against `app` have had this outcome. */
  outcomes(outcome: Outcome): number {
    const series = this.plane.metrics().series.filter(({ service, pool }) => service === 'app' && pool !== '');
    return series.reduce((sum, { board }) => sum + new SeriesReader(board).outcomes()[OUTCOMES.indexOf(outcome)]!, 0);
  }
}

function configText(options: RigOptions, upstream: Upstream, directory: string): string {
  const pools = {
    main: { version: 'v1', endpoints: [upstream.address, ...(options.endpoints ?? [])] },
    ...options.pools,
  };
  const config = {
    listeners: [
      { name: 'plain', address: '127.0.0.1:0', ...options.listener },
      { name: 'trusting', address: '127.0.0.1:0', trustedProxies: ['127.0.0.0/8'], ...options.listener },
    ],
    workers: 1,
    overload: 'off',
    state: join(directory, 'state.db'),
    // A reload sets the level of the log.
    log: { level: 'fatal', access: options.access ?? 'off' },
    shutdown: { delay: '0s', deadline: '10s', ...options.shutdown },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    services: { app: { pools, retries: { attempts: 0 }, ...options.service }, ...options.services },
    routes: options.routes ?? [{ service: 'app' }],
    ...options.top,
  };
  // JSON is YAML.
  return JSON.stringify(config, null, 2);
}
