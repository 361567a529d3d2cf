// Token exchange, RFC 8693, by IAM's rules: impersonation only, and no refresh token for oneself.

import { errors } from 'oidc-provider';
import { ANY, SCOPES, isKnown, toResource } from './audiences.mjs';
import { EXCHANGE } from './clients.mjs';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const PARAMETERS = [
  'resource', 'scope', 'requested_token_type', 'subject_token', 'subject_token_type', 'actor_token',
  'actor_token_type',
];

export function addTokenExchange(provider, resourceServer) {
  provider.registerGrantType(EXCHANGE, async (ctx) => {
    const { client, params } = ctx.oidc;
    const subject = await subjectToken(provider, params);
    const scopes = params.scope ? params.scope.split(' ') : [...subject.scopes].filter((each) => each !== 'offline_access');
    const unknown = scopes.filter((scope) => !SCOPES.includes(scope));
    if (unknown.length) throw new errors.InvalidScope('scope not allowed', unknown.join(' '));
    if (scopes.includes('offline_access') && subject.clientId === client.clientId) {
      throw new errors.AccessDenied('the actor and the subject are the same client, and offline_access is asked for');
    }
    const resource = params.resource ?? toResource(ANY);
    if (!isKnown(resource)) throw new errors.InvalidTarget();

    const scope = scopes.join(' ');
    const grant = new provider.Grant({ clientId: client.clientId, accountId: subject.accountId });
    grant.addOIDCScope(scope);
    grant.addResourceScope(resource, scope);
    const grantId = await grant.save();
    // Who acts for the user; tokens that were exchanged before name each actor (section 4.1).
    const before = subject.extra?.act;
    ctx.state.claims = { act: { sub: client.clientId, ...(before && { act: before }) } };

    const common = { accountId: subject.accountId, client, grantId, gty: 'token_exchange', scope };
    const access = new provider.AccessToken(common);
    access.resourceServer = new provider.ResourceServer(resource, resourceServer(resource));
    ctx.body = {
      access_token: await access.save(),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: access.expiration,
      scope,
    };
    if (scopes.includes('offline_access')) {
      ctx.body.refresh_token = await new provider.RefreshToken({ ...common, resource }).save();
    }
  }, PARAMETERS);
}

async function subjectToken(provider, params) {
  if (params.actor_token) throw new errors.InvalidRequest('delegation is not supported');
  if (!params.subject_token) throw new errors.InvalidRequest('subject_token is missing');
  if (![ACCESS_TOKEN, JWT].includes(params.subject_token_type)) {
    throw new errors.InvalidRequest('subject_token_type is not supported');
  }
  const token = await provider.AccessToken.find(params.subject_token);
  if (!token?.isValid) throw new errors.InvalidGrant('the subject token is not valid');
  return token;
}
