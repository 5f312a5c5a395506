/**
 * `/api/flags`: what flags say, changing it, and switching them off.
 *
 * The revision of a flag is its ETag, and `If-Match` with it makes a change conditional. A POST names the keys that are to change and leaves the
 * others, because whoever turns a share at night must not have to repeat a hundred rules; a whole definition comes by `import`.
 *
 * `kill` takes nothing but a reason: it is called by people in a hurry.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type FlagInstruction,
  type FlagReceipt,
  isRefusal,
  type Operations,
  type Refusal,
} from '../control/operations.ts';
import { PlainContext } from '../flags/plain-context.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { Fault, refusalFault } from './fault.ts';
import {
  flagAnswer,
  flagBody,
  flagExplainBody,
  flagExplanationAnswer,
  flagImportBody,
  flagParams,
  flagPreviewAnswer,
  flagPreviewBody,
  flagQuery,
  flagReasonBody,
  flagReceiptAnswer,
  flagReceiptsAnswer,
  flagsAnswer,
} from './flag-schemas.ts';
import { instructionOf } from './instruction.ts';

const tags = ['flags'];

/** A definition may list thousands of users; a list of flags may have many of them. */
const DEFINITION_BYTES_MAX = 4 * 1024 ** 2;
const IMPORT_BYTES_MAX = 32 * 1024 ** 2;

/** Adds the routes that show and change flags. */
export function addFlagRoutes(app: AdminApp, { flags }: Operations, audit: Audit): void {
  app.get(
    '/api/flags',
    { schema: { tags, operationId: 'listFlags', summary: 'All flags', response: { 200: flagsAnswer } } },
    (_request, reply) => reply.send({ revision: flags.revision, flags: flags.list() }),
  );

  app.get(
    '/api/flags/:flag',
    {
      schema: {
        tags,
        operationId: 'getFlag',
        summary: 'One flag; its revision is the ETag',
        params: flagParams,
        response: { 200: flagAnswer },
      },
    },
    (request, reply) => {
      const view = orFault(flags.get(request.params.flag));
      return reply.header('ETag', `"${view.revision}"`).send(view);
    },
  );

  app.post(
    '/api/flags/:flag',
    {
      bodyLimit: DEFINITION_BYTES_MAX,
      config: { action: 'flag-set' },
      schema: {
        tags,
        operationId: 'setFlag',
        summary: 'Makes a flag, or changes the keys of it that are given',
        params: flagParams,
        querystring: flagQuery,
        body: flagBody,
        response: { 200: flagReceiptAnswer },
      },
    },
    async (request, reply) => {
      const { reason, resalt, ...change } = request.body;
      const instruction = {
        ...instructed(request, reason),
        resalt: resalt === true || request.query.resalt === 'true',
      };
      return changed(request, reply, await flags.set(request.params.flag, change, instruction));
    },
  );

  app.post(
    '/api/flags/:flag/kill',
    {
      config: { action: 'flag-kill' },
      schema: {
        tags,
        operationId: 'killFlag',
        summary: 'Switches a flag off for everybody, whatever it says, until it is restored',
        params: flagParams,
        body: flagReasonBody,
        response: { 200: flagReceiptAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructed(request, request.body.reason);
      return changed(request, reply, await flags.kill(request.params.flag, instruction));
    },
  );

  app.post(
    '/api/flags/:flag/restore',
    {
      config: { action: 'flag-restore' },
      schema: {
        tags,
        operationId: 'restoreFlag',
        summary: 'Takes a kill back: the flag does what it says again',
        params: flagParams,
        body: flagReasonBody,
        response: { 200: flagReceiptAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructed(request, request.body.reason);
      return changed(request, reply, await flags.restore(request.params.flag, instruction));
    },
  );

  app.delete(
    '/api/flags/:flag',
    {
      config: { action: 'flag-remove' },
      schema: {
        tags,
        operationId: 'removeFlag',
        summary: 'Removes a flag that was made at run time',
        params: flagParams,
        body: flagReasonBody,
        response: { 200: flagReceiptAnswer },
      },
    },
    async (request, reply) => {
      const instruction = instructed(request, request.body.reason);
      return changed(request, reply, await flags.remove(request.params.flag, instruction));
    },
  );

  app.get(
    '/api/flags/:flag/history',
    {
      schema: {
        tags,
        operationId: 'getFlagHistory',
        summary: 'What was changed about a flag, by whom and why, newest first; also of one that was removed',
        params: flagParams,
        response: { 200: flagReceiptsAnswer },
      },
    },
    (request, reply) => reply.send({ receipts: orFault(flags.history(request.params.flag)) }),
  );

  app.post(
    '/api/flags/:flag/explain',
    {
      config: { asks: true },
      schema: {
        tags,
        operationId: 'explainFlag',
        summary: 'Why a flag has the value that it has for a context, and how to repeat the draw by hand',
        params: flagParams,
        body: flagExplainBody,
        response: { 200: flagExplanationAnswer },
      },
    },
    (request, reply) => {
      const context = new PlainContext(request.body.context);
      return reply.send(orFault(flags.explain(request.params.flag, context)));
    },
  );

  app.post(
    '/api/flags/:flag/preview',
    {
      bodyLimit: DEFINITION_BYTES_MAX,
      config: { asks: true },
      schema: {
        tags,
        operationId: 'previewFlag',
        summary: 'How many of the keys seen lately would get another value by a change, which is not made',
        params: flagParams,
        body: flagPreviewBody,
        response: { 200: flagPreviewAnswer },
      },
    },
    (request, reply) => reply.send(orFault(flags.preview(request.params.flag, request.body))),
  );

  app.post(
    '/api/flags/import',
    {
      bodyLimit: IMPORT_BYTES_MAX,
      config: { action: 'flag-import' },
      schema: {
        tags,
        operationId: 'importFlags',
        summary: 'Makes or replaces flags, all of them or none',
        body: flagImportBody,
        response: { 200: flagReceiptsAnswer },
      },
    },
    async (request, reply) => {
      const { reason, resalt, flags: list } = request.body;
      const instruction = { ...instructed(request, reason), resalt: resalt === true };
      if (instruction.ifEpoch !== null) {
        throw new Fault(400, 'bad-if-match', 'If-Match is about one flag, and this call is about several.');
      }
      const receipts = orFault(await flags.import(list, instruction));
      audit.changedFlags(request, receipts);
      return reply.send({ receipts });
    },
  );

  function instructed(request: FastifyRequest, reason: string | undefined): FlagInstruction {
    const instruction = instructionOf(request.headers, reason, audit.tokenOf(request));
    audit.instructed(request, instruction);
    return instruction;
  }

  function changed(request: FastifyRequest, reply: FastifyReply, answer: FlagReceipt | Refusal): FastifyReply {
    const receipt = orFault(answer);
    audit.changedFlags(request, [receipt]);
    return reply.header('ETag', `"${receipt.revision}"`).send(receipt);
  }
}

function orFault<T extends object>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw refusalFault(answer);
  return answer;
}
