/**
 * GET /api/events: what happens in Tidegate, as server-sent events.
 *
 * `?since=ID` replays what came after that id. A browser that reconnects sends Last-Event-ID while its URL still says
 * where it first began, so the header goes first; one that is no id of ours is ignored, since a browser keeps sending it.
 */
import type { AdminApp } from './app.ts';
import type { EventStreams } from './event-streams.ts';
import { Fault } from './fault.ts';
import { eventsQuery } from './schemas.ts';

/** Adds the event stream. */
export function addEventRoutes(app: AdminApp, streams: EventStreams): void {
  app.get(
    '/api/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['events'],
        operationId: 'streamEvents',
        summary: 'What happens, as server-sent events',
        querystring: eventsQuery,
        response: {
          200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        },
      },
    },
    (request, reply) => {
      if (streams.full) throw new Fault(503, 'too-many-streams', 'As many clients listen to events as may.');
      const lastEventId = /^[0-9]{1,15}$/.exec(String(request.headers['last-event-id'] ?? ''))?.[0];
      const after = lastEventId === undefined ? (request.query.since ?? null) : Number(lastEventId);
      reply.hijack();
      reply.raw.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'X-Accel-Buffering': 'no',
      });
      streams.open(reply.raw, after);
    },
  );
}
