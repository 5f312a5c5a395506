/**
 * The short version of `npm run chaos`: each of its scenarios for a second or two, against Tidegate alone, with every promise
 * that is not about time or memory. `TIDEGATE_TEST_SEED` repeats a run's random choices.
 */
import t from 'tap';
import { runScenario } from '../chaos/run-scenario.ts';
import { scenarios } from '../chaos/scenarios/all.ts';
import { SHORT } from '../chaos/scene.ts';
import { seededRandom } from './stage/seeded.ts';

const { seed } = seededRandom();
/** So many at a time: they wait more than they work. */
const AT_ONCE = 3;

t.jobs = AT_ONCE;
t.comment(`seed ${seed}`);
for (const scenario of scenarios.filter(({ short }) => short)) {
  t.test(`${scenario.name}: ${scenario.fault}`, { buffered: true }, async (t) => {
    const { account, broken } = await runScenario(scenario, 'tidegate', seed, SHORT);
    t.same(broken, [], `every promise is kept (seed ${seed}); ${JSON.stringify(account)}`);
    t.ok(account.gets.answered + account.posts.answered > 0, 'and there was something to promise');
  });
}
