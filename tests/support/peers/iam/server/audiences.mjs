// Scopes, and the two ways to say whom a token is for.
//
// IAM takes `audience=rucio`. The engine takes `resource=`, a URI (RFC 8707), so that an audience
// travels through it as `urn:audience:rucio`.

export const ANY = 'https://wlcg.cern.ch/jwt/v1/any';

const KNOWN = ['esap', 'esap-cli', 'rucio', 'jupyterhub', 'dirac', ANY];

export const SCOPES = [
  'openid', 'profile', 'email', 'offline_access',
  'wlcg', 'wlcg.groups', 'wlcg.groups:/escape', 'wlcg.groups:/escape/esap', 'eduperson_entitlement',
  'storage.read:/', 'storage.create:/', 'storage.modify:/', 'storage.stage:/',
  'compute.read', 'compute.create', 'compute.modify', 'compute.cancel',
  // JupyterHub's
  'self', 'access:servers', 'servers',
];

export const toResource = (audience) => (/^[a-z]+:/i.test(audience) ? audience : `urn:audience:${audience}`);
export const toAudience = (resource) => resource.replace(/^urn:audience:/, '');
export const isKnown = (resource) => KNOWN.includes(toAudience(resource));

/** Every audience a user's grant covers: any client may ask for any of them. */
export const RESOURCES = KNOWN.map(toResource);
