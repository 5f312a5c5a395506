/**
 * The page of the OFREP bench: what questions about flags cost, and what they do to proxied requests and to the judge's
 * ticks. The words are here, the numbers come from the samples.
 */
import type { Circumstances } from '../machine.ts';
import type { Asked, OfrepFigures, OfrepPlan, Sample } from './scenario.ts';

/** What was run, with what was seen. */
export interface OfrepRun extends OfrepPlan, OfrepFigures {
  readonly circumstances: Circumstances;
  /** What the machine had to do in the minute before the run, as a load average. */
  readonly otherLoad: number;
}

const WHO: Readonly<Record<Asked, string>> = {
  nobody: 'nobody is asked',
  itself: 'the same process',
  another: 'another process',
};

/** The whole page. */
export function ofrepPage(run: OfrepRun): string {
  const { circumstances: at, samples, killsMs } = run;
  const seconds = (run.rounds * run.measureMs) / 1000;
  return `# OFREP beside the proxy

- Date: ${at.date}
- Command: \`${at.command}\`
- Machine: ${at.cpu}, ${at.cores} cores, ${at.kernel}; Node ${at.node}
- Nothing is pinned to a core: two Tidegates, the upstream and all clients share them.
- Load average of the minute before: ${run.otherLoad.toFixed(1)}.

One Tidegate with one data thread proxies ${run.proxied.toLocaleString('en')} small requests/s. Beside that, ${run.questions.toLocaleString('en')} questions/s over OFREP, each a
POST about one of ${run.flags} percentage flags on a connection that is kept, go to nobody, to the same Tidegate, or to a second one
that does nothing else. Against nobody it is seen what the machine makes of so much more work; against the second what comes
of its being done in the same process. Requests begin at a fixed rate, and each is timed from the moment at which it was due.
${run.rounds} rounds in turn, ${seconds} s of each kind.

A tick is a timer of 100 ms on the main thread, as the judge has it.

| questions to | proxied/s | p50 ms | p99 ms | answers/s | p50 ms | p99 ms | tick late p50 ms | p99 ms | most ms | CPU of Tidegate |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
${samples.map((sample) => row(sample, run)).join('\n')}

${costOf(run)}

A kill was told to the last of ${run.streams.toLocaleString('en')} change streams ${killsMs.map((ms) => Math.round(ms)).join(', ')} ms after the call had begun; clients are told over
400 ms, so that they do not all ask again in one moment.
`;
}

function row(sample: Sample, run: OfrepRun): string {
  const seconds = (run.rounds * run.measureMs) / 1000;
  const perSecond = (count: number): string => Math.round(count / seconds).toLocaleString('en');
  const { proxied, questions, lateMs } = sample;
  const cells = [
    WHO[sample.asked],
    perSecond(proxied.good),
    at(proxied.goodMs, 0.5),
    at(proxied.goodMs, 0.99),
    questions === null ? '-' : perSecond(questions.good),
    at(questions?.goodMs ?? [], 0.5),
    at(questions?.goodMs ?? [], 0.99),
    at(lateMs, 0.5),
    at(lateMs, 0.99),
    at(lateMs, 1),
    `${Math.round(sample.cpuUs / 1e4 / ((run.rounds * (run.settleMs + run.measureMs)) / 1000))}%`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The CPU time of a question: what the Tidegate that is asked uses more than the one that is not. */
function costOf(run: OfrepRun): string {
  const of = (asked: Asked): Sample | undefined => run.samples.find((sample) => sample.asked === asked);
  const [itself, another] = [of('itself'), of('another')];
  if (itself?.questions == null || another === undefined) return '';
  // Those of the time before the measurement are asked too, at the same rate.
  const asked = (itself.questions.good * (run.settleMs + run.measureMs)) / run.measureMs;
  const costUs = asked === 0 ? 0 : (itself.cpuUs - another.cpuUs) / asked;
  return `A question costs ${Math.round(costUs)} µs of CPU time, HTTP and all, counted as what the first Tidegate uses more when it is asked than
when the second is.`;
}

function at(values: readonly number[], share: number): string {
  const sorted = [...values].sort((left, right) => left - right);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return value === undefined ? '-' : value.toFixed(1);
}
