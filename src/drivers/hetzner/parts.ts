import type { CloudDefinition } from '../common/cloud/driver.js'
import { accountKey, type HetznerAccount, openAccount } from './account.js'
import { reachOf } from './config.js'
import { firewallPart, firewalls } from './firewalls.js'
import { groups } from './groups.js'
import { preflight } from './preflight.js'
import { serverPart } from './server-part.js'
import { sshKeys } from './ssh-keys.js'

/** What Hetzner's machines are made of. */
export const definition: CloudDefinition<HetznerAccount> = {
  accountKey,
  openAccount,
  parts: [sshKeys, firewallPart, groups, serverPart],
  firewalls,
  reach: reachOf,
  preflight,
}
