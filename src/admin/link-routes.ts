/**
 * `/links/{token}`: what the links of messages lead to.
 *
 * GET shows what would happen and never does anything: chat systems, mail filters and browsers follow links on their own. The
 * form of that page is what acts. It needs no admin token, since whoever has the link may use it; Host and Origin are
 * checked as for every call.
 */
import { isRefusal, type LinkView, type Operations, type Refusal } from '../control/operations.ts';
import type { AdminApp } from './app.ts';
import type { Audit } from './audit.ts';
import { REFUSAL_STATUS } from './fault.ts';
import { BY_CHARACTERS_MAX, printable } from './instruction.ts';
import { answerPage, PAGE_HEADERS, questionPage } from './link-pages.ts';

/** The form has one field. */
const FORM_BYTES_MAX = 4 * 1024;

/** Adds the pages of links, and the parser of their form. */
export function addLinkRoutes(app: AdminApp, { links }: Operations, audit: Audit): void {
  const url = '/links/:token';
  // Other routes refuse this type before a body is read.
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, { by: new URLSearchParams(String(body)).get('by') ?? '' });
  });

  app.get(url, { config: { link: true }, schema: { hide: true } }, (request, reply) => {
    const found = links.look(tokenOf(request.params));
    const html = isRefusal(found) ? refusalPage(found) : questionPage(found);
    return reply.code(statusOf(found)).headers(PAGE_HEADERS).send(html);
  });

  app.post(
    url,
    { config: { link: true, action: 'link' }, schema: { hide: true }, bodyLimit: FORM_BYTES_MAX },
    async (request, reply) => {
      const by = printable((request.body as { readonly by?: string } | undefined)?.by ?? '', BY_CHARACTERS_MAX);
      audit.instructed(request, { by: by === '' ? 'link' : `link (${by})`, reason: '', ifEpoch: null });
      const done = await links.use(tokenOf(request.params), by);
      const html = isRefusal(done) ? refusalPage(done) : answerPage('Done', done.text);
      return reply.code(statusOf(done)).headers(PAGE_HEADERS).send(html);
    },
  );
}

function tokenOf(params: unknown): string {
  return (params as { readonly token: string }).token;
}

function statusOf(answer: LinkView | Refusal): number {
  return isRefusal(answer) ? REFUSAL_STATUS[answer.code] : 200;
}

function refusalPage({ message }: Refusal): string {
  return answerPage('Nothing was done', message);
}
