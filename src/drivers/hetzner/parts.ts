import type { CloudDefinition } from '../common/cloud/driver.js'
import { accountKey, type HetznerAccount, openAccount } from './account.js'
import { reachOf } from './config.js'
import { firewallPart, firewalls } from './firewalls.js'
import { groups } from './groups.js'
import { preflight } from './preflight.js'
import { serverPart } from './server-part.js'
import { sshKeys } from './ssh-keys.js'

/** What Hetzner's machines are made of; looked at by those who make something, not by readers of records. */
export const definition: CloudDefinition<HetznerAccount> = {
  accountKey: (config) => accountKey(config),
  openAccount: (config, deps) => openAccount(config, deps),
  get parts() {
    return [sshKeys, firewallPart, groups, serverPart]
  },
  get firewalls() {
    return firewalls
  },
  reach: reachOf,
  preflight: (account, spec, signal) => preflight(account, spec, signal),
}
