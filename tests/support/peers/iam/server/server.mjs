// Serve one instance: node server.mjs PORT FOLDER
//
// The folder keeps keys, grants and sessions, so that an instance can be stopped and started again;
// `settings.json` in it holds the settings to start with.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Hits } from './controls.mjs';
import { Keys } from './keys.mjs';
import { makeProvider } from './provider.mjs';
import { withSettings } from './settings.mjs';
import { Store } from './store.mjs';
import { Users } from './users.mjs';

const HOST = '127.0.0.1';
const [port, folder] = process.argv.slice(2);

const given = `${folder}/settings.json`;
const instance = {
  faults: [],
  hits: new Hits(),
  keys: await Keys.of(folder),
  settings: withSettings(existsSync(given) ? JSON.parse(readFileSync(given)) : {}),
  store: new Store(folder),

  build() {
    this.answer = makeProvider(`http://${HOST}:${port}`, this).callback();
  },

  change(changes) {
    this.settings = withSettings(changes, this.settings);
    this.build();
  },

  users() {
    return new Users(this.settings).byLogin;
  },

  /** End all that a user has granted, as an administrator of the provider can. */
  revoke(login) {
    const user = this.users()[login];
    if (!user) throw new Error(`There is no user ${login}.`);
    this.store.grantsOf(user.sub).forEach((grantId) => this.store.revoke(grantId));
  },
};

instance.build();
const server = createServer((request, response) => instance.answer(request, response));
server.listen(Number(port), HOST);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    instance.store.save();
    process.exit(0);
  });
}
