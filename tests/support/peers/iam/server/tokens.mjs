// IAM's access tokens: JWTs that the provider knows again.
//
// The engine has two kinds of token: opaque ones, which it can introspect, revoke and take at
// /userinfo, and JWTs, which it forgets once they are issued. IAM does all of that with its JWTs. So
// the engine here keeps opaque tokens only, and what leaves it is a JWT whose `jti` is the opaque one.

import { SignJWT, compactVerify } from 'jose';
import { Provider } from 'oidc-provider';
import { ANY } from './audiences.mjs';

const isJwt = (value) => typeof value === 'string' && value.split('.').length === 3;

/** Make the provider issue JWTs, and take them for the tokens they stand for. */
export function speakJwt(provider, { keys, settings }) {
  for (const Token of [provider.AccessToken, provider.ClientCredentials]) {
    const { getValueAndPayload } = Token.prototype;
    Token.prototype.getValueAndPayload = async function issue() {
      const { value, payload } = await getValueAndPayload.call(this);
      if (settings.profile === 'iam' && payload.aud === ANY) delete payload.aud;
      const opaque = settings.opaque_clients.includes(payload.clientId);
      return { value: opaque ? value : await sign(provider.issuer, payload, { keys, settings }), payload };
    };

    const { find } = Token;
    Token.find = async function known(value, options) {
      const token = await find.call(Token, await idOf(value, keys), options);
      // The engine takes only tokens without an audience here, IAM any of its own.
      if (token && Provider.ctx?.oidc.route === 'userinfo') token.aud = undefined;
      return token;
    };
  }
}

/** Let a client that revokes an access token keep its refresh token; the engine would end both. */
export function revokeOneByOne(provider) {
  for (const Token of [provider.AccessToken, provider.RefreshToken]) {
    const { revokeByGrantId } = Token;
    Token.revokeByGrantId = async (grantId) => {
      const { entities, route } = Provider.ctx.oidc;
      if (route === 'revocation' && entities.AccessToken) return;
      await revokeByGrantId.call(Token, grantId);
    };
  }
}

/** Give the id that a JWT of ours stands for; other values are ids themselves. */
export async function idOf(value, keys) {
  if (!isJwt(value)) return value;
  try {
    const { payload } = await compactVerify(value, keys.public());
    return JSON.parse(new TextDecoder().decode(payload)).jti;
  } catch {
    return 'no-token-of-ours';
  }
}

async function sign(issuer, payload, { keys, settings }) {
  const { aud, clientId, exp, extra, iat, jti, scope } = payload;
  const key = keys.signing('RS256');
  const claims = {
    ...extra, iss: issuer, sub: payload.accountId ?? clientId, aud, jti, iat, exp, client_id: clientId,
    ...(settings.profile === 'iam' ? {} : { scope, nbf: iat, 'wlcg.ver': '1.0' }),
  };
  const header = { alg: 'RS256', kid: key.kid, ...(settings.access_token_type && { typ: settings.access_token_type }) };
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}
