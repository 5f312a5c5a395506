/**
 * Every scenario, in the order of the table. A new one is a line in one of these lists.
 */
import type { Scenario } from '../scenario.ts';
import { burdens } from './burdens.ts';
import { changes } from './changes.ts';
import { descriptorScenarios } from './descriptors.ts';
import { endpointFaults } from './endpoint-faults.ts';
import { kills } from './kills.ts';

export const scenarios: readonly Scenario[] = [
  ...endpointFaults,
  ...kills,
  ...changes,
  ...descriptorScenarios,
  ...burdens,
];
