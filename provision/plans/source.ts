import type { Facts, InitSystem, Wanted } from '../../src/contracts/provision.js'
import { DEFAULT_INSTALL_URL, type EngineSource } from '../../src/contracts/record.js'
import { checkForBundle } from './bundle-faults.js'
import { fail } from './fault.js'
import { SERVICES } from './services.js'

/** Where the engine comes from: the user's word, our image, the host's own engine, an install script, else our bundle. */
export function engineSource(facts: Facts, wanted: Wanted): EngineSource {
  if (wanted.source) return wanted.source
  if (facts.init === 'tsmachine') return 'image'
  if (facts.init === 'boot2docker') return 'host'
  if (facts.engine) return facts.engine.ours ? 'bundled' : 'host'
  return installUrl(wanted) === undefined ? 'bundled' : 'install-url'
}

/** The install script that was asked for; docker-machine's default means that none was. */
export function installUrl(wanted: Wanted): string | undefined {
  const url = wanted.engine.installUrl
  return url === undefined || url === '' || url === DEFAULT_INSTALL_URL ? undefined : url
}

/** Everything that would make a plan fail on the host, before it is sent. @throws MachineError `provision` */
export function checkHost(facts: Facts, source: EngineSource, wanted: Wanted): void {
  for (const fault of [rootFault, initFault]) fault(facts)
  if (source === 'bundled' && !wanted.certificatesOnly) checkForBundle(facts, wanted)
  if (source === 'host' && !facts.engine?.service)
    fail(
      `The engine of the host (${facts.engine?.path ?? 'dockerd'}) is not run by ${SERVICE_NAMES[facts.init]}`,
      [
        `tsmachine configures engines that are ${SERVICE_NAMES[facts.init]}; remove this one or make it that.`,
      ],
    )
}

/** What runs the engine of a host, in its own words. */
const SERVICE_NAMES: Readonly<Record<InitSystem, string>> = {
  systemd: 'docker.service',
  openrc: 'the service docker',
  boot2docker: '/etc/init.d/docker',
  tsmachine: 'tsmachine-service',
  unknown: 'a service',
}

function rootFault({ sudo, user }: Facts): void {
  if (sudo === 'password')
    fail(`sudo on the host asks ${user} for a password`, [
      'Run the command again on a terminal, where it asks for the password, or set TSMACHINE_SUDO_PASSWORD.',
      `Or let sudo not ask: as root on the host, echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/${user}`,
    ])
  if (sudo === 'none')
    fail(`${user} cannot become root on the host`, [
      'Log in as root, or install sudo (or doas, with `permit nopass`) on the host and let the user use it.',
    ])
}

function initFault({ init, osRelease }: Facts): void {
  if (SERVICES[init]) return
  const name = osRelease['PRETTY_NAME'] ?? osRelease['ID'] ?? 'the host'
  fail(`${name} has an init system that tsmachine cannot drive yet (${init})`, [
    'Hosts with systemd or OpenRC work.',
  ])
}
