/**
 * The leaves of the configuration language: how each kind of value is written, and what it becomes.
 *
 * A leaf is a zod schema that takes the written form and gives the normalised one, so that a key is defined once and
 * its type, its check, its place in the JSON Schema and its line in the documentation all come from there. Each leaf
 * carries `allowed` as metadata: the words that complete "allowed: ..." in an error and the Type column of the page.
 * The alternative, messages written beside each check, drifts from the page within a month.
 */

import { isIP } from 'node:net';
import { z } from 'zod';
import {
  type Address,
  formatAddress,
  isUnix,
  type Network,
  type Place,
  parseAddress,
  parseNetwork,
  parsePlace,
} from './address.ts';
import { DURATION, LONGEST_MS, parseDuration, parsePercent, parseSize, SHARE, SIZE } from './units.ts';

/** A name of a service, a pool, a route or a listener: it appears in metrics, logs and command lines. */
export const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** An HTTP token (RFC 9110, section 5.6.2): field names, methods, cookie names. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

function leaf<T>(allowed: string, written: z.ZodString, read: (text: string) => T | undefined) {
  return written.meta({ allowed }).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: '', input: text });
    return z.NEVER;
  });
}

/** A duration in milliseconds, from `leastMs` to `mostMs`, which is the longest that a timer can hold unless given. */
export function duration(leastMs = 1, mostMs = LONGEST_MS) {
  const most = mostMs < 3_600_000 ? `${Math.floor(mostMs / 60_000)}m` : `${Math.floor(mostMs / 3_600_000)}h`;
  const least = leastMs === 0 ? '' : leastMs === 1 ? ', longer than zero' : `, at least ${leastMs}ms`;
  const allowed = `a duration such as 250ms, 5s, 10m or 1h${least}, at most ${most}`;
  return leaf(allowed, z.string().regex(DURATION), (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= leastMs && ms <= mostMs ? ms : undefined;
  });
}

/** A size in bytes, from `least` to `most`. */
export function size(least: number, most: number) {
  const range = most === Number.MAX_SAFE_INTEGER ? '' : `, from ${least} to ${most} bytes`;
  const allowed = `a size such as 512B, 16KiB or 1MiB${range}`;
  return leaf(allowed, z.string().regex(SIZE), (text) => {
    const bytes = parseSize(text);
    return bytes !== undefined && bytes >= least && bytes <= most ? bytes : undefined;
  });
}

/** A share such as `10%`, as a number from 0 to 1. */
export const share = leaf('a share from 0% to 100%', z.string().regex(SHARE), (text) => {
  const percent = parsePercent(text);
  return percent === undefined ? undefined : percent / 100;
});

/** A multiple such as `1.5x`, as a number from 1 to 100. */
export const multiple = leaf(
  'a multiple such as 1.5x, from 1x to 100x',
  z.string().regex(/^[0-9]{1,3}(?:\.[0-9]{1,6})?x$/),
  (text) => {
    const value = Number(text.slice(0, -1));
    return value >= 1 && value <= 100 ? value : undefined;
  },
);

/** A ratio such as `0.8x`, as a number above 0. */
export const ratio = leaf(
  'a ratio such as 0.8x or 2x, above zero',
  z.string().regex(/^[0-9]{1,6}(?:\.[0-9]{1,6})?x$/),
  (text) => {
    const value = Number(text.slice(0, -1));
    return value > 0 ? value : undefined;
  },
);

/** A weight: a non-negative number, or a percentage, which is the same number. */
export const weight = z.union([
  z.number().min(0).meta({ allowed: 'a weight of zero or more' }),
  leaf('a share such as 5%', z.string().regex(SHARE), parsePercent),
]);

/** An address that is listened on; port 0 lets the system choose. */
export const listenAddress = leaf<Address>(
  'host:port or [ipv6]:port, with a port from 0 to 65535',
  z.string().max(300),
  parseAddress,
);

/** An address that clients connect to, or the path of a Unix socket. */
export const listenPlace = leaf<Place>(
  'host:port or [ipv6]:port, with a port from 0 to 65535, or unix:/path',
  z.string().max(300),
  parsePlace,
);

/** What is connected to. */
export const endpointPlace = leaf<Place>(
  'host:port or [ipv6]:port, with a port from 1 to 65535, or unix:/path',
  z.string().max(300),
  (text) => {
    const place = parsePlace(text);
    return place === undefined || (!isUnix(place) && place.port === 0) ? undefined : place;
  },
);

/** The rights of a file, as a number. */
export const fileMode = leaf<number>(
  "the rights of a file as octal digits in quotes, such as '0660'",
  z.string().regex(/^0?[0-7]{3}$/),
  (text) => Number.parseInt(text, 8),
);

/** A range of addresses. */
export const network = leaf<Network>(
  'a range such as 10.0.0.0/8 or fd00::/8, or one IP address',
  z.string().max(64),
  parseNetwork,
);

/** Peers that are trusted: a range of addresses, one address, or `unix` for whoever connects to a Unix socket. */
export const trustedPeer = leaf<Network | 'unix'>(
  'a range such as 10.0.0.0/8 or fd00::/8, one IP address, or unix',
  z.string().max(64),
  (text) => (text === 'unix' ? text : parseNetwork(text)),
);

/** A DNS server by its address, with or without a port. */
export const dnsServer = leaf<string>(
  'an IP address such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:53',
  z.string().max(64),
  (text) => {
    const address = parseAddress(text) ?? parseAddress(text.includes(':') ? `[${text}]:53` : `${text}:53`);
    return address === undefined || isIP(address.host) === 0 || address.port === 0 ? undefined : formatAddress(address);
  },
);

/** The name of a thing that the config defines or refers to. */
export const name = z.string().regex(NAME).meta({
  allowed: 'a name of 1 to 63 lower-case letters, digits and inner hyphens, such as shop or blue-2',
});

/** The name of a header field, in lower case. */
export const fieldName = leaf('a header name such as x-user-id', z.string().regex(TOKEN), (text) => text.toLowerCase());

/** The name of a cookie or of a query parameter, as written. */
export const cookieName = z.string().regex(TOKEN).meta({ allowed: 'a cookie name such as tg' });

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number) {
  return z
    .int()
    .min(least)
    .max(most)
    .meta({ allowed: `a whole number from ${least} to ${most}` });
}

/** A text of 1 to `most` characters that `allowed` describes, without control characters. */
export function text(allowed: string, most = 1024) {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\u0000-\u001f\u007f]*$/)
    .meta({ allowed });
}

/** A secret; the empty string means that there is none, as when a variable of the environment is not set. */
export const secret = z
  .string()
  .max(1024)
  .regex(/^[\x21-\x7e]*$/)
  .meta({ allowed: 'a secret of printable ASCII characters without spaces', writeOnly: true })
  .transform((value) => (value === '' ? undefined : value));

/** Where a webhook is: an absolute URL that carries no credentials of its own, which would end in logs of proxies. */
export const webUrl = leaf<string>(
  'a URL such as https://example.com/hook, http or https, without user name, password and #',
  z.string().max(2048),
  (text) => {
    if (!/^https?:\/\/[\x21\x22\x24-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined;
    const { username, password, href } = new URL(text);
    return username === '' && password === '' ? href : undefined;
  },
);

/** One value, or a list of them; it becomes a list. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z.union([item.transform((value) => [value]), z.array(item).min(1)]);
}
