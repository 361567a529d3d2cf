// The clients, and where they may send users back to.

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

// Tests serve the gateway on any port, or under the name of Django's test client.
const ORIGIN = String.raw`^http://(localhost:\d+|127\.0\.0\.1:\d+|testserver)`;
const CALLBACK = new RegExp(`${ORIGIN}/esap-api/(oidc|accounts/connections)/callback/?$`);
const AFTER_LOGOUT = new RegExp(`${ORIGIN}(/|$)`);

const web = (id, more = {}) => ({
  client_id: id,
  client_name: id,
  client_secret: `${id}-secret-of-the-tests-0123456789abcdef`,
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials', EXCHANGE],
  response_types: ['code'],
  redirect_uris: ['http://testserver/esap-api/oidc/callback'],
  token_endpoint_auth_method: 'client_secret_basic',
  ...more,
});

/** List the clients, as the engine takes them. */
export function clients(settings) {
  const told = settings.backchannel_logout_uri
    ? { backchannel_logout_uri: settings.backchannel_logout_uri, backchannel_logout_session_required: true }
    : {};
  return [
    web('esap', told),
    web('esap-post', { token_endpoint_auth_method: 'client_secret_post' }),
    web('esap-es256', { id_token_signed_response_alg: 'ES256' }),
    web('esap-opaque'),
    // Another service of the same provider, whose tokens are not meant for us: the confused deputy.
    web('other'),
    web('rucio'), web('jupyterhub'), web('dirac'),
    // Plain OAuth: no ID token, and a refresh token without being asked, as DiracX does.
    web('hub', { grant_types: ['authorization_code', 'refresh_token'] }),
    {
      client_id: 'esap-cli',
      client_name: 'ESAP command line',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: [DEVICE, 'refresh_token', 'authorization_code'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/cb'],
    },
  ];
}

/** Tell whether a client gets a refresh token whatever scopes it asked for. */
export const alwaysRefreshes = (client) => client.clientId === 'hub';

/** Let clients name any port in their addresses, which a test knows only when it runs. */
export function relaxAddresses(provider) {
  const { redirectUriAllowed } = provider.Client.prototype;
  provider.Client.prototype.redirectUriAllowed = function allowed(uri) {
    if (this.applicationType === 'native') return redirectUriAllowed.call(this, uri);
    return CALLBACK.test(uri);
  };
  provider.Client.prototype.postLogoutRedirectUriAllowed = (uri) => AFTER_LOGOUT.test(uri);
}
