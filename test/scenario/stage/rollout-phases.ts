/**
 * How a rollout comes into each of its phases and stays there, and the plan that makes it possible.
 */
import { exchange } from './exchange.ts';
import type { RolloutShop } from './rollout-shop.ts';
import { until } from './until.ts';

/** The lines of `rollout:` for PHASES: no step and no bake ends by itself, and an abort goes back over half a minute. */
export const PHASED = [
  'steps: [{ weight: 20%, hold: 1h }, { weight: 30%, hold: 0s, approve: true }, 100%]',
  'hold: 1h',
  'bake: 1h',
  'inconclusive: promote',
  'rollback: { over: 30s }',
  'verify: { smoke: [{ path: /smoke, timeout: 5m }], timeout: 1h }',
  'onNewVersion: reject',
];

/** How each phase is reached from a start, and green's share in it. */
export const PHASES: Readonly<
  Record<string, { readonly share: number; readonly reach: (shop: RolloutShop) => Promise<unknown> }>
> = {
  verifying: {
    share: 0,
    reach: async (shop) => {
      shop.green.smoke = () => 0;
      const { smokes } = shop.green;
      await shop.start();
      await until('it is being verified', () => shop.green.smokes > smokes);
      shop.green.smoke = () => 200;
    },
  },
  holding: {
    share: 0.2,
    reach: async (shop) => {
      await shop.start();
      await shop.phase('holding');
    },
  },
  paused: {
    share: 0.2,
    reach: async (shop) => {
      await shop.start();
      await shop.phase('holding');
      await shop.command('pause');
    },
  },
  'awaiting-approval': {
    share: 0.3,
    reach: async (shop) => {
      await shop.start();
      await shop.phase('holding');
      await shop.command('promote');
      // The step is over when its hold is and green has been asked.
      await until('it waits for approval', async () => {
        await exchange(shop.port, '/');
        return (await shop.view()).phase === 'awaiting-approval';
      });
    },
  },
  baking: {
    share: 1,
    reach: async (shop) => {
      await shop.start();
      await shop.phase('holding');
      await shop.command('promote', { full: true });
      await shop.phase('baking');
    },
  },
  'rolling-back': {
    share: 1,
    reach: async (shop) => {
      await PHASES.baking!.reach(shop);
      await shop.command('abort');
    },
  },
};
