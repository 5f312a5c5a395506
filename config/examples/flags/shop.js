/**
 * A shop that shows what its flags say. It has no flag client, no key of a flag service and nothing to wait for: Tidegate has
 * decided before the request comes here, and says so in one field, such as `Feature-Flags: buy-button="green", new-checkout=?1`.
 */
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** A member of a dictionary of RFC 9651: a name, and a truth value, a string, a display string or a number. */
const MEMBER = /([a-z*][a-z0-9_.*-]*)(?:=(\?[01]|"(?:\\.|[^"\\])*"|%"[^"]*"|-?[0-9.]+))?\s*(?:,\s*|$)/y;

/** The flags of a request, by name. What is not there was not decided, and the shop does as it did before. */
export function readFlags(field = '') {
  const flags = new Map();
  MEMBER.lastIndex = 0;
  for (let member = MEMBER.exec(field); member !== null; member = MEMBER.exec(field)) {
    flags.set(member[1], decoded(member[2] ?? '?1'));
  }
  return flags;
}

function decoded(item) {
  if (item.startsWith('?')) return item === '?1';
  if (item.startsWith('"')) return item.slice(1, -1).replace(/\\(.)/g, '$1');
  if (item.startsWith('%')) return decodeURIComponent(item.slice(2, -1));
  return Number(item);
}

/** The shop, not yet listening. */
export function createShop() {
  return createServer((req, res) => {
    const flags = readFlags(req.headers['feature-flags']);
    const checkout = flags.get('new-checkout') === true ? 'one page' : 'three pages';
    const button = flags.get('buy-button') ?? 'grey';
    res.setHeader('content-type', 'text/plain; charset=utf-8');
    // For caches: Tidegate puts the fields in its place that the flags were decided by.
    res.setHeader('vary', 'Feature-Flags');
    res.end(`checkout: ${checkout}, button: ${button}\n`);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  createShop().listen(Number(process.argv[2] ?? 3001), '127.0.0.1');
}
