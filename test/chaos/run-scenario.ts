/**
 * Runs one scenario against one proxy, and says which of its promises are broken.
 */
import type { Account } from './account.ts';
import type { Scenario } from './scenario.ts';
import { type Scale, Scene } from './scene.ts';
import type { SubjectName } from './subject.ts';

/** What has come of a scenario with one proxy. `broken` holds sentences; it is empty for rivals, who promise nothing. */
export interface Outcome {
  readonly scenario: string;
  readonly subject: SubjectName;
  readonly account: Account;
  readonly broken: readonly string[];
}

/** Runs it; rejects when the scenario itself cannot be carried out. */
export async function runScenario(
  scenario: Scenario,
  subject: SubjectName,
  seed: number,
  scale: Scale,
): Promise<Outcome> {
  await using scene = new Scene(scenario.name, subject, seed, scale);
  const account = await scenario.run(scene);
  const held = subject === 'tidegate' ? scenario.vows.filter(({ timed }) => timed !== true || scale.timed) : [];
  const broken = held.filter(({ holds }) => !holds(account)).map(({ says }) => says);
  return { scenario: scenario.name, subject, account, broken };
}
