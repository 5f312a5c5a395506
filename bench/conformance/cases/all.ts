/** All chapters of the grid, in their order. */
import type { Chapter } from '../case.ts';
import { between } from './between.ts';
import { history } from './history.ts';
import { requestFraming } from './request-framing.ts';
import { requestHeads } from './request-heads.ts';
import { responses } from './responses.ts';

/** Every chapter; a case's place in them is its place in every column. */
export const chapters: readonly Chapter[] = [requestFraming, requestHeads, between, responses, history];
