/**
 * The one command line that every relay of the bench understands: `--listen PORT --upstream PORT`.
 *
 * All relays are started the same way, so that none of them can be favoured by a flag. Ports are chosen by the caller,
 * which has found them free; a relay that cannot have its port dies loudly instead of taking another one.
 */
import { parseArgs } from 'node:util';

/** The two loopback ports of a relay: where it accepts, and where the responder is. */
export interface RelayPorts {
  readonly listen: number;
  readonly upstream: number;
}

/** Reads the ports from this process's command line; throws when one is missing or not a port. */
export function relayPorts(): RelayPorts {
  const { values } = parseArgs({ options: { listen: { type: 'string' }, upstream: { type: 'string' } } });
  return { listen: port('listen', values.listen), upstream: port('upstream', values.upstream) };
}

function port(name: string, text: string | undefined): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new Error(`--${name} must be a port, not ${text}`);
  return value;
}
