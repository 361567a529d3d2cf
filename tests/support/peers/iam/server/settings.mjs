// What a test may set, for an instance or while it runs. Lifetimes are in seconds.

const DEFAULTS = {
  access_token_ttl: 3600,
  id_token_ttl: 600,
  refresh_token_ttl: 30 * 86400,
  session_ttl: 86400,
  // "wlcg": the WLCG token profile. "iam": INDIGO IAM's own, whose access tokens name no scope, have
  // an audience only if one was asked for, and write groups without a slash in front.
  profile: 'wlcg',
  // Some providers type their access tokens `at+jwt` (RFC 9068); IAM does not type them.
  access_token_type: null,
  // Clients whose access tokens are no JWTs.
  opaque_clients: ['esap-opaque'],
  // Whether access tokens hold the user's name and mail (IAM_ACCESS_TOKEN_INCLUDE_AUTHN_INFO).
  authn_info_in_access_tokens: false,
  rotate_refresh_tokens: true,
  pkce_required: true,
  // Refresh tokens only after prompt=consent, as OpenID Connect Core, section 11, has it.
  strict_offline_access: false,
  // Log in whoever `login_hint` names, without a form.
  auto_login: false,
  // Where the clients `esap` are told that a session has ended.
  backchannel_logout_uri: null,
  // Changes to the users, by login name: {"alice": {"groups": []}}.
  users: {},
  // A shared instance refuses what would disturb the other tests.
  shared: false,
};

/** Put some settings over others; throw for one that does not exist. */
export function withSettings(asked, over = DEFAULTS) {
  const unknown = Object.keys(asked).filter((name) => !(name in DEFAULTS));
  if (unknown.length) throw new Error(`No such setting: ${unknown.join(', ')}`);
  return { ...over, ...asked };
}
