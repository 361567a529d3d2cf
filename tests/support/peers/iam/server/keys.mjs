// The signing keys. They live in the state folder, and tests may have the private ones.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, generateKeyPair } from 'jose';

async function generate(alg) {
  const { privateKey } = await generateKeyPair(alg, { modulusLength: 2048, extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: (await calculateJwkThumbprint(jwk)).slice(0, 12), use: 'sig', alg };
}

const withoutSecrets = ({ d, p, q, dp, dq, qi, ...key }) => key;

export class Keys {
  /** Take the keys of that folder, or make some. */
  static async of(folder) {
    const keys = new Keys();
    keys.file = `${folder}/keys.json`;
    if (existsSync(keys.file)) keys.private = JSON.parse(readFileSync(keys.file));
    else await keys.rotate();
    return keys;
  }

  /** Replace all keys at once: tokens that the old ones signed are no longer good. */
  async rotate() {
    this.private = { keys: await Promise.all(['RS256', 'ES256'].map(generate)) };
    writeFileSync(this.file, JSON.stringify(this.private), { mode: 0o600 });
  }

  signing(alg) {
    return this.private.keys.find((key) => key.alg === alg);
  }

  public() {
    return createLocalJWKSet({ keys: this.private.keys.map(withoutSecrets) });
  }
}
