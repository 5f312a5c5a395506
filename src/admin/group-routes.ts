/**
 * `/api/groups/{group}/rollout`: beginning, steering and watching the rollouts of services that roll together.
 *
 * The calls are those of one service with `groups` in place of `services`, and are done for all members or for none. There is
 * no condition to them: a group has no epoch, and `If-Match` is refused and not dropped.
 */
import type { FastifyRequest } from 'fastify';
import type { Operations } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { Fault } from './fault.ts';
import { instructionOf } from './instruction.ts';
import { orderOf, orFault } from './rollout-routes.ts';
import {
  commandBody,
  groupAnswer,
  groupCommandParams,
  groupForecastAnswer,
  groupParams,
  startBody,
} from './rollout-schemas.ts';

const tags = ['rollout'];

/** Adds the routes of groups. */
export function addGroupRoutes(app: AdminApp, operations: Operations, audit: Audit): void {
  const { groups } = operations.rollouts;

  app.post(
    '/api/groups/:group/rollout',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'startGroup',
        summary: 'Begins the rollouts of all services of a group, or none',
        params: groupParams,
        body: startBody,
        response: { 200: groupAnswer },
      },
    },
    (request, reply) => {
      const instruction = instructed(request, request.body.reason);
      return reply.send(orFault(groups.start(request.params.group, orderOf(request.body), instruction)));
    },
  );

  app.post(
    '/api/groups/:group/rollout/forecast',
    {
      config: { action: 'forecast' },
      schema: {
        tags,
        operationId: 'forecastGroup',
        summary: 'What a start of the group would do now, for each of its services; nothing is done',
        params: groupParams,
        body: startBody,
        response: { 200: groupForecastAnswer },
      },
    },
    (request, reply) => reply.send(orFault(groups.forecast(request.params.group, orderOf(request.body)))),
  );

  app.get(
    '/api/groups/:group/rollout',
    {
      schema: {
        tags,
        operationId: 'getGroup',
        summary: 'What was started together last',
        params: groupParams,
        response: { 200: groupAnswer },
      },
    },
    (request, reply) => reply.send(orFault(groups.view(request.params.group))),
  );

  app.post(
    '/api/groups/:group/rollout/:command',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'commandGroup',
        summary: 'Promotes, pauses, resumes, approves or aborts all rollouts of a group, or none',
        params: groupCommandParams,
        body: commandBody,
        response: { 200: groupAnswer },
      },
    },
    (request, reply) => {
      const { group, command } = request.params;
      const { full, reason } = request.body;
      if (full && command !== 'promote') throw new Fault(400, 'bad-request', '`full` goes with promote only.');
      const instruction = instructed(request, reason);
      return reply.send(orFault(groups.command(group, full ? 'promote-full' : command, instruction)));
    },
  );

  function instructed(request: FastifyRequest, reason: string | undefined): ReturnType<typeof instructionOf> {
    const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
    audit.instructed(request, instruction);
    if (instruction.ifEpoch === null) return instruction;
    throw new Fault(400, 'bad-request', 'A group has no epoch: `If-Match` goes with one service only.');
  }
}
