/**
 * The pages behind the links of messages: what a link would do with a button that does it, and what came of it.
 *
 * Plain HTML without script, because it is read on a phone at night, and because a page that holds a credential should run
 * nothing. Everything that is not written here is escaped. The policy allows one style sheet by its hash, a form to this
 * origin, and no frame, so that nobody can lay the button under another page.
 */
import { createHash } from 'node:crypto';
import type { LinkView } from '../control/operations.ts';

const STYLE =
  'body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}' +
  'button,input{font:inherit;padding:.5rem 1rem}input{padding:.5rem;width:100%;box-sizing:border-box}small{color:#555}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * The fields of every page. With `no-referrer` browsers would send `Origin: null` with the form, which could not be told
 * from a foreign page.
 */
export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'X-Robots-Tag': 'noindex, nofollow',
};

const TITLES = { approve: 'Approve the next step?', rollback: 'Roll back?' } as const;
const BUTTONS = { approve: 'Approve', rollback: 'Roll back' } as const;

/** Asks whether it shall be done. The form is sent to where the page came from. */
export function questionPage({ action, text, expiresAt }: LinkView): string {
  return page(
    TITLES[action],
    `<p>${escapeHtml(text)}</p><form method="post"><p><label>Your name, for the record` +
      `<input name="by" maxlength="64" autocomplete="name"></label></p><p><button>${BUTTONS[action]}</button></p></form>` +
      `<p><small>This link works once, until ${escapeHtml(expiresAt)}. Nothing has happened yet.</small></p>`,
  );
}

/** Says what has been done, or why nothing was. */
export function answerPage(title: string, text: string): string {
  return page(title, `<p>${escapeHtml(text)}</p>`);
}

function page(title: string, body: string): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<title>${escapeHtml(title)} - Tidegate</title><style>${STYLE}</style></head><body><h1>${escapeHtml(title)}</h1>${body}</body></html>\n`
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text that stands for itself in HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
