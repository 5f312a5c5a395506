import t from 'tap';
import {
  createEndpointMemory,
  EndpointCells,
  readEndpoint,
  setAdmitting,
  settleDeadEndpointLine,
} from '../../../src/stats/endpoint-cells.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

const NOTHING = {
  admitting: false,
  standing: 'admitting',
  weightPart: 1,
  ejections: [0, 0, 0],
  inFlight: 0,
  connections: 0,
  idle: 0,
  queued: 0,
  attempts: 0,
  dials: 0,
  desyncs: 0,
  reuseRaces: 0,
  queueOverflows: 0,
};

t.test('an endpoint admits nothing until it is told to, and every thread sees it', async (t) => {
  const memory = createEndpointMemory(2);
  const cells = [new EndpointCells(memory, 0), new EndpointCells(memory, 1)];
  t.strictSame(readEndpoint(memory), NOTHING);
  t.same(
    cells.map((one) => one.admitting),
    [false, false],
  );
  setAdmitting(memory, true);
  t.same(
    cells.map((one) => one.admitting),
    [true, true],
  );
  t.equal(readEndpoint(memory).admitting, true);
  setAdmitting(memory, false);
  t.same(
    cells.map((one) => one.admitting),
    [false, false],
  );
});

t.test('each kind of event has a counter of its own', async (t) => {
  const memory = createEndpointMemory(3);
  const cells = new EndpointCells(memory, 1);
  cells.dialled();
  for (let count = 0; count < 2; count++) cells.desync();
  for (let count = 0; count < 3; count++) cells.reuseRace();
  for (let count = 0; count < 4; count++) cells.queueOverflow();
  for (let count = 0; count < 5; count++) cells.attemptStarted();
  cells.setConnections(8, 7, 6);
  t.strictSame(readEndpoint(memory), {
    ...NOTHING,
    inFlight: 5,
    connections: 8,
    idle: 7,
    queued: 6,
    attempts: 5,
    dials: 1,
    desyncs: 2,
    reuseRaces: 3,
    queueOverflows: 4,
  });
});

t.test(`each thread sees the load of all threads (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  const memory = createEndpointMemory(4);
  const cells = Array.from({ length: 4 }, (_, thread) => new EndpointCells(memory, thread));
  const open = [0, 0, 0, 0];
  let attempts = 0;
  for (let step = 0; step < 5_000; step++) {
    const thread = random.below(4);
    if (open[thread]! > 0 && random.chance(0.5)) {
      cells[thread]!.attemptEnded('good');
      open[thread]!--;
    } else {
      cells[thread]!.attemptStarted();
      open[thread]!++;
      attempts++;
    }
    const sum = open.reduce((total, one) => total + one, 0);
    if (cells.some((one) => one.inFlight !== sum)) t.fail(`step ${step}`);
  }
  t.equal(readEndpoint(memory).attempts, attempts);
});

t.test("a dead thread's gauges go to zero, its counters and the others' gauges stay", async (t) => {
  const memory = createEndpointMemory(3);
  setAdmitting(memory, true);
  for (let thread = 0; thread < 3; thread++) {
    const cells = new EndpointCells(memory, thread);
    cells.setConnections(10, 5, 2);
    cells.attemptStarted();
    cells.attemptStarted();
    cells.dialled();
    cells.queueOverflow();
  }
  settleDeadEndpointLine(memory, 1);
  t.strictSame(readEndpoint(memory), {
    ...NOTHING,
    admitting: true,
    inFlight: 4,
    connections: 20,
    idle: 10,
    queued: 4,
    attempts: 6,
    dials: 3,
    desyncs: 0,
    reuseRaces: 0,
    queueOverflows: 3,
  });
});
