/**
 * Sticky users while the tide rises and falls: nobody moves against it, and a rollback brings everybody home at once.
 */
import t, { type Test } from 'tap';
import { isCoincidence } from './stage/coincidence.ts';
import { exchange } from './stage/exchange.ts';
import { fieldOf, Load } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate, type Tidegate } from './stage/tidegate.ts';
import { Upstream } from './stage/upstream.ts';

const USERS = 10_000;
const TIDE = [1, 5, 25, 50, 100, 0] as const;

/** Which version serves each user, by one request from each. */
async function versions(tidegate: Tidegate, users: number, keyLine: (user: number) => string): Promise<string[]> {
  const served = new Array<string>(users).fill('');
  const load = new Load({
    port: tidegate.port,
    clients: 16,
    keepAlive: true,
    requests: users,
    make: (user) => ({ bytes: `GET / HTTP/1.1\r\nHost: shop.test\r\n${keyLine(user)}\r\n\r\n` }),
    judge: (answer, user) => {
      served[user] = fieldOf(answer, 'x-version');
      if (answer.head.includes('\r\nset-cookie: ')) return 'a user who has a key was given another one';
      return answer.status === 200 ? null : `status ${answer.status}`;
    },
  });
  await load.finished;
  if (load.failed > 0) throw new Error(`requests have failed: ${JSON.stringify(load.failures[0])}`);
  return served;
}

async function followTide(
  t: Test,
  tidegate: Tidegate,
  users: number,
  keyLine: (user: number) => string,
): Promise<void> {
  let before = await versions(tidegate, users, keyLine);
  t.ok(
    before.every((version) => version === 'v1'),
    'everybody begins on blue',
  );
  let share = 0;
  for (const next of TIDE) {
    await tidegate.admin.traffic({ blue: 100 - next, green: next });
    const now = await versions(tidegate, users, keyLine);
    const against = now.filter((version, user) =>
      next > share ? before[user] === 'v2' && version !== 'v2' : before[user] === 'v1' && version !== 'v1',
    );
    t.equal(against.length, 0, `${share}% → ${next}%: nobody has moved against the tide`);
    const onGreen = now.filter((version) => version === 'v2').length;
    t.ok(isCoincidence(onGreen, users, next / 100), `${onGreen} of ${users} users are on green at ${next}%`);
    before = now;
    share = next;
  }
  t.ok(
    before.every((version) => version === 'v1'),
    'everybody is back on blue at once',
  );
}

t.test('10,000 users known by a header through 1, 5, 25, 50, 100 and 0%', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const green = await Upstream.start(t, 'v2');
  const pools = blueAndGreen(blue.address, green.address);
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools, traffic: 'blue', service: ['sticky: { header: x-user-id }'] }),
  );
  await followTide(t, tidegate, USERS, (user) => `X-User-Id: user-${user}`);
});

t.test('users known by the cookie that Tidegate gives them', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const green = await Upstream.start(t, 'v2');
  const pools = blueAndGreen(blue.address, green.address);
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools, traffic: 'blue', service: ['sticky: { cookie: tg, maxAge: 1h }'] }),
  );
  const users = 400;
  const cookies: string[] = [];
  for (let user = 0; user < users; user++) {
    const given = (await exchange(tidegate.port, '/')).headers['set-cookie']?.[0] ?? '';
    if (user === 0) t.match(given, /^tg=[0-9a-f]{32}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
    cookies.push(given.slice(0, given.indexOf(';')));
  }
  t.equal(new Set(cookies).size, users, 'each user has a key of their own');
  await followTide(t, tidegate, users, (user) => `Cookie: theme=dark; ${cookies[user]}`);

  await t.test('and a new user is given a cookie that leads where the first answer came from', async (t) => {
    await tidegate.admin.traffic({ blue: 50, green: 50 });
    for (let visit = 0; visit < 20; visit++) {
      const first = await exchange(tidegate.port, '/');
      const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
      const second = await exchange(tidegate.port, '/', { headers: { cookie } });
      t.equal(second.headers['x-version'], first.headers['x-version']);
    }
  });
});
