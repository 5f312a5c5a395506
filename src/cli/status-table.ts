/**
 * The status of services as a table for people: pure text from the views of the admin API.
 *
 * Laid out for 80 columns; with more the bars grow, with fewer whole columns are left out, the least needed first, because
 * a table that wraps cannot be read at all. No line is longer than the width. Widths follow from the text alone, so that a
 * table which is drawn every second does not jump with its numbers.
 * Shares, states and problems are in words as well as in colour. What keeps a pool from serving is listed below its
 * service, with what the last check said, since that is what the reader would ask for next.
 */

import type { EjectionView, EndpointView, PoolView, ServiceView } from '../control/operations.ts';
import { amount, counted, errorPercent, latency, percent } from './figures.ts';
import { glanceText } from './glance-text.ts';
import { bar, paint, type Tone } from './paint.ts';
import { ascii, columnsOf, cut, fit, movedBy, plain, when } from './terminal-text.ts';

/** What the table is drawn for: columns, and what they can show. */
export interface TableStyle {
  /** At least 28 columns are taken, what a name, a share and a health need. */
  readonly width: number;
  readonly colour: boolean;
  /** Whether more than ASCII can be shown. */
  readonly unicode: boolean;
}

interface Column {
  readonly title: string;
  readonly side: 'left' | 'right';
  /** Columns that it takes; `least` where it can give some up. */
  readonly width: number;
  readonly least: number;
  /** The lowest is left out first when there is no room; those of 9 stay. */
  readonly need: number;
  readonly cell: (pool: PoolView, columns: number) => string;
  readonly tone: (pool: PoolView) => Tone;
}

const EJECTION_WORDS: Readonly<Record<string, string>> = {
  'consecutive-failures': 'failures in a row',
  'success-ratio': 'too few successes',
  probe: 'its probe failed',
};
const WIDTH_LEAST = 28;
const INDENT = 2;
const BAR_LEAST = 5;
const BAR_MOST = 20;
/** Endpoints in trouble that are listed for a pool; the count of the others follows. */
const TROUBLED_SHOWN = 5;
/** Errors above this share are worth a look, whatever the guard of a rollout says. */
const ERRORS_NOTABLE = 0.01;

/** The table of all services, each with a heading, its pools, and what is wrong; ends with a line break. */
export function renderStatus(services: readonly ServiceView[], style: TableStyle): string {
  if (services.length === 0) return 'There are no services.\n';
  const width = Math.max(WIDTH_LEAST, Math.floor(style.width));
  const wide = { ...style, width };
  const columns = layOut(
    services.flatMap((service) => service.pools),
    wide,
  );
  const blocks = services.map((service) => renderService(service, columns, wide).join('\n'));
  const text = `${blocks.join('\n\n')}\n`;
  return style.unicode ? text : ascii(text);
}

/** Whether every pool with traffic has an endpoint that admits requests. */
export function isServing(services: readonly ServiceView[]): boolean {
  return services.every((service) => service.pools.every((pool) => pool.weight === 0 || admittingCount(pool) > 0));
}

function renderService(service: ServiceView, columns: readonly Column[], style: TableStyle): string[] {
  const header = columns.map((column) => fit(column.title, column.width, column.side, ''));
  const lines = [heading(service, style), paint(indented(header), 'dim', style.colour)];
  for (const pool of service.pools) {
    const cells = columns.map((column) => {
      const text = fit(column.cell(pool, column.width), column.width, column.side, mark(style));
      return paint(text, column.tone(pool), style.colour);
    });
    lines.push(indented(cells));
  }
  if (service.rollout) {
    const text = cut(`> ${glanceText(service.rollout, null)}`, style.width - INDENT, mark(style));
    lines.push(' '.repeat(INDENT) + paint(text, 'cyan', style.colour));
  }
  for (const trouble of troublesOf(service)) {
    const text = cut(`! ${trouble.text}`, style.width - INDENT, mark(style));
    lines.push(' '.repeat(INDENT) + paint(text, trouble.tone, style.colour));
  }
  return lines;
}

