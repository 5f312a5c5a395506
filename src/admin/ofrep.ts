/**
 * OFREP, the OpenFeature remote evaluation protocol: any OpenFeature SDK can use Tidegate as its flag server.
 *
 *     POST    /ofrep/v1/evaluate/flags/{key}    one flag, for server SDKs
 *     POST    /ofrep/v1/evaluate/flags          all flags, for web SDKs; with ETag, If-None-Match → 304
 *     GET     /ofrep/v1/events                  server-sent events: ask again
 *     OPTIONS  any of them                      the preflight of a browser
 *
 * It stands beside the admin API's framework and not in it, on the same server: shapes of errors, codes and CORS are other
 * people's here, paths are decoded by other rules, and the framework's part of a request costs more than the answer. The
 * evaluator is asked on the main thread: an evaluation takes about a microsecond, and HTTP, which takes the rest, is done
 * in slices as short as one request, between which the judge gets its turn.
 *
 * `{key}` is everything after `flags/`, percent-decoded exactly once: some clients encode it and others do not.
 *
 * Source: OFREP 0.3.0 (open-feature/protocol: service/openapi.yaml, event-streams.yaml, ADR 0008).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { FlagOperations } from '../control/operations.ts';
import { clientKey } from '../routing/client-key.ts';
import { bulkText, etagOf, evaluationText, isNamedBy, statusOf } from './ofrep-answer.ts';
import { readBody } from './ofrep-body.ts';
import { OfrepContext, readContext } from './ofrep-context.ts';
import { type OfrepCall, OfrepCounts, type OfrepFigures } from './ofrep-counts.ts';
import type { OfrepCaller, OfrepDoor } from './ofrep-door.ts';
import { badQuestion, faultBody, type OfrepFault, turnedAway } from './ofrep-fault.ts';
import { FlagMoments } from './ofrep-moments.ts';
import { CHANGE_STREAM_LIMITS, type ChangeStreamLimits, ChangeStreams } from './ofrep-streams.ts';

/** What is asked of flags here. */
export type FlagAnswers = Pick<FlagOperations, 'revision' | 'evaluate' | 'evaluateAll' | 'count' | 'onChange' | 'said'>;

/** What OFREP is made from. */
export interface OfrepOptions {
  readonly flags: FlagAnswers;
  /** The config in force. */
  readonly config: () => { readonly ofrep: Config['ofrep']; readonly environment: string };
  readonly log: Logger;
  readonly streamLimits?: ChangeStreamLimits;
}

const ROOT = '/ofrep/';
const FLAGS = '/ofrep/v1/evaluate/flags';
const EVENTS = '/ofrep/v1/events';

/** One request on its way to its answer. */
interface Asked {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly door: OfrepDoor;
  readonly call: OfrepCall;
  /** The flag that is asked for; null where none is. */
  readonly key: string | null;
  readonly query: string;
}

/** Whether a request with this target is about flags. */
export function isOfrep(target: string | undefined): boolean {
  return target?.startsWith(ROOT) === true;
}

export class Ofrep {
  readonly #flags: FlagAnswers;
  readonly #config: OfrepOptions['config'];
  readonly #log: Logger;
  readonly #counts = new OfrepCounts();
  readonly #streams: ChangeStreams;
  readonly #unsubscribe: () => void;
  readonly #moments: FlagMoments;
  #isClosed = false;

