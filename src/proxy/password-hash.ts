/**
 * Whether a password is that of a hash: SHA-256 crypt (`$5$`, Drepper 2008, what `openssl passwd -5` writes) or scrypt (RFC
 * 7914) in the PHC string format.
 *
 * Both are slow on purpose. Scrypt runs on the thread pool. SHA-256 crypt has to be done here, so it gives way every
 * ROUNDS_AT_ONCE rounds, which is about a millisecond: requests of others do not wait for it. Bcrypt is not offered, since
 * node:crypto does not have it.
 */
import { hash, scrypt, timingSafeEqual } from 'node:crypto';

const ROUNDS = 5000;
const ROUNDS_MOST = 99_999;
const ROUNDS_AT_ONCE = 400;
const SCRYPT_MEMORY_BYTES_MAX = 64 * 1024 * 1024;

/** Whether the password fits a hash of the forms that config accepts; any other fits nothing. */
export async function fitsPassword(password: string, hashed: string): Promise<boolean> {
  const crypt = /^\$5\$(?:rounds=([0-9]+)\$)?([^$]{1,16})\$([^$]+)$/.exec(hashed);
  if (crypt !== null) {
    const [, rounds, salt, wanted] = crypt;
    const made = await sha256Crypt(password, salt!, rounds === undefined ? ROUNDS : Number(rounds));
    return same(Buffer.from(made), Buffer.from(wanted!));
  }
  const phc = /^\$scrypt\$ln=([0-9]+),r=([0-9]+),p=([0-9]+)\$([^$]+)\$([^$]+)$/.exec(hashed);
  if (phc === null) return false;
  const [, ln, r, p, salt, wanted] = phc;
  const key = Buffer.from(wanted!, 'base64');
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: SCRYPT_MEMORY_BYTES_MAX };
  return same(await scrypted(password, Buffer.from(salt!, 'base64'), key.length, cost), key);
}

function same(made: Buffer, wanted: Buffer): boolean {
  return made.length === wanted.length && timingSafeEqual(made, wanted);
}

function scrypted(
  password: string,
  salt: Buffer,
  bytes: number,
  cost: { readonly N: number; readonly r: number; readonly p: number; readonly maxmem: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** The last part of a `$5$` hash; names of the steps are those of the specification. */
async function sha256Crypt(password: string, saltText: string, rounds: number): Promise<string> {
  const key = Buffer.from(password);
  const salt = Buffer.from(saltText);
  const b = sha256(key, salt, key);
  const parts = [key, salt, repeated(b, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? b : key);
  const a = sha256(...parts);
  const p = repeated(sha256(...new Array<Buffer>(key.length).fill(key)), key.length);
  const s = repeated(sha256(...new Array<Buffer>(16 + a[0]!).fill(salt)), salt.length);
  let c = a;
  const last = Math.min(rounds, ROUNDS_MOST);
  for (let round = 0; round < last; round++) {
    if (round > 0 && round % ROUNDS_AT_ONCE === 0) await new Promise(setImmediate);
    const isOdd = (round & 1) === 1;
    const step = [isOdd ? p : c];
    if (round % 3 !== 0) step.push(s);
    if (round % 7 !== 0) step.push(p);
    step.push(isOdd ? c : p);
    c = sha256(...step);
  }
  return cryptText(c);
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ORDER: readonly (readonly [number, number, number])[] = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
];

function cryptText(digest: Buffer): string {
  let text = '';
  for (const [high, middle, low] of ORDER)
    text += letters((digest[high]! << 16) | (digest[middle]! << 8) | digest[low]!, 4);
  return text + letters((digest[31]! << 8) | digest[30]!, 3);
}

function letters(value: number, count: number): string {
  let text = '';
  for (let at = 0, left = value; at < count; at++, left >>= 6) text += ALPHABET[left & 63];
  return text;
}
