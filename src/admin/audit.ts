/**
 * The audit log: one line for each changing call, whoever made it and however it ended, and a warning for each call
 * with a wrong token.
 *
 * A line is written when the answer is known and before it is sent, so it says what the caller is told, and a caller who
 * hangs up early leaves no change without its line. It holds the action and the service or group, never the raw URL,
 * headers or body: a token that somebody put in the wrong place must not end in the log.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { FlagReceipt, Instruction, Receipt } from '../control/operations.ts';
import type { Fault } from './fault.ts';

/** Flags that a line names. */
const FLAGS_MAX = 20;

/** A change of flags: without their definitions, which may be long. */
type FlagAccount = readonly Pick<FlagReceipt, 'flag' | 'revision' | 'how'>[];

/** What is known of a call beyond its request and status. */
interface Account {
  /** The caller's address; a socket that is closed does not know it any more. */
  peer?: string;
  /** The name of the token. */
  token?: string;
  by?: string;
  note?: string;
  ifEpoch?: number | null;
  code?: string;
  change?: { readonly epoch: number; readonly from: unknown; readonly to: unknown } | FlagAccount;
}

/** Collects what happens to changing calls and writes it down once they are answered. */
export class Audit {
  readonly #log: Logger;
  readonly #accounts = new WeakMap<FastifyRequest, Account>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A call has come that carries the token of this name; '' for none. */
  identified(request: FastifyRequest, token: string): void {
    const account = this.#account(request);
    account.peer = request.ip;
    if (token !== '') account.token = token;
  }

  /** The name of the call's token, '' for none. */
  tokenOf(request: FastifyRequest): string {
    return this.#accounts.get(request)?.token ?? '';
  }

  /** The call was understood as this instruction. */
  instructed(request: FastifyRequest, instruction: Instruction): void {
    const { by, reason: note, ifEpoch } = instruction;
    Object.assign(this.#account(request), { by, note, ifEpoch });
  }

  /** The call moved a gate. */
  moved(request: FastifyRequest, { epoch, from, to }: Receipt): void {
    this.#account(request).change = { epoch, from, to };
  }

  /** The call has changed flags; of a long list, the first of them stand for it. */
  changedFlags(request: FastifyRequest, receipts: readonly FlagReceipt[]): void {
    const change = receipts.slice(0, FLAGS_MAX).map(({ flag, revision, how }) => ({ flag, revision, how }));
    this.#account(request).change = change;
  }

  /** The call is answered with this fault. */
  faulted(request: FastifyRequest, fault: Fault): void {
    this.#account(request).code = fault.code;
    if (fault.status === 401) {
      this.#log.warn(
        { peer: this.#account(request).peer, action: actionOf(request) },
        'admin call without the right token',
      );
    }
  }

  /** Writes the line of a changing call; other calls have none. */
  answered(request: FastifyRequest, reply: FastifyReply): void {
    const action = actionOf(request);
    if (action === undefined) return;
    const params = request.params as { readonly service?: string; readonly group?: string; readonly flag?: string };
    this.#log.info(
      {
        audit: action,
        service: params.service?.slice(0, 64),
        group: params.group?.slice(0, 64),
        flag: params.flag?.slice(0, 100),
        status: reply.statusCode,
        ...this.#accounts.get(request),
      },
      `admin call ${action} ${reply.statusCode < 400 ? 'done' : 'refused'}`,
    );
  }

  #account(request: FastifyRequest): Account {
    let account = this.#accounts.get(request);
    if (account === undefined) {
      account = {};
      this.#accounts.set(request, account);
    }
    return account;
  }
}

function actionOf(request: FastifyRequest): string | undefined {
  return request.routeOptions.config.action;
}
