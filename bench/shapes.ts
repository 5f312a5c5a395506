/**
 * The shapes of load: what clients send, over how many connections. A table, so that a new shape is one entry.
 *
 * The first one is the one that targets are set on. It is raced by everybody; the others only by the contenders that
 * someone would choose between for production, because a run must stay short enough to be repeated.
 */

/** One shape of load. `fields` are sent with each request; `path` chooses the upstream's answer. */
export interface Shape {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly path: '/' | '/large';
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly everybody: boolean;
}

const browserFields = [
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.8,de-DE;q=0.6,de;q=0.4,fr;q=0.2'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
  ['Referer', 'https://shop.example.com/catalogue/shoes/running?size=42&colour=blue&sort=price'],
  ['Cookie', `session=${'8f3a'.repeat(24)}; consent=yes; basket=${'c91e'.repeat(16)}; theme=dark; region=eu-central`],
  ['Cache-Control', 'no-cache'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Upgrade-Insecure-Requests', '1'],
  ['DNT', '1'],
] as const;

/** All shapes, the one with the target first. */
export const shapes: readonly Shape[] = [
  {
    name: 'small-get',
    title: 'Small GET, 64 keep-alive connections',
    connections: 64,
    path: '/',
    fields: [],
    everybody: true,
  },
  {
    name: 'browser-fields',
    title: '12 browser-like request fields (about 900 bytes), 64 keep-alive connections',
    connections: 64,
    path: '/',
    fields: browserFields,
    everybody: false,
  },
  {
    name: 'large-response',
    title: '100 KB response, 64 keep-alive connections',
    connections: 64,
    path: '/large',
    fields: [],
    everybody: false,
  },
  {
    name: 'new-connection',
    title: 'A new connection for each request, 64 at a time',
    connections: 64,
    path: '/',
    fields: [['Connection', 'close']],
    everybody: false,
  },
  {
    name: 'many-connections',
    title: 'Small GET, 1,000 keep-alive connections',
    connections: 1_000,
    path: '/',
    fields: [],
    everybody: false,
  },
];

/** The shape that the target of CPU per request is set on. */
export const targetShape = 'small-get';
