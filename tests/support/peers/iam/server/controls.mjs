// What tests do to the provider, and ask of it, below /__test. No provider has this.

import { readBody } from './requests.mjs';

const DISTURBING = /^(POST|DELETE) /;

/** Counts of the requests: by path, and of /token by grant type. They hold nothing of what was sent. */
export class Hits {
  constructor() {
    this.clear();
  }

  clear() {
    this.paths = {};
    this.grants = {};
  }

  countPath(path) {
    // Ids of logins are left out.
    const plain = path.replace(/^(\/(interaction|authorize|device))\/.*/, '$1/*');
    this.paths[plain] = (this.paths[plain] ?? 0) + 1;
  }

  countGrant(type) {
    this.grants[type] = (this.grants[type] ?? 0) + 1;
  }
}

/** A step that obeys tests; `instance` is what they may change. */
export function controls(instance) {
  const answers = {
    'GET /__test/hits': () => ({ paths: instance.hits.paths, grants: instance.hits.grants }),
    'DELETE /__test/hits': () => instance.hits.clear(),
    'POST /__test/fault': (fault) => { instance.faults.push({ times: 1, ...fault }); },
    'DELETE /__test/fault': () => { instance.faults.length = 0; },
    'GET /__test/keys': () => instance.keys.private,
    'POST /__test/rotate-keys': async () => { await instance.keys.rotate(); instance.build(); },
    'GET /__test/settings': () => instance.settings,
    'POST /__test/settings': (changes) => { instance.change(changes); return instance.settings; },
    'GET /__test/users': () => instance.users(),
    'POST /__test/revoke': ({ user }) => instance.revoke(user),
  };
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/__test/')) return next();
    const asked = `${ctx.method} ${ctx.path}`;
    if (!(asked in answers)) return say(ctx, 404, { error: `There is no ${asked}.` });
    if (instance.settings.shared && DISTURBING.test(asked)) {
      return say(ctx, 403, { error: 'Other tests share this provider: use one of your own (own_iam).' });
    }
    try {
      const body = await readBody(ctx);
      return say(ctx, 200, await answers[asked](body ? JSON.parse(body) : {}) ?? {});
    } catch (error) {
      return say(ctx, 400, { error: error.message });
    }
  };
}

function say(ctx, status, body) {
  ctx.status = status;
  ctx.body = body;
}

/** A step that counts requests, and fails those that a test wants to fail. */
export function countAndFail({ hits, faults }) {
  return async (ctx, next) => {
    hits.countPath(ctx.path);
    const fault = faults.find((each) => each.path === ctx.path && each.times > 0);
    if (!fault) return next();
    fault.times -= 1;
    if (fault.delay_ms) await new Promise((resume) => { setTimeout(resume, fault.delay_ms); });
    if (!fault.status) return next();
    for (const [name, value] of Object.entries(fault.headers ?? {})) ctx.set(name, value);
    return say(ctx, fault.status, fault.body ?? 'This failure was asked for by a test.');
  };
}