function heading(service: ServiceView, style: TableStyle): string {
  const { at, by, reason, note } = service.since;
  const name = cut(plain(service.name), style.width, mark(style));
  const why = note === '' ? '' : `: ${plain(note)}`;
  const rest = `  epoch ${service.epoch}, ${movedBy(reason, by)}, ${when(at)}${why}`;
  return paint(name, 'bold', style.colour) + cut(rest, style.width - columnsOf(name), mark(style));
}

/** The columns that fit, with the widths they get. */
function layOut(pools: readonly PoolView[], style: TableStyle): readonly Column[] {
  let columns = columnsFor(pools, style.unicode);
  while (leastWidth(columns) > style.width) {
    const least = Math.min(...columns.map((column) => column.need));
    if (least === 9) break;
    columns = columns.filter((column) => column.need !== least);
  }
  // What is left after the least widths goes from the left to the right: names first, then the bar.
  let room = style.width - leastWidth(columns);
  return columns.map((column) => {
    const more = Math.max(0, Math.min(room, column.width - column.least));
    room -= more;
    return { ...column, width: column.least + more };
  });
}

function leastWidth(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + column.least + 1, INDENT - 1);
}

function columnsFor(pools: readonly PoolView[], unicode: boolean): readonly Column[] {
  const longest = (texts: readonly string[], least: number) => Math.max(least, ...texts.map(columnsOf));
  const name = longest(
    pools.map((pool) => plain(pool.name)),
    4,
  );
  const version = longest(
    pools.map((pool) => plain(pool.version)),
    7,
  );
  const up = longest(pools.map(upText), 5);
  const plainTone = (): Tone => 'none';
  const fixed = { side: 'right', tone: plainTone } as const;
  return [
    { title: 'POOL', side: 'left', width: name, least: Math.min(name, 8), need: 9, cell: nameText, tone: plainTone },
    { title: 'VERSION', side: 'left', width: version, least: 7, need: 6, cell: versionText, tone: plainTone },
    { title: 'STATE', side: 'left', width: 8, least: 8, need: 4, cell: (pool) => plain(pool.state), tone: stateTone },
    { ...fixed, title: 'SHARE', width: 6, least: 6, need: 9, cell: (pool) => `${percent(pool.share)}%` },
    {
      title: '',
      side: 'left',
      width: BAR_MOST,
      least: BAR_LEAST,
      need: 1,
      cell: (pool, columns) => bar(pool.share, columns, unicode),
      tone: () => 'cyan',
    },
    { ...fixed, title: 'RPS', width: 5, least: 5, need: 8, cell: (pool) => amount(pool.live.requestsPerSecond) },
    { title: 'ERR', side: 'right', width: 4, least: 4, need: 7, cell: errorText, tone: errorTone },
    { ...fixed, title: 'P50', width: 4, least: 4, need: 2, cell: (pool) => latencyText(pool.live.p50Ms) },
    { ...fixed, title: 'P95', width: 4, least: 4, need: 3, cell: (pool) => latencyText(pool.live.p95Ms) },
    { ...fixed, title: 'P99', width: 4, least: 4, need: 7, cell: (pool) => latencyText(pool.live.p99Ms) },
    { ...fixed, title: 'INFL', width: 5, least: 5, need: 5, cell: (pool) => amount(pool.inFlight) },
    { title: 'UP', side: 'right', width: up, least: up, need: 9, cell: upText, tone: upTone },
  ];
}

function nameText(pool: PoolView): string {
  return plain(pool.name);
}

function versionText(pool: PoolView): string {
  return plain(pool.version);
}

function latencyText(ms: number | null): string {
  return ms === null ? '-' : latency(ms);
}

function errorText(pool: PoolView): string {
  return pool.live.requestsPerSecond === 0 ? '-' : errorPercent(pool.live.errorShare);
}

