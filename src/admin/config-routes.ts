/**
 * `/api/config`: the config in force, checking a text without effect, and reading the file again.
 *
 * A text with errors is a good question, so `validate` answers it with 200 and `valid: false`; only a reload that the
 * control plane refuses is an error.
 */
import { isRefusal, type Operations } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { Fault, refusalFault } from './fault.ts';
import { instructionOf } from './instruction.ts';
import { configAnswer, reasonBody, reloadAnswer, validateAnswer, validateBody } from './schemas.ts';

/** The largest body of a `validate` call: far more than any config, and a bound on the time it can take. */
export const VALIDATE_BODY_BYTES_MAX = 4 * 1024 * 1024;

const tags = ['config'];

/** Adds the routes of the config. */
export function addConfigRoutes(app: AdminApp, operations: Operations, audit: Audit): void {
  app.get(
    '/api/config',
    {
      schema: { tags, operationId: 'getConfig', summary: 'The config in force', response: { 200: configAnswer } },
    },
    (_request, reply) => reply.send(operations.config()),
  );

  app.post(
    '/api/config/validate',
    {
      bodyLimit: VALIDATE_BODY_BYTES_MAX,
      config: { action: 'validate' },
      schema: {
        tags,
        operationId: 'validateConfig',
        summary: 'Checks a text as if it were the config file, without any effect',
        body: validateBody,
        response: { 200: validateAnswer },
      },
    },
    (request, reply) => {
      const problems = operations.validate(request.body.text);
      const valid = problems.every((problem) => problem.severity !== 'error');
      return reply.send({ valid, problems });
    },
  );

  app.post(
    '/api/config/reload',
    {
      config: { action: 'reload' },
      schema: {
        tags,
        operationId: 'reloadConfig',
        summary: 'Reads the config file again and puts it in force if it is good',
        body: reasonBody,
        response: { 200: reloadAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructionOf(request.headers, request.body.reason, audit.tokenOf(request));
      // A condition must not be dropped in silence, and a file has no epoch that it could be compared with.
      if (instruction.ifEpoch !== null) throw new Fault(400, 'bad-if-match', 'A reload takes no If-Match.');
      audit.instructed(request, instruction);
      const answer = await operations.reload(instruction);
      if (isRefusal(answer)) throw refusalFault(answer);
      return reply.send(answer);
    },
  );
}
