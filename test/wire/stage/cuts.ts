/**
 * The ways in which the same bytes can arrive: a message must mean the same in all of them.
 */

const DRIBBLE_MAX_BYTES = 700;
const PIECE_BYTES = 1013;
const PLACES = 3;

/** One way of sending: its name, and the pieces, each of which is one write. */
export interface Cut {
  readonly name: string;
  readonly pieces: readonly string[];
}

/** Byte by byte (long messages in larger pieces), and in two at a few places. */
export function cutsOf(bytes: string): Cut[] {
  const size = bytes.length <= DRIBBLE_MAX_BYTES ? 1 : PIECE_BYTES;
  const dribble: string[] = [];
  for (let at = 0; at < bytes.length; at += size) dribble.push(bytes.slice(at, at + size));
  const cuts: Cut[] = [{ name: size === 1 ? 'byte by byte' : 'piece by piece', pieces: dribble }];
  for (let place = 1; place <= PLACES; place++) {
    const at = Math.floor((bytes.length * place) / (PLACES + 1));
    cuts.push({ name: `in two at ${at}`, pieces: [bytes.slice(0, at), bytes.slice(at)] });
  }
  // The empty line that ends a head is where most parsers that failed have failed.
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd >= 0) {
    cuts.push({
      name: 'in two inside the empty line',
      pieces: [bytes.slice(0, headEnd + 3), bytes.slice(headEnd + 3)],
    });
  }
  return cuts;
}
