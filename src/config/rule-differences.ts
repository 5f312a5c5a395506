/**
 * The rules of a route or a pool in the shape in which two configs are compared.
 *
 * What has names goes by its name (a user, a field), so that a difference is told as the change of that one; and what is
 * secret stands under a key by which it is known to be, so that it is compared and never shown.
 */
import type { Pool, Route } from './schema.ts';

type Rules = Partial<Pick<Route, 'basicAuth' | 'forwardAuth' | 'rateLimit' | 'rewrite'>> &
  Pick<Pool, 'ipAllow' | 'ipDeny' | 'requestHeaders' | 'responseHeaders' | 'redirect' | 'respond'>;

/** The rules, ready for `textsOf`. */
export function ruleTexts(rules: Rules): Record<string, unknown> {
  const { basicAuth, requestHeaders, responseHeaders } = rules;
  return {
    ipAllow: rules.ipAllow,
    ipDeny: rules.ipDeny,
    basicAuth: basicAuth && {
      ...basicAuth,
      users: Object.fromEntries(basicAuth.users.map(({ name, password }) => [name, { password }])),
    },
    forwardAuth: rules.forwardAuth,
    rateLimit: rules.rateLimit,
    requestHeaders: requestHeaders && byField(requestHeaders),
    responseHeaders: responseHeaders && byField(responseHeaders),
    rewrite: rules.rewrite,
    redirect: rules.redirect,
    respond: rules.respond,
  };
}

function byField({ set, add, remove }: NonNullable<Rules['requestHeaders']>): Record<string, unknown> {
  const added = new Map<string, string>();
  for (const { name, value } of add) added.set(name, `${added.get(name) ?? ''}\n${value}`);
  return {
    set: Object.fromEntries(set.map(({ name, value }) => [name, value])),
    add: Object.fromEntries(added),
    remove,
  };
}
