import t from 'tap';
import type { Downstream } from '../../../src/proxy/downstream.ts';
import { isOwnWant, SocketRoom } from '../../../src/proxy/socket-room.ts';

const HOUR_MS = 3_600_000;

/** A room of 100 sockets, so many of them open. */
function roomWith(open: number): SocketRoom {
  const room = new SocketRoom();
  room.limit(100);
  room.news(1000);
  for (let socket = 0; socket < open; socket++) room.opened();
  return room;
}

/** Clients, some of which are idle; `closed` holds the numbers of those that gave way. */
function clientsOf(idle: readonly boolean[]): { readonly clients: Downstream[]; readonly closed: number[] } {
  const closed: number[] = [];
  const clients = idle.map((isIdle, number) => {
    const client = {
      mayGiveWay: isIdle,
      giveWay: () => {
        client.mayGiveWay = false;
        closed.push(number);
      },
    };
    return client as unknown as Downstream;
  });
  return { clients, closed };
}

t.test('as long as there is room, nobody gives way', async (t) => {
  const { clients, closed } = clientsOf([true, true]);
  t.ok(roomWith(79).mayCome(clients));
  t.same(closed, []);
});

t.test('when sockets run low, clients that wait make room for new ones, oldest first, a batch at a time', async (t) => {
  const { clients, closed } = clientsOf(Array.from({ length: 100 }, (_, number) => number % 2 === 1));
  t.ok(roomWith(80).mayCome(clients));
  t.same(
    closed,
    Array.from({ length: 32 }, (_, number) => 2 * number + 1),
  );
});

t.test('a client is turned away when no other waits, and the clients are searched once a tick', async (t) => {
  const room = roomWith(80);
  const { clients, closed } = clientsOf([false, false, false]);
  let searches = 0;
  const counted = {
    *[Symbol.iterator]() {
      searches += 1;
      yield* clients;
    },
  };
  for (let client = 0; client < 1000; client++) t.equal(room.mayCome(counted), false);
  t.equal(searches, 1);
  room.news(1050);
  t.equal(room.mayCome(counted), false);
  t.equal(searches, 2);
  t.same(closed, []);
});

t.test('clients that come in one turn of the event loop come at the same time, and a tick is later', async (t) => {
  const room = roomWith(0);
  const first = room.turn;
  for (let client = 0; client < 3; client++) room.mayCome([]);
  t.equal(room.turn, first, 'what they have sent cannot have been read yet');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(room.turn, first + 1);
  room.mayCome([]);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(room.turn, first + 2);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(room.turn, first + 2, 'nobody has come');
  room.news(1050);
  t.equal(room.turn, first + 3);
});

t.test('what clients do not get is left for endpoints', async (t) => {
  t.ok(roomWith(99).mayDial());
  t.notOk(roomWith(100).mayDial());
  const room = roomWith(100);
  room.closed();
  t.ok(room.mayDial());
});

t.test('a shortage is told once when it begins and once when it is over, however many felt it', async (t) => {
  const room = roomWith(100);
  const told: string[] = [];
  for (let nowMs = 1000; nowMs < 20_000; nowMs += 50) {
    if (nowMs < 3000) for (let client = 0; client < 100; client++) room.mayCome([]);
    const news = room.news(nowMs);
    if (news !== null) told.push(news);
  }
  t.equal(told.length, 2);
  t.match(told[0], /^file descriptors run out: of 100 sockets of this thread 100 are open/);
  t.match(told[1], /enough again: 0 idle clients were closed for others, 4000 were turned away/);
});

t.test('of many sockets, endpoints are left 512', async (t) => {
  const room = new SocketRoom();
  room.limit(10_000);
  for (let socket = 0; socket < 9487; socket++) room.opened();
  t.ok(room.mayCome([]));
  room.opened();
  t.notOk(room.mayCome([]));
});

t.test('without a known limit there is always room', async (t) => {
  const room = new SocketRoom();
  for (let socket = 0; socket < 1000; socket++) room.opened();
  t.ok(room.mayDial());
  t.ok(room.mayCome([]));
  t.equal(room.news(HOUR_MS), null);
});

t.test('a dial that fails for want of what is ours says nothing about the endpoint', async (t) => {
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS']) t.ok(isOwnWant(code), code);
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'closed'])
    t.notOk(isOwnWant(code), code);
});
