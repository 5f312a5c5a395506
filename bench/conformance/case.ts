/**
 * What one line of the conformance grid is: the bytes that are sent, and what must become of them.
 *
 * A case says nothing about any proxy in particular. What it expects is one of a few kinds of outcome, each of which the
 * judgement can decide from what both raw ends have seen. Bytes are latin1 strings.
 */

/** A request as the upstream must see it. Names of fields mean the same in any case. */
export interface ExpectedRequest {
  /** Method and target, with one space between. */
  readonly asked: string;
  /** The data of the body, '' without one. */
  readonly body?: string;
  /** Fields that must be there with exactly this value. */
  readonly has?: Readonly<Record<string, string>>;
  /** Fields that must be there, whatever their value. */
  readonly named?: readonly string[];
  /** Fields that must not be there. */
  readonly lacks?: readonly string[];
  /** Names of trailers that must have come; a proxy may always drop trailers that are not named here. */
  readonly trailers?: readonly string[];
  /** Names of trailers that must not have come. */
  readonly lacksTrailers?: readonly string[];
}

/** A response as the client must see it. */
export interface ExpectedResponse {
  readonly status: number;
  readonly body?: string;
  readonly has?: Readonly<Record<string, string>>;
  readonly named?: readonly string[];
  readonly lacks?: readonly string[];
  readonly framing?: 'none' | 'length' | 'chunked' | 'close';
  readonly trailers?: readonly string[];
}

/** What must become of a case. */
export type Expectation =
  /** The proxy answers itself with one of these statuses, behind `owed` good answers; no upstream sees the request. */
  | { readonly kind: 'refused'; readonly statuses: readonly number[]; readonly closes: boolean; readonly owed?: number }
  /** No upstream ever sees this request as a whole one: it is answered with one of these statuses, or cut on both sides. */
  | { readonly kind: 'never-whole'; readonly statusMin: number; readonly statusMax: number }
  /** The upstream sees exactly these requests, and the client gets the answer to each, in order. */
  | { readonly kind: 'forwarded'; readonly requests: readonly ExpectedRequest[]; readonly interim?: readonly number[] }
  /** The client gets exactly these final responses, interim ones before the first. */
  | {
      readonly kind: 'relayed';
      readonly responses: readonly ExpectedResponse[];
      readonly interim?: readonly number[];
      /** The connection to the upstream that the first response came on must have been ended. */
      readonly drops?: boolean;
    }
  /** What the client gets cannot be taken for a whole response that the upstream has not sent. */
  | { readonly kind: 'cut'; readonly begins: boolean }
  /** The connection to the upstream ends after the client has gone. */
  | { readonly kind: 'abandoned' }
  /** Any one of these. */
  | { readonly kind: 'either'; readonly of: readonly Expectation[] };

/** What the upstream does with the first request of a case; every later one gets the ordinary answer, unless `always`. */
export interface Scripted {
  /** The bytes of the answer; '' for none. */
  readonly bytes: string;
  /** How the upstream leaves its connection after that. */
  readonly leaves: 'keep' | 'end' | 'reset';
  /** Answers as soon as the head has come, and not after the body. */
  readonly early?: boolean;
  /** Does the same with every request, for what a proxy may try again. */
  readonly always?: boolean;
  /** Bytes that follow on the same connection once the client has its answer. */
  readonly later?: string;
}

/** One case: one line of the grid. */
export interface ConformanceCase {
  readonly name: string;
  /** What the client sends first. */
  readonly sends: string;
  /** What the client sends once something came back and things are quiet, or after 1.5 s. */
  readonly sendsNext?: string;
  /** The client goes away, with a reset, as soon as the upstream has seen its request. */
  readonly clientLeaves?: boolean;
  /** The upstream's part; the ordinary answer when it is not given. `down` means that nobody listens. */
  readonly upstream?: Scripted | 'down';
  readonly expected: Expectation;
  /** How long to wait for a sign of life; 2 s when it is not given. */
  readonly patienceMs?: number;
}

/** The cases of one part of the table, in the order of its rows. */
export interface Chapter {
  readonly title: string;
  readonly rows: readonly { readonly row: string; readonly cases: readonly ConformanceCase[] }[];
}

/** The body of the ordinary answer to a request: its number on its connection would tell less than what it asked for. */
export function ordinaryBody(asked: string): string {
  return `answer to ${asked}`;
}

/** Must be refused with this status, and the connection closed. */
export const refused = (...statuses: number[]): Expectation => ({ kind: 'refused', statuses, closes: true });

/** Must be answered by the proxy itself; whether the connection stays open is left to it. */
export const answered = (...statuses: number[]): Expectation => ({ kind: 'refused', statuses, closes: false });

/** Must be forwarded as exactly these requests. */
export const forwarded = (...requests: ExpectedRequest[]): Expectation => ({ kind: 'forwarded', requests });

/** Must be relayed as exactly these final responses. */
export const relayed = (...responses: ExpectedResponse[]): Expectation => ({ kind: 'relayed', responses });
