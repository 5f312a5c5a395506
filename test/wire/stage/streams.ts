/**
 * Exchanges that go on until somebody ends them: a WebSocket and an event stream through the rig, with both of their ends, and
 * a way to ask each whether it is alive that no other traffic can answer.
 */
import type { Rig } from './rig.ts';
import type { Upstream } from './upstream.ts';
import type { WireEnd } from './wire-end.ts';

const SWITCHING = 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Both ends of an exchange. */
export interface Ends {
  readonly client: WireEnd;
  readonly end: WireEnd;
}

let spoken = 0;

/** A request whose answer is the upstream's to write, to `path`; `upstream` is where it must arrive. */
export async function held(rig: Rig, path: string, lines = '', upstream: Upstream = rig.upstream): Promise<Ends> {
  upstream.hold();
  const client = await rig.client();
  client.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n${lines}\r\n`);
  const { end } = await upstream.request();
  return { client, end };
}

/** An open WebSocket. */
export async function webSocket(rig: Rig, path = '/', upstream: Upstream = rig.upstream, lines = ''): Promise<Ends> {
  const ends = await held(rig, path, `Connection: upgrade\r\nUpgrade: websocket\r\n${lines}`, upstream);
  ends.end.send(SWITCHING);
  await ends.client.untilHas('websocket\r\n\r\n');
  return ends;
}

/** An open event stream, whose head has come. */
export async function eventStream(rig: Rig, path = '/', upstream: Upstream = rig.upstream): Promise<Ends> {
  const ends = await held(rig, path, '', upstream);
  ends.end.send(EVENTS);
  await ends.client.untilHas('chunked\r\n');
  return ends;
}

/** A whole frame of text, unmasked as servers send it. */
function frame(text: string): string {
  return `\x81${String.fromCharCode(text.length)}${text}`;
}

/** Sends a frame with a text of its own each way; resolves when both have come. */
export async function speak({ client, end }: Ends): Promise<void> {
  spoken += 1;
  const [up, down] = [frame(`up ${spoken}`), frame(`down ${spoken}`)];
  client.send(up);
  await end.untilHas(up);
  end.send(down);
  await client.untilHas(down);
}

/** Sends an event with a text of its own; resolves when it has come. */
export async function tell({ client, end }: Ends): Promise<void> {
  spoken += 1;
  const event = `data: ${spoken}\n\n`;
  end.send(`${event.length.toString(16)}\r\n${event}\r\n`);
  await client.untilHas(event);
}
