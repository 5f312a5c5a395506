/**
 * The proxies of the grid: Tidegate and the servers that people compare it with, each started with the plain
 * configuration that the bench races it with (`bench/rivals/`), one worker each, in front of a recorder of its own.
 */
import { contenderNamed } from '../contenders.ts';
import { freePorts } from '../free-ports.ts';
import type { Child, Nursery } from '../processes.ts';
import type { Workspace } from '../workspace.ts';
import type { ConformanceCase } from './case.ts';
import { judge, type Verdict } from './judgement.ts';
import { Recorder } from './recorder.ts';
import { runCase } from './trial.ts';

/** The contenders that take part, in the order of the columns. */
export const proxyNames = ['tidegate', 'nginx', 'haproxy', 'caddy'] as const;

/** How the columns are headed. */
export const proxyTitles: Readonly<Record<string, string>> = {
  tidegate: 'Tidegate',
  nginx: 'nginx',
  haproxy: 'HAProxy',
  caddy: 'Caddy',
};

/** No proxy lives longer than this, whatever becomes of the script. */
const secondsMax = 170;

/** The column of one proxy: its verdicts in the order of the cases. */
export interface Column {
  readonly name: string;
  readonly version: string;
  readonly verdicts: readonly Verdict[];
}

/** The version of a proxy, or null when it is not installed here. */
export function versionOf(name: string): string | null {
  return contenderNamed(name).version();
}

/** Starts the proxy, puts every case to it, one after the other, and kills it. */
export async function runColumn(
  name: string,
  cases: readonly ConformanceCase[],
  nursery: Nursery,
  workspace: Workspace,
): Promise<Column> {
  const contender = contenderNamed(name);
  const recorder = await Recorder.open();
  // Nobody listens on the second pool's port; it never has traffic.
  const [listen = 0, admin = 0, green = 0] = await freePorts(3);
  const placement = { directory: workspace.room(name), listen, admin, blue: recorder.port, green };
  const { readiness, ...launch } = contender.launch(placement);
  const child = nursery.start({ name, ...launch, side: 'anywhere', secondsMax });
  try {
    await nursery.ready(child, readiness);
    const verdicts: Verdict[] = [];
    for (const subject of cases) verdicts.push(judge(subject, await asked(subject, listen, recorder, child)));
    return { name, version: contender.version() ?? 'unknown', verdicts };
  } finally {
    nursery.kill(child);
    await recorder.close();
  }
}

async function asked(subject: ConformanceCase, port: number, recorder: Recorder, child: Child) {
  try {
    return await runCase(subject, port, recorder);
  } catch (error) {
    throw new Error(`${child.name} at "${subject.name}": ${(error as Error).message}; ${child.output().slice(-500)}`);
  }
}