function errorTone(pool: PoolView): Tone {
  if (pool.live.requestsPerSecond === 0) return 'none';
  return pool.live.errorShare >= ERRORS_NOTABLE ? 'red' : 'none';
}

function stateTone(pool: PoolView): Tone {
  switch (pool.state) {
    case 'serving':
      return 'green';
    case 'draining':
      return 'yellow';
    case 'idle':
      return 'dim';
  }
}

function upText(pool: PoolView): string {
  return `${admittingCount(pool)}/${pool.endpoints.length}`;
}

function upTone(pool: PoolView): Tone {
  const count = admittingCount(pool);
  if (count === pool.endpoints.length && count > 0) return 'none';
  return count === 0 && pool.weight > 0 ? 'red' : 'yellow';
}

function admittingCount(pool: PoolView): number {
  return pool.endpoints.filter((endpoint) => endpoint.admitting).length;
}

interface Trouble {
  readonly text: string;
  readonly tone: Tone;
}

function troublesOf(service: ServiceView): readonly Trouble[] {
  const troubles: Trouble[] = [];
  if (service.pools.every((pool) => pool.weight === 0)) {
    troubles.push({ text: 'no pool has traffic: every request is answered 503', tone: 'red' });
  }
  if (service.stored === false) {
    troubles.push({ text: 'this position is not kept in the state file: a restart now would forget it', tone: 'red' });
  }
  for (const pool of service.pools) {
    const name = plain(pool.name);
    if (pool.weight > 0 && admittingCount(pool) === 0) {
      troubles.push({ text: `${name} has traffic and no endpoint that admits it`, tone: 'red' });
    }
    if (pool.state === 'draining') troubles.push({ text: `${name} ${drainText(pool)}`, tone: 'yellow' });
    if (pool.panic) {
      troubles.push({ text: `${name} is in a panic: endpoints are used although they are ejected`, tone: 'red' });
    }
    const troubled = pool.endpoints.filter(
      ({ admitting, health, ejection }) => !admitting || health === 'down' || ejection !== null,
    );
    const tone = pool.weight > 0 ? 'red' : 'yellow';
    for (const endpoint of troubled.slice(0, TROUBLED_SHOWN)) {
      troubles.push({ text: `${name} ${endpointText(endpoint)}`, tone });
    }
    if (troubled.length > TROUBLED_SHOWN) {
      troubles.push({ text: `${name} has ${troubled.length - TROUBLED_SHOWN} more like these`, tone });
    }
  }
  return troubles;
}

function drainText(pool: PoolView): string {
  const parts = [counted(pool.inFlight, 'request')];
  if (pool.tunnels > 0) parts.push(counted(pool.tunnels, 'tunnel'));
  const drains = `drains ${parts.join(' and ')}`;
  if (pool.drainDeadline === null) return drains;
  const deadline = when(pool.drainDeadline);
  return pool.drainEnded > 0
    ? `${drains}, ${pool.drainEnded} ended since ${deadline}`
    : `${drains}, cut at ${deadline}`;
}

function endpointText(endpoint: EndpointView): string {
  const { lastCheck: check, ejection } = endpoint;
  if (ejection !== null && endpoint.health !== 'down') return `${plain(endpoint.address)} ${ejectionText(ejection)}`;
  const state = endpoint.health === 'down' ? 'down' : 'shut';
  // A check that went well does not explain why an endpoint is shut. Checks are seconds old: their day says nothing.
  const detail = check === null || check.ok ? '' : `: ${plain(check.detail)} (${when(check.at).slice(-9)})`;
  return `${plain(endpoint.address)} ${state}${detail}`;
}

function ejectionText({ until, reason }: EjectionView): string {
  const span = until === null ? 'ejected until a request probes it' : `ejected until ${when(until)}`;
  return `${span}: ${EJECTION_WORDS[reason] ?? plain(reason)}`;
}

function indented(cells: readonly string[]): string {
  return `${' '.repeat(INDENT)}${cells.join(' ')}`.trimEnd();
}

function mark(style: TableStyle): string {
  return style.unicode ? '…' : '~';
}
