import type { ConfigReader } from '../common/config-reader.js'
import { portFault } from '../common/flag-types.js'
import type { HetznerConfig } from './config.js'
import { labelFault, splitLabel } from './labels.js'
import { keyFingerprint } from './public-key.js'

/** What is wrong with a config that can be known without asking Hetzner. Texts that scripts know are the community driver's. */
export function faultsOf(config: HetznerConfig, read: ConfigReader): readonly string[] {
  return [
    ...imageFaults(config),
    ...networkFaults(config),
    ...keyFaults(config),
    ...userDataFaults(config, read),
    ...labelFaults('server', config.serverLabels),
    ...labelFaults('key', config.keyLabels),
    portFault('hetzner-ssh-port', config.sshPort),
    exclusive(config.autoSpread, '--hetzner-auto-spread', config.placementGroup, '--hetzner-placement-group'),
    ...(['wait-on-error', 'wait-on-polling', 'wait-for-running-timeout'] as const).map((name) =>
      (read.integer(WAITS[name]) ?? 0) < 0 ? `--hetzner-${name} wants seconds, 0 or more` : undefined,
    ),
  ].filter((fault) => fault !== undefined)
}

const WAITS = {
  'wait-on-error': 'waitOnError',
  'wait-on-polling': 'waitOnPolling',
  'wait-for-running-timeout': 'waitForRunningTimeout',
} as const

type Fault = string | undefined

function exclusive(one: unknown, flag: string, other: unknown, otherFlag: string): Fault {
  return one && other ? `${flag} and ${otherFlag} are mutually exclusive` : undefined
}

function imageFaults({ image, imageId, imageArch }: HetznerConfig): Fault[] {
  return [
    exclusive(image, '--hetzner-image', imageId, '--hetzner-image-id'),
    exclusive(imageArch, '--hetzner-image-arch', imageId, '--hetzner-image-id'),
    imageId === '' ? undefined : idFault('hetzner-image-id', imageId),
  ]
}

function networkFaults(config: HetznerConfig): Fault[] {
  const { disablePublic4, disablePublic6, usePrivateNetwork, networks, primary4, primary6 } = config
  return [
    disablePublic4 && disablePublic6 && !usePrivateNetwork
      ? '--hetzner-use-private-network must be used if public networking is disabled (hint: implicitly set by --hetzner-disable-public)'
      : undefined,
    exclusive(primary4, '--hetzner-primary-ipv4', disablePublic4, '--hetzner-disable-public-ipv4'),
    exclusive(primary6, '--hetzner-primary-ipv6', disablePublic6, '--hetzner-disable-public-ipv6'),
    usePrivateNetwork && networks.length === 0
      ? 'no private network attached: --hetzner-use-private-network needs --hetzner-networks'
      : undefined,
  ]
}

function keyFaults({ existingKeyId, existingKeyPath, additionalKeys }: HetznerConfig): Fault[] {
  return [
    existingKeyId === '' ? undefined : idFault('hetzner-existing-key-id', existingKeyId),
    existingKeyId !== '' && existingKeyPath === ''
      ? 'specifying an existing key ID requires the existing key path to be set as well (--hetzner-existing-key-path)'
      : undefined,
    ...additionalKeys.map((line) =>
      keyFingerprint(line) === undefined
        ? `--hetzner-additional-key ${JSON.stringify(line.slice(0, 40))} is no public key line`
        : undefined,
    ),
  ]
}

function userDataFaults({ userData }: HetznerConfig, read: ConfigReader): Fault[] {
  const fromFile = read.boolean('userDataFromFile')
  const file = read.string('userDataFile')
  return [
    exclusive(file, '--hetzner-user-data-file', fromFile, '--hetzner-user-data-from-file'),
    exclusive(userData, '--hetzner-user-data', file, '--hetzner-user-data-file'),
  ]
}

function labelFaults(what: 'server' | 'key', labels: readonly string[]): Fault[] {
  return labels.map((label) => {
    const split = splitLabel(label)
    if (!split) return `${what} label ${label} is not in key=value format`
    const fault = labelFault(...split)
    return fault === undefined ? undefined : `--hetzner-${what}-label ${JSON.stringify(label)}: ${fault}`
  })
}

function idFault(flag: string, id: string): Fault {
  return /^\d{1,16}$/.test(id) ? undefined : `--${flag} wants a number, not ${JSON.stringify(id)}`
}
