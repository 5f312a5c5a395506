/**
 * `/api/services/{service}/rollout` and `/api/rollouts`: beginning, steering, watching and explaining rollouts.
 *
 * Commands answer with the rollout as it stands then; what they have set going (a verification, a move) is seen by asking
 * again or in the event stream, since it may take minutes. A past rollout is judged again by its number, as its service may
 * have had others since.
 */
import type { z } from 'zod';
import { isRefusal, type Operations, type Refusal, type StartOrder } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { Fault, refusalFault } from './fault.ts';
import { instructionOf } from './instruction.ts';
import {
  commandBody,
  commandParams,
  explanationAnswer,
  forecastAnswer,
  historyAnswer,
  historyQuery,
  judgementQuery,
  retrialAnswer,
  retrialQuery,
  rolloutAnswer,
  rolloutParams,
  startBody,
} from './rollout-schemas.ts';
import { serviceParams } from './schemas.ts';

const tags = ['rollout'];

/** Adds the routes of rollouts. */
export function addRolloutRoutes(app: AdminApp, operations: Operations, audit: Audit): void {
  const { rollouts } = operations;

  app.post(
    '/api/services/:service/rollout',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'startRollout',
        summary: 'Begins a rollout',
        params: serviceParams,
        body: startBody,
        response: { 200: rolloutAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructionOf(request.headers, request.body.reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return reply.send(orFault(await rollouts.start(request.params.service, orderOf(request.body), instruction)));
    },
  );

  app.post(
    '/api/services/:service/rollout/forecast',
    {
      config: { action: 'forecast' },
      schema: {
        tags,
        operationId: 'forecastRollout',
        summary: 'What a start would do now, what its plan can detect and what it may cost; nothing is done',
        params: serviceParams,
        body: startBody,
        response: { 200: forecastAnswer },
      },
    },
    (request, reply) => reply.send(orFault(rollouts.forecast(request.params.service, orderOf(request.body)))),
  );

  app.get(
    '/api/services/:service/rollout',
    {
      schema: {
        tags,
        operationId: 'getRollout',
        summary: 'The rollout that runs, or the last one',
        params: serviceParams,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => reply.send(orFault(rollouts.view(request.params.service))),
  );

  app.post(
    '/api/services/:service/rollout/:command',
    {
      config: { action: 'rollout' },
      schema: {
        tags,
        operationId: 'commandRollout',
        summary: 'Promotes, pauses, resumes, approves or aborts',
        params: commandParams,
        body: commandBody,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => {
      const { service, command } = request.params;
      const { full, reason } = request.body;
      if (full && command !== 'promote') throw new Fault(400, 'bad-request', '`full` goes with promote only.');
      const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return reply.send(orFault(rollouts.command(service, full ? 'promote-full' : command, instruction)));
    },
  );

  app.get(
    '/api/services/:service/rollouts',
    {
      schema: {
        tags,
        operationId: 'listRollouts',
        summary: 'The rollouts of a service that are kept',
        params: serviceParams,
        querystring: historyQuery,
        response: { 200: historyAnswer },
      },
    },
    (request, reply) =>
      reply.send({ rollouts: orFault(rollouts.history(request.params.service, request.query.limit)) }),
  );

  app.get(
    '/api/rollouts/:id',
    {
      schema: {
        tags,
        operationId: 'getPastRollout',
        summary: 'A rollout that is kept, by its number',
        params: rolloutParams,
        response: { 200: rolloutAnswer },
      },
    },
    (request, reply) => reply.send(orFault(rollouts.find(request.params.id))),
  );

  app.get(
    '/api/rollouts/:id/explanation',
    {
      schema: {
        tags,
        operationId: 'explainRollout',
        summary: 'What happened in a rollout and why, from its decision log; under other settings if asked',
        params: rolloutParams,
        querystring: retrialQuery,
        response: { 200: explanationAnswer },
      },
    },
    async (request, reply) => {
      const { margin, falseAlarm } = request.query;
      const other = { margin: margin ?? null, falseAlarm: falseAlarm ?? null };
      return reply.send(orFault(await rollouts.explain(request.params.id, other)));
    },
  );

  app.get(
    '/api/rollouts/:id/judgement',
    {
      schema: {
        tags,
        operationId: 'judgeAgain',
        summary: 'Judges a kept rollout again, from its decision log, and gives a part of it',
        params: rolloutParams,
        querystring: judgementQuery,
        response: { 200: retrialAnswer },
      },
    },
    async (request, reply) => {
      const { margin, falseAlarm, ...part } = request.query;
      const other = { margin: margin ?? null, falseAlarm: falseAlarm ?? null };
      return reply.send(orFault(await rollouts.judgeAgain(request.params.id, other, part)));
    },
  );
}

/** What a body says of a start; keys that it leaves out stay as the file has them. */
export function orderOf({ to, version, again, reason: _, ...rest }: z.output<typeof startBody>): StartOrder {
  const overrides = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { to: to ?? null, version: version ?? null, again, ...overrides };
}

/** The answer as a plain object that the serialiser takes whole. Throws the fault of a refusal. */
export function orFault<T extends object>(answer: T | Refusal): T & Record<string, unknown> {
  if (isRefusal(answer)) throw refusalFault(answer);
  return answer as T & Record<string, unknown>;
}
