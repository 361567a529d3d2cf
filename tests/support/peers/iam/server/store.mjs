// Where the engine keeps grants, tokens and sessions: in memory, and on disk between two runs.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

// Tokens that are over stay for a while, so that they are answered as expired, not as unknown.
const GRACE = 600;
const SWEEP_ABOVE = 5000;

const now = () => Date.now() / 1000;

export class Store {
  constructor(folder) {
    this.file = `${folder}/store.json`;
    this.records = new Map(existsSync(this.file) ? JSON.parse(readFileSync(this.file)) : []);
  }

  save() {
    writeFileSync(this.file, JSON.stringify([...this.records]), { mode: 0o600 });
  }

  sweep() {
    for (const [key, { until }] of this.records) if (until < now()) this.records.delete(key);
  }

  /** List the grants of a user, by their ids. */
  grantsOf(sub) {
    return [...this.records.values()]
      .filter(({ data }) => data.kind === 'Grant' && data.accountId === sub)
      .map(({ data }) => data.jti);
  }

  /** Forget a grant, and all that came from it. */
  revoke(grantId) {
    this.records.delete(`Grant:${grantId}`);
    for (const [key, { data }] of this.records) if (data.grantId === grantId) this.records.delete(key);
  }

  /** Make the engine's view of the records of one kind. */
  adapter(kind) {
    const key = (id) => `${kind}:${id}`;
    const all = () => [...this.records.values()].map(({ data }) => data).filter((data) => data.kind === kind);
    return {
      find: async (id) => this.records.get(key(id))?.data,
      findByUid: async (uid) => all().find((data) => data.uid === uid),
      findByUserCode: async (userCode) => all().find((data) => data.userCode === userCode),
      upsert: async (id, data, lifetime) => {
        if (this.records.size > SWEEP_ABOVE) this.sweep();
        this.records.set(key(id), { data, until: now() + lifetime + GRACE });
      },
      consume: async (id) => { this.records.get(key(id)).data.consumed = Math.floor(now()); },
      destroy: async (id) => { this.records.delete(key(id)); },
      revokeByGrantId: async (grantId) => {
        for (const [id, { data }] of this.records) {
          if (data.kind === kind && data.grantId === grantId) this.records.delete(id);
        }
      },
    };
  }
}
