/**
 * The shop of tests that are about its state file: two pools that answer, all traffic with blue, and the path of the file.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { blueAndGreen, shopConfig } from './shop.ts';
import { type Cleaning, configFile, type Tidegate } from './tidegate.ts';
import { Upstream } from './upstream.ts';

export interface StateShop {
  readonly blue: Upstream;
  readonly green: Upstream;
  /** The config file. */
  readonly file: string;
  readonly state: string;
}

/** Starts the upstreams and writes the config; Tidegate is for the test to start. */
export async function stateShop(t: Cleaning): Promise<StateShop> {
  const blue = await Upstream.start(t, 'v1');
  const green = await Upstream.start(t, 'v2');
  const file = await configFile(t, shopConfig({ pools: blueAndGreen(blue.address, green.address), traffic: 'blue' }));
  return { blue, green, file, state: join(file, '../state.db') };
}

/** Whether the metrics say that the state file is written. */
export async function isWritable(tidegate: Tidegate): Promise<boolean> {
  return (await tidegate.admin.metrics()).sum('tidegate_state_writable') === 1;
}

/** What was set aside beside the state file. */
export async function brokenFiles(state: string): Promise<string[]> {
  return (await readdir(join(state, '..'))).filter((name) => name.startsWith('state.db.broken-'));
}
