/**
 * `/api/freeze`: whether rollouts may be begun, and keeping them from it.
 *
 * One resource with three methods, since there is at most one declared freeze: whoever declares another replaces it. Windows of
 * the config are shown beside it and cannot be changed here, for the file is where they are agreed on.
 */
import { z } from 'zod';
import { type FreezeView, isRefusal, type Operations, type Refusal } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { refusalFault } from './fault.ts';
import { instructionOf, REASON_CHARACTERS_MAX } from './instruction.ts';
import { reasonBody } from './schemas.ts';

const tags = ['rollout'];

const freezeBody = z.strictObject({
  reason: z
    .string()
    .min(1)
    .describe(`What whoever wants to start a rollout is told; cut to ${REASON_CHARACTERS_MAX} printable characters.`),
  until: z.iso
    .datetime({ offset: true, error: 'must be a moment such as 2026-12-20T00:00:00Z' })
    .nullish()
    .describe('When it is over by itself; without it, somebody has to end it.'),
});

const freezeAnswer = z
  .object({
    frozen: z.string().nullable().describe('Why no rollout is begun; null when there is no freeze.'),
    declared: z
      .object({
        reason: z.string(),
        by: z.string(),
        at: z.string(),
        until: z.string().nullable(),
        stored: z.boolean().describe('Whether a restart now would remember it.'),
      })
      .nullable(),
    windows: z.array(z.object({ window: z.string(), reason: z.string(), isOpen: z.boolean() })),
  })
  .describe('Whether rollouts may be begun, and what the config says about it.');

/** Adds the routes of freezes. */
export function addFreezeRoutes(app: AdminApp, { freezes }: Operations, audit: Audit): void {
  app.get(
    '/api/freeze',
    {
      schema: {
        tags,
        operationId: 'getFreeze',
        summary: 'Whether rollouts may be begun',
        response: { 200: freezeAnswer },
      },
    },
    (_request, reply) => reply.send(freezes.view()),
  );

  app.post(
    '/api/freeze',
    {
      config: { action: 'freeze' },
      schema: {
        tags,
        operationId: 'declareFreeze',
        summary: 'Keeps rollouts from being begun; going back stays possible',
        body: freezeBody,
        response: { 200: freezeAnswer },
      },
    },
    (request, reply) => {
      const { reason, until } = request.body;
      const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      const untilMs = until == null ? null : Date.parse(until);
      return reply.send(orFault(freezes.declare({ reason: instruction.reason, untilMs }, instruction)));
    },
  );

  app.delete(
    '/api/freeze',
    {
      config: { action: 'freeze' },
      schema: {
        tags,
        operationId: 'endFreeze',
        summary: 'Ends a freeze that was declared; windows of the config stay',
        body: reasonBody,
        response: { 200: freezeAnswer },
      },
    },
    (request, reply) => {
      const instruction = instructionOf(request.headers, request.body.reason, audit.tokenOf(request));
      audit.instructed(request, instruction);
      return reply.send(orFault(freezes.end(instruction)));
    },
  );
}

function orFault(answer: FreezeView | Refusal): FreezeView {
  if (isRefusal(answer)) throw refusalFault(answer);
  return answer;
}
