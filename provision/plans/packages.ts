import { MachineError } from '../../src/contracts/errors.js'

/** How a package manager is told to move one package to a version. Arguments are words, never shell text. */
export interface PackageManager {
  readonly upgrade: (name: string, version: string) => readonly string[]
  /** To an older version; absent where the manager keeps none. */
  readonly downgrade?: (name: string, version: string) => readonly string[]
}

const APT = [
  ...['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qy', '-o', 'DPkg::Lock::Timeout=600'],
  ...['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold', 'install'],
]

const redHat = (program: string): PackageManager => ({
  upgrade: (name) => [program, '-qy', 'upgrade', name],
  downgrade: (name, version) => [program, '-qy', 'downgrade', `${name}-${version}`],
})

const MANAGERS: Readonly<Record<string, PackageManager>> = {
  'apt-get': {
    upgrade: (name, version) => [...APT, '--only-upgrade', `${name}=${version}`],
    downgrade: (name, version) => [...APT, '--allow-downgrades', `${name}=${version}`],
  },
  dnf: redHat('dnf'),
  yum: redHat('yum'),
  zypper: {
    upgrade: (name) => ['zypper', '-n', 'update', name],
    downgrade: (name, version) => ['zypper', '-n', 'install', '--oldpackage', `${name}=${version}`],
  },
  pacman: { upgrade: (name) => ['pacman', '-S', '--noconfirm', '--noprogressbar', name] },
  apk: { upgrade: (name) => ['apk', 'add', '-u', name] },
}

/** @throws MachineError `provision` for a manager that plans cannot be made for */
export function packageManager(name: string): PackageManager {
  const manager = MANAGERS[name]
  if (manager) return manager
  throw new MachineError('provision', 'The host has no package manager that tsmachine knows', {
    hints: ['Upgrade its engine on the host.'],
  })
}