  constructor({ flags, config, log, streamLimits = CHANGE_STREAM_LIMITS }: OfrepOptions) {
    this.#flags = flags;
    this.#config = config;
    this.#log = log.child({ part: 'ofrep' });
    this.#streams = new ChangeStreams(() => flags.revision, this.#log, streamLimits);
    this.#moments = new FlagMoments({
      definitions: () => flags.said().values(),
      environment: () => config().environment,
      now: Date.now,
      onMoment: () => this.#streams.changed(),
    });
    this.#unsubscribe = flags.onChange(() => {
      this.#streams.changed();
      this.#moments.changed();
    });
  }

  figures(): OfrepFigures {
    return this.#counts.figures(this.#streams.figures());
  }

  /** Ends all streams; what is asked from now on is refused. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#moments.close();
    this.#streams.close();
  }

  /** Answers a request that came in by this door. */
  serve(req: IncomingMessage, res: ServerResponse, door: OfrepDoor): void {
    const asked = askedOf(req, res, door);
    try {
      this.#admit(asked);
    } catch (error) {
      this.#failed(asked, error);
    }
  }

  #admit(asked: Asked): void {
    const { req, door, call } = asked;
    const away = this.#isClosed ? STOPPING : door.checkPlace(req);
    if (away !== null) {
      this.#refuse(asked, away);
    } else if (call === 'preflight') {
      this.#answer(asked, 204, '', door.preflightFields());
    } else if (call === 'other') {
      this.#refuse(
        asked,
        turnedAway(404, 'path', `There is nothing here. There are ${FLAGS}, ${FLAGS}/{key} and ${EVENTS}.`),
      );
    } else {
      const method = call === 'events' ? 'GET' : 'POST';
      if (req.method === method) this.#identify(asked);
      else
        this.#refuse(asked, turnedAway(405, 'method', `This takes ${method} only.`, { Allow: `${method}, OPTIONS` }));
    }
  }

  #identify(asked: Asked): void {
    const { req, door, call, query } = asked;
    const pass = call === 'events' ? new URLSearchParams(query).get('pass') : null;
    door.identify(req, pass, (outcome) => {
      if ('refusal' in outcome) this.#refuse(asked, outcome);
      else if (call === 'events') this.#listen(asked);
      else this.#question(asked, outcome);
    });
  }

  #question(asked: Asked, caller: OfrepCaller): void {
    const { limits } = this.#config().ofrep;
    readBody(asked.req, limits.bodyBytes, (body) => {
      try {
        const context = Buffer.isBuffer(body) ? readContext(body, limits) : body;
        if (!(context instanceof OfrepContext)) this.#refuse(asked, context);
        else if (asked.key === null) this.#answerAll(asked, context, caller);
        else this.#answerOne(asked, context, asked.key);
      } catch (error) {
        this.#failed(asked, error);
      }
    });
  }

  #answerOne(asked: Asked, context: OfrepContext, key: string): void {
    const name = decodedOnce(key);
    if (name === null) {
      this.#refuse(asked, badQuestion('path', 'PARSE_ERROR', 'The name of the flag is not validly percent-encoded.'));
      return;
    }
    const evaluation = this.#flags.evaluate(name, context);
    this.#flags.count(evaluation);
    this.#answer(asked, statusOf(evaluation), evaluationText(evaluation));
  }

  #answerAll(asked: Asked, context: OfrepContext, caller: OfrepCaller): void {
    const { req, door, query } = asked;
    const evaluations = this.#flags.evaluateAll(context);
    for (const evaluation of evaluations) this.#flags.count(evaluation);
    const pass = door.passFor(caller);
    const target = pass === null ? EVENTS : `${EVENTS}?pass=${pass}`;
    const { baseUrl = null } = this.#config().ofrep;
    const body = bulkText(evaluations, this.#flags.revision, { baseUrl, target });
    const etag = etagOf(context, body);
    // Whoever was told of a change wants the answer, whatever tag is still sent along.
    const wasTold = query !== '' && new URLSearchParams(query).has('flagConfigEtag');
    if (!wasTold && isNamedBy(etag, req.headers['if-none-match'])) this.#answer(asked, 304, '', ['ETag', etag]);
    else this.#answer(asked, 200, body, ['ETag', etag]);
  }

  #listen(asked: Asked): void {
    const { req, res, door } = asked;
    const client = clientKey(req.socket.remoteAddress ?? '');
    if (!this.#streams.admit(client, this.#config().ofrep.limits.streams)) {
      const headers = { 'Retry-After': '10' };
      this.#refuse(asked, turnedAway(503, 'streams', 'As many clients listen for changes as may.', headers));
      return;
    }
    res.writeHead(200, [
      ...['Content-Type', 'text/event-stream; charset=utf-8', 'X-Accel-Buffering', 'no'],
      ...COMMON_FIELDS,
      ...door.corsFields(req),
    ]);
    this.#counts.answered('events', 200);
    this.#streams.open(res, client);
  }

  #refuse(asked: Asked, fault: OfrepFault): void {
    this.#counts.refused(fault.refusal);
    const { authorization, 'x-api-key': apiKey } = asked.req.headers;
    if (fault.refusal === 'token' && (authorization ?? apiKey) !== undefined)
      this.#log.warn({ peer: asked.req.socket.remoteAddress }, 'asked about flags without the right token');
    // A body that nobody has read must not be taken for the next request.
    const fields = asked.req.complete ? [] : ['Connection', 'close'];
    const text = faultBody(fault, asked.key === null ? null : (decodedOnce(asked.key) ?? asked.key));
    this.#answer(asked, fault.status, text, [...fields, ...Object.entries(fault.headers).flat()]);
  }

  #failed(asked: Asked, error: unknown): void {
    this.#log.error({ err: error, call: asked.call }, 'a question about flags has failed');
    if (asked.res.headersSent) asked.res.destroy();
    else this.#answer(asked, 500, JSON.stringify({ errorDetails: 'Tidegate could not do this; its log says why.' }));
  }

  #answer({ req, res, door, call }: Asked, status: number, body: string, fields: readonly string[] = []): void {
    this.#counts.answered(call, status);
    const content =
      body === ''
        ? []
        : ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(Buffer.byteLength(body))];
    res.writeHead(status, [...content, ...COMMON_FIELDS, ...door.corsFields(req), ...fields]);
    res.end(body);
  }
}

const COMMON_FIELDS = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'];
const STOPPING = turnedAway(503, 'stopping', 'Tidegate is stopping.', { 'Retry-After': '1' });

function askedOf(req: IncomingMessage, res: ServerResponse, door: OfrepDoor): Asked {
  const target = req.url ?? '';
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  const key = path.startsWith(`${FLAGS}/`) ? path.slice(FLAGS.length + 1) : null;
  const kind = key !== null ? 'evaluate' : path === FLAGS ? 'bulk' : path === EVENTS ? 'events' : 'other';
  const call = kind !== 'other' && req.method === 'OPTIONS' ? 'preflight' : kind;
  return { req, res, door, call, key, query };
}

/** The text with its percent-encoding taken away once; null where that is broken. */
function decodedOnce(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
