/** Passwords: the two forms of hashes, what is remembered, and what is refused when there is too much to check. */
import { scryptSync } from 'node:crypto';
import t from 'tap';
import { credentialsOf } from '../../../src/proxy/credentials.ts';
import { type PasswordCheck, PasswordChecks } from '../../../src/proxy/password-checks.ts';
import { fitsPassword } from '../../../src/proxy/password-hash.ts';

// Made by `openssl passwd -5`.
const CRYPTS: readonly (readonly [password: string, hash: string])[] = [
  ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['x', '$5$a$m5PPB7rYZmTs0gzCcO.9R/qmXtGr3g/5s2bl1flV9x2'],
  [
    'a longer password, with more than thirty-two bytes and some äöü',
    '$5$0123456789abcdef$aSEp2KaVqTGcJEp2.YmKba1VoZ.BjtXqpzWzKKXSnk4',
  ],
  ['Hello world!', '$5$rounds=1000$roundedsalt$ib9uSUF4xCCz0mcrYYTGmU9DTHKb9eMl0zZMGRSU3R4'],
];

for (const [password, hash] of CRYPTS) {
  t.test(
    `SHA-256 crypt of ${password.length} characters fits ${hash.slice(0, 30)} and nothing else does`,
    async (t) => {
      t.ok(await fitsPassword(password, hash));
      t.notOk(await fitsPassword(`${password} `, hash));
      t.notOk(await fitsPassword('', hash));
    },
  );
}

t.test('scrypt fits with the parameters that stand in the hash', async (t) => {
  const salt = Buffer.from('salt of 16 bytes');
  for (const [N, r, p, ln] of [
    [2, 1, 1, 1],
    [1024, 8, 2, 10],
  ] as const) {
    const key = scryptSync('pässword', salt, 32, { N, r, p });
    const hash = `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${key.toString('base64')}`;
    t.ok(await fitsPassword('pässword', hash));
    t.notOk(await fitsPassword('password', hash));
  }
});

t.test('what is no hash fits nothing', async (t) => {
  for (const hash of ['', 'password', '$1$a$b', '$5$', '$scrypt$']) t.notOk(await fitsPassword('password', hash), hash);
});

t.test('a check of SHA-256 crypt lets others have their turn', async (t) => {
  let turns = 0;
  const turn = setInterval(() => {
    turns += 1;
  }, 1);
  await fitsPassword('x', CRYPTS[0]![1]);
  clearInterval(turn);
  t.ok(turns > 0);
});

const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const credentials: readonly (readonly [field: string | undefined, user: string | null, password?: string])[] = [
  [encoded('anna:pass:word'), 'anna', 'pass:word'],
  [encoded('ännä:'), 'ännä', ''],
  [encoded(':'), '', ''],
  [`bAsIc  ${encoded('anna:x').slice(6)}`, 'anna', 'x'],
  [encoded('anna'), null],
  [undefined, null],
  ['', null],
  ['Basic', null],
  ['Basic ', null],
  ['Basic a b', null],
  ['Bearer YTpi', null],
  [`${encoded('a:b')}, ${encoded('a:b')}`, null],
  [encoded(`a:${'x'.repeat(1024)}`), null],
];
for (const [field, user, password] of credentials) {
  t.test(`${JSON.stringify(field?.slice(0, 40))} is ${user === null ? 'no credentials' : user}`, async (t) => {
    t.strictSame(credentialsOf(field), user === null ? null : { user, password });
  });
}

const CHECK: PasswordCheck = { user: 'anna', password: 'right', hash: 'h', known: true };

/** Checks that end when the test says so. */
function scripted(): { checks: PasswordChecks; running: { password: string; end: (fits: boolean) => void }[] } {
  const running: { password: string; end: (fits: boolean) => void }[] = [];
  const checks = new PasswordChecks((password) => new Promise((end) => running.push({ password, end })));
  return { checks, running };
}

function verdictOf(checks: PasswordChecks, check: PasswordCheck): Promise<boolean | 'busy'> {
  return new Promise((onPassword) => checks.begin(check, { onPassword }));
}

t.test('what is proven is remembered, for this user, password and hash only', async (t) => {
  const { checks, running } = scripted();
  t.notOk(checks.isProven(CHECK));
  const verdict = verdictOf(checks, CHECK);
  running[0]!.end(true);
  t.equal(await verdict, true);
  t.ok(checks.isProven(CHECK));
  for (const other of [{ user: 'bert' }, { password: 'wrong' }, { hash: 'i' }, { known: false }]) {
    t.notOk(checks.isProven({ ...CHECK, ...other }), JSON.stringify(other));
  }
});

t.test('a failure is not remembered, nor is a user who does not exist ever right', async (t) => {
  const { checks, running } = scripted();
  const wrong = verdictOf(checks, CHECK);
  running[0]!.end(false);
  t.equal(await wrong, false);
  const unknown = verdictOf(checks, { ...CHECK, known: false });
  running[1]!.end(true);
  t.equal(await unknown, false);
  t.notOk(checks.isProven(CHECK));
});

t.test('equal checks are one, and not more than two run at once', async (t) => {
  const { checks, running } = scripted();
  const same = [verdictOf(checks, CHECK), verdictOf(checks, CHECK)];
  const second = verdictOf(checks, { ...CHECK, password: '2' });
  const third = verdictOf(checks, { ...CHECK, password: '3' });
  t.strictSame(
    running.map(({ password }) => password),
    ['right', '2'],
  );
  running[0]!.end(true);
  t.strictSame(await Promise.all(same), [true, true]);
  running[1]!.end(false);
  running[2]!.end(true);
  t.strictSame([await second, await third], [false, true]);
});

t.test('when too many wait, a further one is told so at once', async (t) => {
  const { checks } = scripted();
  for (let index = 0; index < 2 + 64; index++)
    checks.begin({ ...CHECK, password: String(index) }, { onPassword: () => {} });
  t.equal(await verdictOf(checks, { ...CHECK, password: 'more' }), 'busy');
  for (let index = 1; index < 256; index++) checks.begin({ ...CHECK, password: '0' }, { onPassword: () => {} });
  t.equal(await verdictOf(checks, { ...CHECK, password: '0' }), 'busy');
});

t.test('a check that fails by itself is no proof', async (t) => {
  const checks = new PasswordChecks(() => Promise.reject(new Error('no memory')));
  t.equal(await verdictOf(checks, CHECK), false);
});
