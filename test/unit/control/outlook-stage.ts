/** A service as the config gives it, and what is known of it before a rollout. */
import { parseConfig } from '../../../src/config/parse.ts';
import type { Service } from '../../../src/config/schema.ts';
import type { StartOrder } from '../../../src/control/operations.ts';
import { budgetedAim, type Outlook } from '../../../src/control/outlook.ts';
import { type Aim, aimOf } from '../../../src/control/rollout-aim.ts';
import { judgeSettingsFor } from '../../../src/control/rollout-settings.ts';
import type { PresentTraffic } from '../../../src/judge/detectability.ts';

export const ORDER: StartOrder = { to: null, version: null, again: false };
/** A thousand requests a second, one in a thousand bad. */
export const BUSY: PresentTraffic = { requests: 600_000, bad: 600, seconds: 600 };
export const NOTHING: PresentTraffic = { requests: 0, bad: 0, seconds: 600 };

/** The service `shop` with blue and green, and what stands after `rollout:`. */
export function shop(rollout = '{}', pools = ''): Service {
  const text = `
listeners: [{ address: 127.0.0.1:0 }]
services:
  shop:
    pools:
      blue: { version: v1, endpoints: [127.0.0.1:1001] }
      green: { version: v2, endpoints: [127.0.0.1:1002, 127.0.0.1:1003] }${pools}
    traffic: blue
    rollout: ${rollout}
routes: [{ service: shop }]
`;
  const { config, problems } = parseConfig(text, { file: 'shop.yaml', env: {} });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config.services.get('shop')!;
}

/** The aim of an order for a service whose traffic is on blue; throws where there is none. */
export function aim(service: Service, order: Partial<StartOrder> = {}): Aim {
  const found = aimOf(service, 'blue', { ...ORDER, ...order });
  if ('refused' in found) throw new Error(found.message);
  return found;
}

/** Everything that is known before a start; throws where it would be refused. */
export function outlook(
  service: Service,
  traffic: PresentTraffic,
  order: Partial<StartOrder> = {},
  answer: Outlook['answer'] = { kind: 'begin' },
): Outlook {
  const settings = judgeSettingsFor(service, { active: 'blue', candidate: 'green' }, null);
  const budgeted = budgetedAim(service, aim(service, order), { ...ORDER, ...order }, traffic, settings);
  if ('refused' in budgeted) throw new Error(budgeted.message);
  return { ...budgeted, settings, traffic, answer };
}
