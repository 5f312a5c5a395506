/** Counts by gate position, from a board that counts by slot. */
import t from 'tap';
import { RolloutEvidence } from '../../../src/control/rollout-evidence.ts';
import { createEvidenceMemory, EvidenceWriter } from '../../../src/stats/evidence-cells.ts';

function board(boundaries = 0) {
  const memories = [createEvidenceMemory(2), createEvidenceMemory(2)] as const;
  const writers = memories.map((memory) => [0, 1].map((thread) => new EvidenceWriter(memory, thread)));
  const count = (side: 0 | 1, slot: number, judged: number, bad = 0, level = 0, thread = 0): void => {
    const writer = writers[side]![thread]!;
    for (let index = 0; index < judged; index++) writer.judged(slot);
    for (let index = 0; index < bad; index++) writer.bad(slot);
    if (level > 0) writer.above(slot, 0, level);
  };
  return { memories, count, begin: () => new RolloutEvidence(...memories, boundaries, null) };
}

t.test('what a slot has counted before a position took it is not of that position', async (t) => {
  const { count, begin } = board();
  count(0, 3, 50, 5);
  const evidence = begin();
  evidence.stand({ epoch: 9, slot: 3, share: 0.1 }, 0, 0);
  count(0, 3, 7, 1);
  count(1, 3, 2, 2, 0, 1);
  evidence.sample();
  t.same(evidence.errors(), [
    { epoch: 9, share: 0.1, active: { requests: 7, events: [1] }, candidate: { requests: 2, events: [2] } },
  ]);
});

t.test('what comes between the move and the next tick is of the new position', async (t) => {
  const { count, begin } = board();
  const evidence = begin();
  evidence.stand({ epoch: 1, slot: 0, share: 0 }, 0, 0);
  evidence.sample();
  // The gate moves here, and a request is over before anybody looks again.
  count(1, 1, 1, 1);
  evidence.stand({ epoch: 2, slot: 1, share: 0.5 }, 100, 0);
  evidence.sample();
  t.match(evidence.errors().at(-1), { epoch: 2, candidate: { requests: 1, events: [1] } });
});

t.test('late ends of an earlier position are found there, until its slot is taken again', async (t) => {
  const { count, begin } = board();
  const evidence = begin();
  evidence.stand({ epoch: 1, slot: 0, share: 0.1 }, 0, 0);
  evidence.stand({ epoch: 2, slot: 1, share: 0.5 }, 100, 0);
  count(1, 0, 1, 1);
  evidence.sample();
  t.match(evidence.errors()[0], { epoch: 1, candidate: { requests: 1, events: [1] } });
  evidence.stand({ epoch: 3, slot: 0, share: 1 }, 200, 0);
  count(1, 0, 4, 4);
  evidence.sample();
  const [first, , third] = evidence.errors();
  t.match(first, { epoch: 1, candidate: { requests: 1, events: [1] } }, 'it keeps its last counts');
  t.match(third, { epoch: 3, candidate: { requests: 4, events: [4] } });
});

t.test('latency begins to count when a position has warmed up, errors at once', async (t) => {
  const { count, begin } = board(2);
  const evidence = begin();
  evidence.stand({ epoch: 1, slot: 0, share: 0.1 }, 0, 1000);
  count(1, 0, 5, 1, 2);
  evidence.sample();
  t.same(evidence.latency(), []);
  t.match(evidence.errors(), [{ candidate: { requests: 5, events: [1] } }]);
  evidence.stand({ epoch: 1, slot: 0, share: 0.1 }, 1000, 2000);
  count(1, 0, 3, 0, 1);
  evidence.sample();
  t.match(evidence.latency(), [{ candidate: { requests: 3, events: [1, 0] } }]);
});

t.test('after a restart the counts of the position go on, in a board that began with the process', async (t) => {
  const { memories, count } = board(1);
  const side = (requests: number, events: number) => ({ requests, events: [events] });
  const errors = [{ epoch: 8, share: 0.1, active: side(90, 2), candidate: side(10, 1) }];
  const latency = [{ epoch: 8, share: 0.1, active: side(80, 8), candidate: side(9, 3) }];
  // Requests that were over before the rollout was read back.
  count(1, 5, 4, 1, 1);
  const evidence = new RolloutEvidence(...memories, 1, { errors, latency });
  evidence.stand({ epoch: 8, slot: 5, share: 0.1 }, 500, 500);
  evidence.sample();
  t.same(evidence.errors(), [{ epoch: 8, share: 0.1, active: side(90, 2), candidate: side(14, 2) }]);
  t.same(evidence.latency(), [{ epoch: 8, share: 0.1, active: side(80, 8), candidate: side(13, 4) }]);
});

t.test('an epoch that was given out again for another share is left out and not mixed up', async (t) => {
  const { memories } = board();
  const counts = { requests: 10, events: [1] };
  const errors = [{ epoch: 8, share: 0.1, active: counts, candidate: counts }];
  const evidence = new RolloutEvidence(...memories, 0, { errors, latency: [] });
  evidence.stand({ epoch: 8, slot: 5, share: 0 }, 0, 0);
  t.same(evidence.errors(), []);
});
