/**
 * What machines ask: /healthz (is the process alive?), /readyz (does it take traffic?), /metrics.
 *
 * They are answered under any Host, because orchestrators and scrapers call by addresses of their own. Being alive and
 * being ready are two questions: a process that drains is alive, and must not be killed for not being ready.
 */
import type { Operations } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import { METRICS_CONTENT_TYPE, type MetricsPage, type ServerFigures } from './metrics-page.ts';
import { healthAnswer, readyAnswer } from './schemas.ts';

const tags = ['probes'];
const config = { probe: true } as const;

/** Adds the probes and the metrics. */
export function addProbeRoutes(app: AdminApp, operations: Operations, figures: ServerFigures, page: MetricsPage): void {
  app.get(
    '/healthz',
    { config, schema: { tags, operationId: 'health', summary: 'Alive?', response: { 200: healthAnswer } } },
    (_request, reply) => reply.send({ status: 'ok' }),
  );

  app.get(
    '/readyz',
    {
      config,
      schema: { tags, operationId: 'ready', summary: 'Ready?', response: { 200: readyAnswer, 503: readyAnswer } },
    },
    (_request, reply) => {
      const { ready, reasons, warnings } = operations.readiness();
      return reply.code(ready ? 200 : 503).send({ ready, reasons, warnings });
    },
  );

  app.get(
    '/metrics',
    {
      config,
      schema: {
        tags,
        operationId: 'metrics',
        summary: 'Prometheus text format',
        response: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } } },
      },
    },
    async (_request, reply) => {
      const text = await page.render(operations.metrics(), figures);
      return reply.type(METRICS_CONTENT_TYPE).send(text);
    },
  );
}
