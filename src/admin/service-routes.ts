/**
 * `/api/services` and `/api/receipts`: where traffic stands, and moving it.
 *
 * The epoch of a service is its ETag, and `If-Match` with it makes a change conditional, so that two people who look at
 * the same position cannot both move it. `If-None-Match` is not honoured: the answer also holds live figures, which
 * change while the epoch does not.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isRefusal, type Operations, type Receipt, type Refusal, type Weights } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { refusalFault } from './fault.ts';
import { instructionOf } from './instruction.ts';
import {
  flipBody,
  reasonBody,
  receiptAnswer,
  receiptParams,
  receiptQuery,
  serviceAnswer,
  serviceParams,
  servicesAnswer,
  trafficBody,
} from './schemas.ts';

const tags = ['traffic'];

/** Adds the routes that show and move traffic. */
export function addServiceRoutes(app: AdminApp, operations: Operations, audit: Audit): void {
  app.get(
    '/api/services',
    { schema: { tags, operationId: 'listServices', summary: 'All services', response: { 200: servicesAnswer } } },
    (_request, reply) => {
      const flagRollouts = operations.rollouts.flags.running();
      return reply.send({ services: operations.services(), state: operations.state(), flagRollouts });
    },
  );

  app.get(
    '/api/services/:service',
    {
      schema: {
        tags,
        operationId: 'getService',
        summary: 'One service; its epoch is the ETag',
        params: serviceParams,
        response: { 200: serviceAnswer },
      },
    },
    (request, reply) => {
      const view = operations.service(request.params.service);
      if (isRefusal(view)) throw refusalFault(view);
      return reply.header('ETag', `"${view.epoch}"`).send(view);
    },
  );

  app.put(
    '/api/services/:service/traffic',
    {
      config: { action: 'traffic' },
      schema: {
        tags,
        operationId: 'setTraffic',
        summary: 'Sets the weights of all pools of a service',
        params: serviceParams,
        body: trafficBody,
        response: { 200: receiptAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructionOf(request.headers, undefined, audit.tokenOf(request));
      audit.instructed(request, instruction);
      const weights = unpolluted(request.body);
      return moved(request, reply, await operations.setTraffic(request.params.service, weights, instruction));
    },
  );

  app.post(
    '/api/services/:service/flip',
    {
      config: { action: 'flip' },
      schema: {
        tags,
        operationId: 'flip',
        summary: 'Moves all traffic of a service to one pool',
        params: serviceParams,
        body: flipBody,
        response: { 200: receiptAnswer },
      },
    },
    async (request, reply) => {
      const { to, verify, reason } = request.body;
      const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      const answer = await operations.flip(request.params.service, { to: to ?? null, verify }, instruction);
      return moved(request, reply, answer);
    },
  );

  app.post(
    '/api/services/:service/rollback',
    {
      config: { action: 'rollback' },
      schema: {
        tags,
        operationId: 'rollback',
        summary: 'Returns a service to the position before',
        params: serviceParams,
        body: reasonBody,
        response: { 200: receiptAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructionOf(request.headers, request.body.reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return moved(request, reply, await operations.rollback(request.params.service, instruction));
    },
  );

  app.get(
    '/api/receipts/:epoch',
    {
      schema: {
        tags,
        operationId: 'getReceipt',
        summary: 'The account of a traffic change, final once `drained` is not null',
        params: receiptParams,
        querystring: receiptQuery,
        response: { 200: receiptAnswer },
      },
    },
    (request, reply) => {
      const receipt = operations.receipt(request.query.service, request.params.epoch);
      if (isRefusal(receipt)) throw refusalFault(receipt);
      return reply.send(receipt);
    },
  );

  function moved(request: FastifyRequest, reply: FastifyReply, answer: Receipt | Refusal): FastifyReply {
    if (isRefusal(answer)) throw refusalFault(answer);
    audit.moved(request, answer);
    return reply.header('ETag', `"${answer.epoch}"`).send(answer);
  }
}

/** The weights without a prototype, so that no pool's name can reach a property of every object. */
function unpolluted(weights: Weights): Weights {
  return Object.assign(Object.create(null) as Record<string, number>, weights);
}
