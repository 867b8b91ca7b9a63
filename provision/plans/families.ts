/** Kinds of distributions: data that hints are made of. No plan depends on it; plans depend on what is there. */
export interface Family {
  readonly name: string
  /** Values of ID, or words of ID_LIKE, in os-release. */
  readonly ids: readonly string[]
  /** Value of VARIANT_ID, for a kind that shares its ID with another. */
  readonly variant?: string
  /** How its own engine is brought onto it, as root. */
  readonly engine: string
}

/** The first that fits counts: kinds with a variant come before those without. */
export const FAMILIES: readonly Family[] = [
  { name: 'our image', ids: ['tsmachine'], engine: 'tsmachine-service engine start' },
  { name: 'boot2docker', ids: ['boot2docker'], engine: '/etc/init.d/docker start' },
  { name: 'Debian', ids: ['debian', 'raspbian'], engine: 'apt-get install docker.io' },
  { name: 'Ubuntu', ids: ['ubuntu'], engine: 'apt-get install docker.io' },
  { name: 'Fedora CoreOS', ids: ['fedora'], variant: 'coreos', engine: 'systemctl enable --now docker' },
  { name: 'Flatcar', ids: ['flatcar', 'coreos'], engine: 'systemctl enable --now docker' },
  { name: 'Amazon Linux', ids: ['amzn'], engine: 'yum install docker' },
  { name: 'Oracle Linux', ids: ['ol'], engine: 'dnf install docker-ce' },
  { name: 'Red Hat', ids: ['rhel', 'centos', 'rocky', 'almalinux'], engine: 'dnf install docker-ce' },
  { name: 'Fedora', ids: ['fedora'], engine: 'dnf install moby-engine' },
  { name: 'SUSE', ids: ['suse', 'opensuse', 'sles'], engine: 'zypper install docker' },
  { name: 'Arch', ids: ['arch'], engine: 'pacman -S docker' },
  { name: 'Alpine', ids: ['alpine'], engine: 'apk add docker' },
  { name: 'Gentoo', ids: ['gentoo'], engine: 'emerge app-containers/docker' },
]

/** By ID, then by the words of ID_LIKE, of which the first is the nearest kin. */
export function familyOf(osRelease: Readonly<Record<string, string>>): Family | undefined {
  const variant = osRelease['VARIANT_ID']
  const words = [osRelease['ID'] ?? '', ...(osRelease['ID_LIKE'] ?? '').split(/\s+/)]
  for (const word of words) {
    const found = FAMILIES.find(
      (family) => family.ids.includes(word) && (family.variant === undefined || family.variant === variant),
    )
    if (found) return found
  }
  return undefined
}

/** What to do where our own engine cannot be used. */
export function ownEngineHint(osRelease: Readonly<Record<string, string>>): string {
  const command = familyOf(osRelease)?.engine
  return command === undefined
    ? 'Install docker on the host with its own package manager; tsmachine then configures that.'
    : `Give the host its own engine, as root: ${command}; tsmachine then configures that.`
}
