// Who can log in, and what is said of them. A user's password is the login name.

const ESCAPE = 'urn:mace:egi.eu:group:escape:role=member#iam.example.org';

const USERS = {
  alice: {
    sub: 'a11ce000-9649-4fb0-961d-5a49ce108d49',
    name: 'Alice Astronomer', given_name: 'Alice', family_name: 'Astronomer',
    preferred_username: 'alice', email: 'alice@example.org', email_verified: true,
    groups: ['/escape', '/escape/esap', '/escape/esap/admins'], eduperson_entitlement: [ESCAPE],
  },
  bob: {
    sub: 'b0b00000-9649-4fb0-961d-5a49ce108d50',
    name: 'Bob Builder', given_name: 'Bob', family_name: 'Builder',
    preferred_username: 'bob', email: 'bob@example.org', email_verified: true,
    groups: ['/escape'], eduperson_entitlement: [],
  },
  // Alice's address, not verified: an account must not be taken over by mail.
  mallory: {
    sub: 'ba110000-9649-4fb0-961d-5a49ce10dead',
    name: 'Mallory', preferred_username: 'mallory', email: 'alice@example.org', email_verified: false,
    groups: [], eduperson_entitlement: [],
  },
  nomail: {
    sub: '00a11000-9649-4fb0-961d-5a49ce10beef',
    name: 'No Mail', preferred_username: 'nomail', groups: ['/escape'], eduperson_entitlement: [],
  },
  // An apostrophe, a dot and an @ in the user name.
  carol: {
    sub: 'ca201000-9649-4fb0-961d-5a49ce10cafe',
    name: "Carol O'Hara", given_name: 'Carol', family_name: "O'Hara",
    preferred_username: "carol.o'hara@example.org", email: "carol.o'hara@example.org", email_verified: true,
    groups: ['/escape', '/escape/esap'], eduperson_entitlement: [],
  },
  // Another person, whose user name differs from alice's in case only.
  alice2: {
    sub: 'a11ce200-9649-4fb0-961d-5a49ce10face',
    name: 'Alice Other', preferred_username: 'Alice', email: 'alice2@example.org', email_verified: true,
    groups: ['/escape'], eduperson_entitlement: [],
  },
};

/** The claims that each scope opens. */
export const CLAIMS = {
  openid: ['sub'],
  profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  email: ['email', 'email_verified'],
  'wlcg.groups': ['wlcg.groups'],
  eduperson_entitlement: ['eduperson_entitlement'],
};

export class Users {
  constructor(settings) {
    this.settings = settings;
    this.byLogin = structuredClone(USERS);
    for (const [login, changes] of Object.entries(settings.users)) {
      this.byLogin[login] = { ...this.byLogin[login], ...changes };
    }
    this.bySub = Object.fromEntries(Object.values(this.byLogin).map((user) => [user.sub, user]));
  }

  /** Find who has that password. */
  authenticate(login, password) {
    return password === login ? this.byLogin[login] : undefined;
  }

  /** Name the groups that a token of these scopes tells of; undefined if none was asked for. */
  groups(user, scopes) {
    const asked = scopes.filter((scope) => /^wlcg\.groups(:|$)/.test(scope));
    if (!asked.length) return undefined;
    const first = asked.map((scope) => scope.slice('wlcg.groups:'.length));
    return [...new Set([...first.filter((group) => user.groups.includes(group)), ...user.groups])];
  }

  /** What an ID token and /userinfo say; the engine leaves only what the scopes open. */
  claims(user, scopes) {
    const { groups, ...claims } = user;
    return { ...claims, 'wlcg.groups': this.groups(user, scopes) };
  }

  /** What an access token says besides whom it is for. */
  inAccessToken(user, scopes) {
    const claims = {};
    const groups = this.groups(user, scopes);
    if (this.settings.profile === 'iam') {
      claims.groups = user.groups.map((group) => group.slice(1));
    } else if (groups) {
      claims['wlcg.groups'] = groups;
    }
    if (scopes.includes('eduperson_entitlement')) claims.eduperson_entitlement = user.eduperson_entitlement;
    if (this.settings.authn_info_in_access_tokens) {
      if (scopes.includes('email')) claims.email = user.email;
      if (scopes.includes('profile')) {
        claims.name = user.name;
        claims.preferred_username = user.preferred_username;
      }
    }
    return claims;
  }
}
