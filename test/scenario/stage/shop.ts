/**
 * The config that most scenarios start from: one service `shop` with the pools `blue` and `green`, two data threads, and
 * ports of the system's choice. No request is refused because the machine has other work: that is overload too, and
 * rightly answered with 503, but no scenario is about it.
 */

/** The pools by name, each with its version and endpoints, and what else the config says. */
export interface Shop {
  readonly pools: Readonly<Record<string, { readonly version: string; readonly endpoints: readonly string[] }>>;
  /** As it stands after `traffic:`. */
  readonly traffic: string;
  /** Further lines of the service, without indentation. */
  readonly service?: readonly string[];
  /** Further lines of the top level. */
  readonly top?: readonly string[];
  readonly routes?: readonly string[];
  readonly workers?: number;
  readonly listener?: readonly string[];
}

/** The text of the config file. */
export function shopConfig(shop: Shop): string {
  const pools = Object.entries(shop.pools).map(
    ([name, { version, endpoints }]) => `      ${name}: { version: ${version}, endpoints: [${endpoints.join(', ')}] }`,
  );
  const lines = [
    'listeners:',
    '  - name: web',
    '    address: 127.0.0.1:0',
    ...(shop.listener ?? []).map((line) => `    ${line}`),
    'admin: { address: 127.0.0.1:0 }',
    `workers: ${shop.workers ?? 2}`,
    'state: state.db',
    'overload: off',
    ...(shop.top ?? []),
    'services:',
    '  shop:',
    '    pools:',
    ...pools,
    `    traffic: ${shop.traffic}`,
    ...(shop.service ?? []).map((line) => `    ${line}`),
    'routes:',
    ...(shop.routes ?? []).map((route) => `  - ${route}`),
    '  - { name: all, service: shop }',
  ];
  return `${lines.join('\n')}\n`;
}

/** Blue v1 and green v2, each with one endpoint. */
export function blueAndGreen(blue: string, green: string): Shop['pools'] {
  return { blue: { version: 'v1', endpoints: [blue] }, green: { version: 'v2', endpoints: [green] } };
}
