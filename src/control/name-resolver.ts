/**
 * Which addresses a name has, asked where people expect: the hosts file first, then DNS, then the system's own way.
 *
 * DNS is asked directly (`resolve4`, `resolve6`), because only there an answer says how long it holds. What DNS does not
 * know may still be found by `getaddrinfo` (search domains, mDNS), so it is asked last, unless the config names servers:
 * then these are the only ones. `getaddrinfo` alone was rejected: it knows no time to live, blocks a thread of the pool for
 * as long as it likes, and tells "no such name" and "no answer" apart poorly.
 *
 * The two families are answered separately, since one may fail while the other does not. Nothing here is an exception:
 * what went wrong is a value.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** What is known of a name in one family. `none`: there is no such name or no such address; `failed`: nobody said. */
export type FamilyAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[]; readonly ttlMs: number | null }
  | { readonly kind: 'none' | 'failed'; readonly why: string };

export interface NameAnswer {
  readonly v4: FamilyAnswer;
  readonly v6: FamilyAnswer;
}

/** How names are looked up, as the config says. */
export interface LookupSettings {
  /** Addresses of DNS servers, with their ports; none for the system's. */
  readonly servers: readonly string[];
  readonly timeoutMs: number;
}

/** Looks names up; never rejects. */
export interface NameResolver {
  resolve(name: string, settings: LookupSettings): Promise<NameAnswer>;
}

const HOSTS_FILE = '/etc/hosts';
/** How often a server is asked before it counts as silent. */
const TRIES = 2;
const NO_SUCH: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

export const systemResolver: NameResolver = {
  async resolve(name, settings) {
    const text = await readFile(HOSTS_FILE, 'utf8').catch(() => '');
    const listed = addressesInHosts(text, name);
    if (listed.length > 0) return answerOf(listed);
    const answer = await askServers(name, settings);
    const isUnknown = answer.v4.kind === 'none' && answer.v6.kind === 'none';
    return isUnknown && settings.servers.length === 0 ? askSystem(name, settings.timeoutMs) : answer;
  },
};

/** The addresses that a hosts file gives a name; names are compared without regard to case and to a final dot. */
export function addressesInHosts(text: string, name: string): string[] {
  const wanted = withoutDot(name);
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/s, '').trim().split(/\s+/);
    if (isIP(address) !== 0 && names.some((one) => withoutDot(one) === wanted)) found.push(address);
  }
  return found;
}

function withoutDot(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** An answer from a source that says at once all there is, and not for how long. */
function answerOf(addresses: readonly string[]): NameAnswer {
  const family = (version: 4 | 6): FamilyAnswer => {
    const own = addresses.filter((address) => isIP(address) === version);
    return own.length === 0
      ? { kind: 'none', why: 'no address of this family' }
      : { kind: 'addresses', addresses: own, ttlMs: null };
  };
  return { v4: family(4), v6: family(6) };
}

async function askServers(name: string, { servers, timeoutMs }: LookupSettings): Promise<NameAnswer> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  const late = setTimeout(() => resolver.cancel(), TRIES * timeoutMs);
  const [v4, v6] = await Promise.all([
    familyAnswer(resolver.resolve4(name, { ttl: true })),
    familyAnswer(resolver.resolve6(name, { ttl: true })),
  ]);
  clearTimeout(late);
  return { v4, v6 };
}

async function familyAnswer(
  asked: Promise<readonly { readonly address: string; readonly ttl: number }[]>,
): Promise<FamilyAnswer> {
  try {
    const records = await asked;
    if (records.length === 0) return { kind: 'none', why: 'ENODATA' };
    const ttlMs = 1000 * Math.min(...records.map(({ ttl }) => ttl));
    return { kind: 'addresses', addresses: records.map(({ address }) => address), ttlMs };
  } catch (error) {
    return faultOf(error);
  }
}

async function askSystem(name: string, timeoutMs: number): Promise<NameAnswer> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<NameAnswer>();
  const silent: FamilyAnswer = { kind: 'failed', why: 'ETIMEOUT' };
  const timer = setTimeout(() => giveUp({ v4: silent, v6: silent }), TRIES * timeoutMs);
  const asked = lookup(name, { all: true }).then(
    (found) => answerOf(found.map(({ address }) => address)),
    (error: unknown) => ({ v4: faultOf(error), v6: faultOf(error) }),
  );
  const answer = await Promise.race([asked, late]);
  clearTimeout(timer);
  return answer;
}

function faultOf(error: unknown): FamilyAnswer {
  const why = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return { kind: NO_SUCH.has(why) ? 'none' : 'failed', why };
}
