/**
 * The admin HTTP API: puts the parts together, opens the port, closes it.
 *
 * The order of checks is fixed here, in one hook that runs before a body is read: Host, then whether the route exists,
 * then for every call but GET and HEAD origin, token and content type, and for those the token where reads need one. So a call that may not be made costs nothing and
 * learns nothing, not even which services there are. A method that a path does not know is answered with 405 and the
 * methods that it does know, which Fastify leaves to us.
 *
 * Fastify's own request log is off: it would log raw URLs. The audit log is written instead.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
  type RouteOptions,
} from 'fastify';
import type { Logger } from 'pino';
import type { Operations } from '../control/operations.ts';
import { type AdminAccess, Admission, hasToken, isLoopback } from './admission.ts';
import { type AdminApp, useZod, type ZodTypes } from './app.ts';
import { Audit } from './audit.ts';
import { addConfigRoutes } from './config-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { EventStreams, STREAM_LIMITS, type StreamLimits } from './event-streams.ts';
import { clientFaultOf, Fault, faultOf, internalFault } from './fault.ts';
import { addFlagRoutes } from './flag-routes.ts';
import { addFreezeRoutes } from './freeze-routes.ts';
import { addGroupRoutes } from './group-routes.ts';
import { endLastConnections } from './last-connections.ts';
import { addLinkRoutes } from './link-routes.ts';
import { MetricsPage } from './metrics-page.ts';
import { isOfrep, type Ofrep } from './ofrep.ts';
import { OfrepDoor } from './ofrep-door.ts';
import type { OfrepRules } from './ofrep-rules.ts';
import { addProbeRoutes } from './probe-routes.ts';
import { addRolloutRoutes } from './rollout-routes.ts';
import { addServiceRoutes } from './service-routes.ts';
import { SLOW_DOWN, type SlowDown, WrongTokens } from './wrong-tokens.ts';

/** The bounds of the server's connections and requests. */
export interface ServerLimits {
  /** For the whole request to arrive. */
  readonly requestMs: number;
  /** For its head to arrive. */
  readonly headersMs: number;
  /** How often both are looked at. */
  readonly timeoutCheckMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveMs: number;
  readonly bodyBytesMax: number;
  /** Beside those of change streams. */
  readonly connectionsMax: number;
}

/** Bounds that no honest caller meets. */
export const SERVER_LIMITS: ServerLimits = {
  requestMs: 30_000,
  headersMs: 10_000,
  timeoutCheckMs: 2_000,
  keepAliveMs: 72_000,
  bodyBytesMax: 64 * 1024,
  connectionsMax: 1_000,
};

const ANSWER_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

/** What the admin API is made from. */
export interface AdminOptions {
  readonly operations: Operations;
  /** An address without port; another than loopback needs a token. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Who may call now; asked again for each call, the same object until it changes. */
  readonly access: () => AdminAccess;
  readonly log: Logger;
  /** The version of Tidegate. */
  readonly version: string;
  /** What answers about flags at this address too, and who may ask it; to be closed before the server is. */
  readonly ofrep: { readonly answers: Ofrep; readonly rules: () => OfrepRules; readonly streamsMax: number };
  readonly streamLimits?: Partial<StreamLimits>;
  readonly serverLimits?: Partial<ServerLimits>;
  readonly slowDown?: SlowDown;
}

/** A running admin API. */
export interface AdminServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Ends event streams, lets running calls finish, and closes the port. */
  close(): Promise<void>;
}

