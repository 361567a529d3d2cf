// The page on which users log in: a form without scripts, which a program can fill in as well.

import { readBody } from './requests.mjs';

const PATH = /^\/interaction\/[^/]+(\/login|\/cancel)?$/;

const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);

const page = ({ uid, params }, problem = '') => `<!doctype html>
<html lang="en"><head><title>Test IAM: sign in</title></head><body>
<h1>Sign in to ${escape(params.client_id)}</h1>
<p role="alert">${escape(problem)}</p>
<form method="post" action="/interaction/${uid}/login">
<label>User <input name="username" value="${escape(params.login_hint)}" autofocus></label>
<label>Password <input name="password" type="password"></label>
<button>Sign in</button>
</form>
<a href="/interaction/${uid}/cancel">Cancel</a>
</body></html>`;

/** A step that answers at the login page's addresses. */
export function loginPage(provider, { settings, users }) {
  return async (ctx, next) => {
    const [matches, action] = PATH.exec(ctx.path) ?? [];
    if (!matches) return next();
    const asked = await provider.interactionDetails(ctx.req, ctx.res).catch(() => null);
    if (!asked) return refuse(ctx, 400, 'This login is unknown: its cookie is missing, or it took too long.');

    let user;
    if (action === '/cancel') return finish(ctx, { error: 'access_denied', error_description: 'the user cancelled' });
    if (settings.auto_login) user = users.byLogin[asked.params.login_hint];
    if (ctx.method === 'POST') {
      const form = new URLSearchParams(await readBody(ctx));
      user = users.authenticate(form.get('username'), form.get('password'));
      if (!user) return refuse(ctx, 401, page(asked, 'Wrong user name or password.'));
    }
    if (user) return finish(ctx, { login: { accountId: user.sub, amr: ['pwd'] } });
    ctx.type = 'html';
    ctx.body = page(asked);
    return undefined;
  };

  async function finish(ctx, result) {
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false }));
    ctx.status = 303;
  }
}

function refuse(ctx, status, text) {
  ctx.status = status;
  ctx.type = 'html';
  ctx.body = text;
}

/** The page after which a session has ended: it asks nothing, and sends its form by itself. */
export function logoutPage(ctx, form) {
  ctx.body = `<!doctype html>
<html lang="en"><head><title>Test IAM: sign out</title></head><body>${form}
<input type="hidden" form="op.logoutForm" name="logout" value="yes">
<button form="op.logoutForm">Sign out</button>
<script>document.getElementById('op.logoutForm').submit()</script>
</body></html>`;
}
