/**
 * `/api/flags/{flag}/rollout`: raising the share of a flag along a plan, and steering and watching that.
 *
 * The verbs are those of services, with the same answers; `If-Match` names the revision of the flag. A past rollout is asked for by its
 * number under `/api/rollouts`, whatever it was about.
 */
import type { z } from 'zod';
import type { FlagStartOrder, Operations } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { Fault } from './fault.ts';
import { flagParams } from './flag-schemas.ts';
import { instructionOf } from './instruction.ts';
import { orFault } from './rollout-routes.ts';
import {
  commandBody,
  flagCommandParams,
  flagStartBody,
  forecastAnswer,
  historyAnswer,
  historyQuery,
  rolloutAnswer,
} from './rollout-schemas.ts';

const tags = ['flags', 'rollout'];

/** Adds the routes of the rollouts of flags. */
export function addFlagRolloutRoutes(app: AdminApp, { rollouts: { flags } }: Operations, audit: Audit): void {
  app.post(
    '/api/flags/:flag/rollout',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'startFlagRollout',
        summary: 'Begins to raise the share of a flag along a plan',
        params: flagParams,
        body: flagStartBody,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => {
      const instruction = instructionOf(request.headers, request.body.reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return reply.send(orFault(flags.start(request.params.flag, orderOf(request.body), instruction)));
    },
  );

  app.post(
    '/api/flags/:flag/rollout/forecast',
    {
      config: { action: 'forecast' },
      schema: {
        tags,
        operationId: 'forecastFlagRollout',
        summary: 'What a start would do now; nothing is done',
        params: flagParams,
        body: flagStartBody,
        response: { 200: forecastAnswer },
      },
    },
    (request, reply) => reply.send(orFault(flags.forecast(request.params.flag, orderOf(request.body)))),
  );

  app.get(
    '/api/flags/:flag/rollout',
    {
      schema: {
        tags,
        operationId: 'getFlagRollout',
        summary: 'The rollout of a flag that runs, or the last one',
        params: flagParams,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => reply.send(orFault(flags.view(request.params.flag))),
  );

  app.post(
    '/api/flags/:flag/rollout/:command',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'commandFlagRollout',
        summary: 'Promotes, pauses, resumes, approves or aborts the rollout of a flag',
        params: flagCommandParams,
        body: commandBody,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => {
      const { flag, command } = request.params;
      const { full, reason } = request.body;
      if (full && command !== 'promote') throw new Fault(400, 'bad-request', '`full` goes with promote only.');
      const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return reply.send(orFault(flags.command(flag, full ? 'promote-full' : command, instruction)));
    },
  );

  app.get(
    '/api/flags/:flag/rollouts',
    {
      schema: {
        tags,
        operationId: 'listFlagRollouts',
        summary: 'The rollouts of a flag that are kept',
        params: flagParams,
        querystring: historyQuery,
        response: { 200: historyAnswer },
      },
    },
    (request, reply) => reply.send({ rollouts: orFault(flags.history(request.params.flag, request.query.limit)) }),
  );
}

function orderOf({ again, reason: _, ...rest }: z.output<typeof flagStartBody>): FlagStartOrder {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { again, ...given };
}