/** Opens the admin API; fails when the address cannot be opened, or is not loopback and no token is set. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { operations, host, port, access, version, ofrep } = options;
  if (!hasToken(access()) && !isLoopback(host)) {
    throw new Error(`the admin API at ${host} can be reached from other machines and needs a token`);
  }
  const log = options.log.child({ part: 'admin' });
  const limits = { ...SERVER_LIMITS, ...options.serverLimits };
  const audit = new Audit(log);
  const wrongTokens = new WrongTokens(options.slowDown ?? SLOW_DOWN);
  const door = new OfrepDoor(host, ofrep.rules, 'admin.allowedHosts', wrongTokens);

  const app: AdminApp = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytesMax,
    return503OnClosing: false,
    serverFactory: (handler) => serverBesideOfrep(handler),
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
  }).withTypeProvider<ZodTypes>();
  // Change streams have a limit of their own, and must not take the connections of operators.
  app.server.maxConnections = limits.connectionsMax + ofrep.streamsMax;

  useZod(app, version);
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, {});
    else parseJson(request, String(body), done);
  });

  const admission = new Admission(host, access, (address, token) => wrongTokens.checkRight(address, token));
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(ANSWER_HEADERS);
    const refusal = refusalOf(request, admission);
    audit.identified(request, admission.nameOf(request.raw));
    if (refusal?.status === 401)
      wrongTokens.answer(request.ip, refusal, request.headers.authorization !== undefined, done);
    else done(refusal ?? undefined);
  });
  // Not onResponse, which is never called for a caller that has hung up: its change has been made all the same.
  app.addHook('onSend', (request, reply, _payload, done) => {
    audit.answered(request, reply);
    done();
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));

  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => collectMethods(methods, route));
  const streams = new EventStreams(operations, { ...STREAM_LIMITS, ...options.streamLimits }, log);
  app.addHook('preClose', (done) => {
    streams.close();
    wrongTokens.close();
    endLastConnections(app.server);
    done();
  });
  app.after(() => {
    addServiceRoutes(app, operations, audit);
    addRolloutRoutes(app, operations, audit);
    addGroupRoutes(app, operations, audit);
    addFreezeRoutes(app, operations, audit);
    addFlagRoutes(app, operations, audit);
    addConfigRoutes(app, operations, audit);
    addEventRoutes(app, streams);
    addLinkRoutes(app, operations, audit);
    addProbeRoutes(app, operations, { streams, ofrep: ofrep.answers }, new MetricsPage(version));
    app.get('/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
    for (const [url, known] of [...methods]) refuseOtherMethods(app, url, known);
  });

  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const address = app.server.address() as AddressInfo;
  return { address: { host: address.address, port: address.port }, close: () => app.close() };

  /** One server for two: what is about flags goes past the framework, which decodes paths and shapes errors its own way. */
  function serverBesideOfrep(handler: (req: IncomingMessage, res: ServerResponse) => void): Server {
    const times = { headersTimeout: limits.headersMs, requestTimeout: limits.requestMs };
    const server = createServer(
      { ...times, connectionsCheckingInterval: limits.timeoutCheckMs, requireHostHeader: false },
      (req, res) => (isOfrep(req.url) ? ofrep.answers.serve(req, res, door) : handler(req, res)),
    );
    server.keepAliveTimeout = limits.keepAliveMs;
    return server;
  }

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const fault = faultOf(error) ?? internalFault();
    if (fault.status >= 500 && !(error instanceof Fault)) {
      log.error({ err: error, route: request.routeOptions.url }, 'admin call failed');
    }
    audit.faulted(request, fault);
    reply
      .code(fault.status)
      .headers({ ...ANSWER_HEADERS, ...fault.headers })
      .type('application/json')
      .send(fault.body());
  }
}

/** Why a request must not be looked at any further, before its body is read; null when it may. */
function refusalOf(request: FastifyRequest, admission: Admission): Fault | null {
  const { config } = request.routeOptions;
  const misdirected = config.probe === true ? null : admission.checkHost(request.raw);
  if (misdirected !== null) return misdirected;
  if (request.is404)
    return new Fault(404, 'not-found', 'There is nothing at this path. GET /api/openapi.json lists what is.');
  if (config.otherMethods !== undefined) {
    const allow = config.otherMethods;
    return new Fault(405, 'method-not-allowed', `This path takes ${allow} only.`, { allow }, { Allow: allow });
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (config.link === true) return isRead ? null : admission.checkForm(request.raw);
  if (!isRead) return config.asks === true ? admission.checkQuestion(request.raw) : admission.checkChange(request.raw);
  return config.probe === true ? null : admission.checkRead(request.raw);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A POST that changes nothing, because what it asks about does not fit into a URL. */
    asks?: true;
    /** A page whose URL holds a signed link, which stands for a token; it is changed by its own form. */
    link?: true;
    /** Set on the routes that answer methods which the path does not take: the methods that it takes. */
    otherMethods?: string;
  }
}

function collectMethods(methods: Map<string, Set<string>>, route: RouteOptions): void {
  if (route.config?.otherMethods !== undefined) return;
  const known = methods.get(route.url) ?? new Set();
  for (const method of [route.method].flat()) known.add(method);
  methods.set(route.url, known);
}

function refuseOtherMethods(app: AdminApp, url: string, known: ReadonlySet<string>): void {
  app.route({
    url,
    method: app.supportedMethods.filter((method) => !known.has(method)),
    config: { otherMethods: [...known].sort().join(', ') },
    schema: { hide: true },
    handler: (_request, reply) => reply.code(405).send(),
  });
}

/** Answers bytes that are no request; there is no request object, so the answer is written by hand. */
function answerClientError(error: Error, socket: Socket): void {
  if (!socket.writable || ('code' in error && error.code === 'ECONNRESET')) {
    socket.destroy();
    return;
  }
  const fault = clientFaultOf(error);
  const body = JSON.stringify(fault.body());
  socket.end(
    `HTTP/1.1 ${fault.status} Refused\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
