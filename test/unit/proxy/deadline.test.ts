import t from 'tap';
import { Deadline } from '../../../src/proxy/deadline.ts';
import { FAULTS } from '../../../src/proxy/fault.ts';

t.test('a deadline that was never set does not pass', async (t) => {
  t.equal(new Deadline().passed(Number.MAX_VALUE), null);
});

t.test('it passes at its moment and not before, and once', async (t) => {
  const deadline = new Deadline();
  deadline.set(100, FAULTS.responseTimeout);
  t.equal(deadline.passed(99.999), null);
  t.equal(deadline.passed(100), FAULTS.responseTimeout);
  t.equal(deadline.passed(101), null);
});

t.test('what is waited for last counts, sooner or later than before', async (t) => {
  const deadline = new Deadline();
  deadline.set(100, FAULTS.queueTimeout);
  deadline.set(200, FAULTS.responseTimeout);
  t.equal(deadline.passed(150), null);
  deadline.set(120, FAULTS.upstreamIdle);
  t.equal(deadline.passed(150), FAULTS.upstreamIdle);
  deadline.set(160, FAULTS.clientIdle);
  t.equal(deadline.passed(160), FAULTS.clientIdle, 'it may be set again after it has passed');
});
