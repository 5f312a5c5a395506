import t from 'tap';
import { RolloutEvidence, type SignalMemories } from '../../../src/control/rollout-evidence.ts';
import { createEvidenceMemory } from '../../../src/stats/evidence-cells.ts';
import { createSignalMemory, SignalWriter } from '../../../src/stats/signal-cells.ts';

function stage(earlier: ConstructorParameters<typeof RolloutEvidence>[3] = null) {
  const memories = [createSignalMemory(1), createSignalMemory(1)] as const;
  const signals: SignalMemories = new Map([['it', memories]]);
  const [active, candidate] = memories.map((memory) => new SignalWriter(memory, 0)) as [SignalWriter, SignalWriter];
  const open = () => new RolloutEvidence(createEvidenceMemory(1), createEvidenceMemory(1), 0, earlier, signals);
  return { active, candidate, open };
}

function counts(epoch: number, share: number, active: number, candidate: number, bad = 0) {
  const side = (requests: number, events: number) => ({ requests, events: [events] });
  return { epoch, share, active: side(active, 0), candidate: side(candidate, bad) };
}

t.test('a signal is counted by gate position, from where its slot stood when the position took it', async (t) => {
  const { active, candidate, open } = stage();
  active.judged(3);
  const evidence = open();
  evidence.stand({ epoch: 7, slot: 3, share: 0.5 }, 0, 0);
  active.judged(3);
  candidate.judged(3);
  candidate.bad(3);
  evidence.sample();
  t.same(evidence.signal('it'), [counts(7, 0.5, 1, 1, 1)]);
  evidence.stand({ epoch: 8, slot: 4, share: 1 }, 1, 1);
  candidate.judged(4);
  active.judged(3);
  evidence.sample();
  t.same(evidence.signal('it'), [counts(7, 0.5, 2, 1, 1), counts(8, 1, 0, 1)]);
  t.same(evidence.signals, ['it']);
});

t.test('what an earlier process has counted of a signal is added to its position', async (t) => {
  const { candidate, open } = stage({ it: [counts(7, 0.5, 10, 20, 2)] });
  const evidence = open();
  evidence.stand({ epoch: 7, slot: 0, share: 0.5 }, 0, 0);
  candidate.judged(0);
  evidence.sample();
  t.same(evidence.signal('it'), [counts(7, 0.5, 10, 21, 2)]);
});
