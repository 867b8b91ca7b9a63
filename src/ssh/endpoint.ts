import { isIP } from 'node:net'
import type { SshEndpoint } from '../contracts/ssh.js'
import { SshError } from './errors.js'

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u
/** A dash would begin an option; line breaks and what is not seen are in no name. */
const USER = /^[^-\s:\p{C}](?:[^\s\p{C}]| )*$/u

/**
 * Addresses and users come from providers, plugins and records, and go into ssh's configuration, `known_hosts` and command
 * lines: anything but an address or a name is refused here, before anybody connects.
 * @throws SshError `name`
 */
export function checkedEndpoint<T extends SshEndpoint>(endpoint: T): T {
  const { host, port, user } = endpoint
  if (isIP(host) === 0 && !NAME.test(host)) throw refused('address', host)
  if (!USER.test(user)) throw refused('user', user)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw refused('port', String(port))
  return endpoint
}

function refused(what: string, value: string): SshError {
  const shown = JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value)
  return new SshError('name', `Refused to connect: ${shown} cannot be the SSH ${what} of a host`, {
    hints: ['It is what the driver, or the record, says of the machine: tsmachine inspect NAME'],
    retryable: false,
  })
}
