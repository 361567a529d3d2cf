// Requests as IAM takes them, put into the words of the engine.

import { Provider, errors } from 'oidc-provider';
import { toResource } from './audiences.mjs';
import { idOf } from './tokens.mjs';

export async function readBody(ctx) {
  const chunks = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A step that rewrites the parameters of a request before the engine sees them. */
export function translate(routes, { hits, keys, settings }) {
  return async (ctx, next) => {
    if (ctx.path === routes.authorization && ctx.method === 'GET') {
      ctx.query = offline(withResource(ctx, { ...ctx.query }), settings);
    } else if ([routes.token, routes.introspection, routes.revocation].includes(ctx.path) && ctx.method === 'POST') {
      const form = withResource(ctx, fields(await readBody(ctx)));
      if (form.grant_type) hits.countGrant(form.grant_type);
      if (form.token) form.token = await idOf(form.token, keys);
      ctx.req.body = form;
    }
    await next();
  };
}

/** Read a form; a field that comes twice is a list. */
function fields(text) {
  const form = {};
  for (const [name, value] of new URLSearchParams(text)) {
    form[name] = name in form ? [form[name], value].flat() : value;
  }
  return form;
}

/** Write `audience`, or `aud` as IAM also calls it, as `resource`. */
function withResource(ctx, parameters) {
  const { audience, aud, ...others } = parameters;
  const asked = audience ?? aud;
  if (!asked) return others;
  ctx.state.byAudience = true;
  return { ...others, resource: toResource(String(asked)) };
}

/**
 * Say that the user consents to a refresh token, where OpenID Connect Core, section 11, would want to
 * be told and IAM does not.
 */
function offline(query, settings) {
  const prompts = (query.prompt ?? '').split(' ').filter(Boolean);
  const wanted = String(query.scope ?? '').split(' ').includes('offline_access');
  if (!wanted || settings.strict_offline_access || prompts.includes('none') || prompts.includes('consent')) return query;
  return { ...query, prompt: [...prompts, 'consent'].join(' ') };
}

/** Let a refresh ask for another audience than the login did: IAM does, by `audience`. */
export function refreshForAnyAudience(provider) {
  const granted = Object.getOwnPropertyDescriptor(provider.BaseToken.prototype, 'resourceIndicators').get;
  Object.defineProperty(provider.RefreshToken.prototype, 'resourceIndicators', {
    get() {
      const { oidc, state } = Provider.ctx;
      const { resource } = oidc.params;
      if (!state.byAudience) return granted.call(this);
      if (Array.isArray(resource)) throw new errors.InvalidTarget('one audience at a time');
      return new Set([resource]);
    },
  });
}
