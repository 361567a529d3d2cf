// The OpenID provider: panva's certified engine, dressed as INDIGO IAM.

import { Provider, errors, interactionPolicy } from 'oidc-provider';
import { ANY, RESOURCES, SCOPES, isKnown, toAudience, toResource } from './audiences.mjs';
import { alwaysRefreshes, clients, relaxAddresses } from './clients.mjs';
import { controls, countAndFail } from './controls.mjs';
import { addTokenExchange } from './exchange.mjs';
import { loginPage, logoutPage } from './login.mjs';
import { refreshForAnyAudience, translate } from './requests.mjs';
import { revokeOneByOne, speakJwt } from './tokens.mjs';
import { CLAIMS, Users } from './users.mjs';

const ROUTES = {
  authorization: '/authorize',
  code_verification: '/device',
  device_authorization: '/devicecode',
  end_session: '/endsession',
  introspection: '/introspect',
  jwks: '/jwk',
  revocation: '/revoke',
  token: '/token',
  userinfo: '/userinfo',
};

/** Make a provider of an instance's settings, keys and store; made again when one of them changes. */
export function makeProvider(issuer, instance) {
  const users = new Users(instance.settings);
  const provider = new Provider(issuer, configuration(instance, users));
  relaxAddresses(provider);
  speakJwt(provider, instance);
  revokeOneByOne(provider);
  refreshForAnyAudience(provider);
  addTokenExchange(provider, (resource) => resourceServer(resource, instance.settings));
  provider.use(controls(instance));
  provider.use(countAndFail(instance));
  provider.use(translate(ROUTES, instance));
  provider.use(loginPage(provider, { ...instance, users }));
  provider.use(nameWhoIsIntrospected(users));
  for (const event of ['server_error', 'grant.error', 'authorization.error', 'backchannel.error']) {
    provider.on(event, (ctx, error) => console.error(event, error.error ?? error, error.error_detail ?? ''));
  }
  return provider;
}

function configuration({ keys, settings, store }, users) {
  return {
    adapter: (kind) => store.adapter(kind),
    claims: CLAIMS,
    clients: clients(settings),
    // IAM repeats in the ID token what /userinfo says.
    conformIdTokenClaims: false,
    cookies: { keys: ['not a secret'] },
    extraTokenClaims: (ctx, token) => extraClaims(ctx, token, users),
    features: features(settings),
    // The engine keeps its own fetch off loopback, where the gateway of a test is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (ctx, sub) => account(sub, users),
    interactions: { policy: neverAskForConsent(), url: (ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: async (ctx, client, source) => client.grantTypeAllowed('refresh_token')
      && (source.scopes.has('offline_access') || alwaysRefreshes(client)),
    jwks: keys.private,
    loadExistingGrant: grantAll,
    pkce: { required: () => settings.pkce_required },
    responseTypes: ['code'],
    renderError: (ctx, problem) => { ctx.type = 'json'; ctx.body = problem; },
    rotateRefreshToken: settings.rotate_refresh_tokens,
    routes: ROUTES,
    scopes: SCOPES,
    ttl: {
      AccessToken: settings.access_token_ttl,
      AuthorizationCode: 60,
      ClientCredentials: settings.access_token_ttl,
      DeviceCode: 600,
      Grant: settings.refresh_token_ttl,
      IdToken: settings.id_token_ttl,
      Interaction: 3600,
      RefreshToken: settings.refresh_token_ttl,
      Session: settings.session_ttl,
    },
  };
}

function features(settings) {
  return {
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: false },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: async () => true },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (ctx, client, granted) => (granted ? granted[0] : toResource(ANY)),
      getResourceServerInfo: async (ctx, resource) => resourceServer(resource, settings),
      useGrantedResource: async () => true,
    },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: logoutPage },
  };
}

function resourceServer(resource, settings) {
  if (!isKnown(resource)) throw new errors.InvalidTarget();
  return {
    accessTokenTTL: settings.access_token_ttl,
    audience: toAudience(resource),
    scope: SCOPES.join(' '),
  };
}

function account(sub, users) {
  const user = users.bySub[sub];
  return user && { accountId: sub, claims: (use, scope) => users.claims(user, scope.split(' ')) };
}

function extraClaims(ctx, token, users) {
  const user = users.bySub[token.accountId];
  return {
    ...(user && users.inAccessToken(user, [...token.scopes])),
    ...ctx?.state.claims,
  };
}

function neverAskForConsent() {
  const policy = interactionPolicy.base();
  policy.get('consent').checks.clear();
  return policy;
}

/** Each login is a grant of its own, and the user has agreed to everything. */
async function grantAll(ctx) {
  const { client, params, provider, session } = ctx.oidc;
  const scope = params.scope ?? 'openid';
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(scope);
  for (const resource of RESOURCES) grant.addResourceScope(resource, scope);
  await grant.save();
  return grant;
}

/** IAM's introspection also names the user. */
function nameWhoIsIntrospected(users) {
  return async (ctx, next) => {
    await next();
    const user = ctx.path === ROUTES.introspection && users.bySub[ctx.body?.sub];
    if (user) ctx.body.username = user.preferred_username;
  };
}
