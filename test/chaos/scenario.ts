/**
 * What a scenario is: a fault, a load, a run that ends in an account, and the promises that the account must keep.
 *
 * Promises are held against Tidegate alone; rivals are shown beside it, under the same fault and the same rule of what could
 * have been saved. A promise about time or memory is `timed`: it is held in full runs only, where nothing else is busy.
 */
import type { Account } from './account.ts';
import type { Scene } from './scene.ts';

/** What an account must satisfy, as a sentence that is true when it does. */
export interface Vow {
  readonly says: string;
  readonly holds: (account: Account) => boolean;
  readonly timed?: boolean;
}

export interface Scenario {
  readonly name: string;
  /** What goes wrong, for the table. */
  readonly fault: string;
  /** What is asked meanwhile, for the table. */
  readonly load: string;
  /** Whether the same fault says something about other proxies. */
  readonly rivals: boolean;
  /** Whether it is part of the short version. */
  readonly short: boolean;
  readonly run: (scene: Scene) => Promise<Account>;
  readonly vows: readonly Vow[];
}

/** The promises that hold under every fault. */
export const ALWAYS: readonly Vow[] = [
  {
    says: 'no answer and no request is altered or somebody else’s',
    holds: ({ gets, posts }) => gets.wrong + posts.wrong === 0,
  },
  { says: 'no POST is done twice', holds: ({ twice }) => twice === 0 },
  {
    says: 'every request has come to one end',
    holds: ({ gets, posts }) =>
      [gets, posts].every((one) => one.answered + one.refused + one.lost + one.cut + one.wrong >= one.sent),
  },
  {
    says: 'no client is sent what it cannot read',
    holds: ({ reasons }) => !Object.keys(reasons).some((words) => words.includes('unreadable')),
  },
  { says: 'nothing hangs', holds: ({ reasons }) => !Object.keys(reasons).some((words) => words.includes(': hung')) },
  { says: 'the load was offered as it was meant to be', holds: ({ held }) => held === 0 },
];

/** No GET ends in an error that could have been avoided. */
export const NO_GET_LOST: Vow = { says: 'no GET is lost', holds: ({ gets }) => gets.lost === 0 };
/** No POST ends in an error unless it had been sent. */
export const NO_POST_LOST: Vow = {
  says: 'no POST is lost that had not been sent to the endpoint that failed',
  holds: ({ posts }) => posts.lost === 0,
};
/** A POST that had been sent is answered with a 502 or 504 that says so. */
export const HONEST_POSTS: Vow = {
  says: 'a POST that cannot be saved is answered with a 502 or 504 that says why',
  holds: ({ reasons }) =>
    Object.keys(reasons)
      .filter((words) => words.startsWith('POST refused: status'))
      .every((words) => /status 50[24] The endpoint (closed|sent|did not answer|cut)/.test(words)),
};
/** Nothing ends otherwise than well. */
export const FLAWLESS: Vow = {
  says: 'every request is answered',
  holds: ({ gets, posts }) => gets.answered === gets.sent && posts.answered === posts.sent,
};
