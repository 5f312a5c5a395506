/**
 * Fastify with zod as its one language of schemas: zod checks requests, types the handlers, and is turned into the OpenAPI
 * document.
 *
 * Rejected: plain JSON Schema with Fastify's own validator. It changes what it checks (numbers from strings, unknown keys
 * dropped) unless told otherwise in four places, its messages do not show the offending value, and the handlers' types
 * would have to be written a second time.
 */
import swagger from '@fastify/swagger';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifySchema,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
  RouteOptions,
} from 'fastify';
import { z } from 'zod';
import { Fault } from './fault.ts';
import { errorAnswer } from './schemas.ts';

/** Gives handlers the output types of the zod schemas of their route. */
export interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  /** What handlers send is typed by where it comes from; see `schemas.ts`. */
  serializer: unknown;
}

/** The framework's instance as the route files see it. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypes
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Called by probes and scrapers under any name: no Host rule. */
    probe?: true;
    /** The name of a changing call in the audit log. */
    action?: string;
  }
}

/** Offending parts that one answer names at most. */
const ISSUES_MAX = 20;
const VALUE_CHARACTERS_MAX = 100;

/** Makes the instance understand zod schemas in its routes; to be called before routes are added. */
export function useZod(app: AdminApp, version: string): void {
  app.setValidatorCompiler<unknown>(({ schema, httpPart }) => {
    if (!(schema instanceof z.ZodType)) throw new TypeError('a request schema must be a zod schema');
    return (data) => {
      const result = schema.safeParse(data, { reportInput: true });
      return result.success ? { value: result.data } : { error: invalid(httpPart ?? 'body', result.error.issues) };
    };
  });
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tidegate admin API',
        version,
        description: 'Moves the traffic of services between their pools, and shows where it stands.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    transform: ({ schema, url, route }) => ({ schema: documented(schema ?? {}, route), url }),
  });
}

/** The 400 of a request that does not fit its schema: each offending part with its path and value. */
function invalid(part: string, issues: readonly z.core.$ZodIssue[]): Fault {
  const details = issues.slice(0, ISSUES_MAX).map((issue) => ({
    in: part,
    path: issue.path.map(String),
    message: issue.message,
    value: shown(issue.input),
  }));
  const first = details[0]!;
  const path = first.path.length > 0 ? `${part}.${first.path.join('.')}` : part;
  return new Fault(400, 'invalid-request', `${path}: ${first.message}; got ${first.value}`.slice(0, 400), details);
}

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.slice(0, VALUE_CHARACTERS_MAX);
}

const INSTRUCTION_HEADERS = {
  'x-tidegate-by': { type: 'string', description: 'Who asks, for the receipt and the event log.' },
  'x-tidegate-reason': { type: 'string', description: 'Why, for the receipt and the event log.' },
};
const CONDITION_HEADERS = {
  'if-match': {
    type: 'string',
    description:
      'Only if the gate stands at this epoch, or the flag is at this revision, such as "42" with the quotes.',
  },
};

/** A route's schema as the OpenAPI document wants it: JSON Schema, with what holds for every call added. */
function documented(schema: FastifySchema, route: RouteOptions): FastifySchema {
  const document: FastifySchema = { ...schema };
  for (const part of ['body', 'querystring', 'params'] as const) {
    const zod = schema[part];
    if (zod instanceof z.ZodType) document[part] = jsonSchema(zod, 'input');
  }
  const response: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(schema.response ?? {})) {
    response[status] = answer instanceof z.ZodType ? jsonSchema(answer, 'output') : answer;
  }
  if (route.config?.probe !== true) {
    response['4xx'] = jsonSchema(errorAnswer, 'output');
    response['5xx'] = jsonSchema(errorAnswer, 'output');
  }
  document.response = response;
  if (route.config?.action !== undefined) {
    document.security = [{ token: [] }, {}];
    const isConditional = /^\/api\/(?:services|flags)\//.test(route.url);
    document.headers = {
      type: 'object',
      properties: { ...INSTRUCTION_HEADERS, ...(isConditional ? CONDITION_HEADERS : {}) },
    };
  }
  return document;
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...json } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema: part }) => {
      // Answers may get further keys; a generated client must not refuse them.
      if (io === 'output' && part.additionalProperties === false) delete part.additionalProperties;
      if (part.maximum === Number.MAX_SAFE_INTEGER) delete part.maximum;
    },
  });
  return json;
}
