/** What goes where in the engine bundle. Left: path in the unpacked packages; right: path below the prefix. */

/** Every bundle lives below this directory of the host, in one named after its version. */
export const BUNDLE_ROOT = '/opt/tsmachine'

/** Raise it when a change of this program changes the bundle's bytes: it is part of the version. */
export const RECIPE = 1

/** A program, where it goes, and how it shows that it runs after relocation. */
export interface Program {
  from: string
  to: string
  /** Arguments of the trial run. */
  probe: readonly string[]
  /** What its output must hold. */
  says: RegExp
}

const IPTABLES = ['iptables', '--version'] as const

export const PROGRAMS: readonly Program[] = [
  { from: 'usr/sbin/dockerd', to: 'bin/dockerd', probe: ['--version'], says: /^Docker version / },
  { from: 'usr/bin/docker', to: 'bin/docker', probe: ['--version'], says: /^Docker version / },
  { from: 'usr/bin/containerd', to: 'bin/containerd', probe: ['--version'], says: /^containerd / },
  {
    from: 'usr/bin/containerd-shim-runc-v2',
    to: 'bin/containerd-shim-runc-v2',
    probe: ['-v'],
    says: /Version:/,
  },
  { from: 'usr/sbin/runc', to: 'bin/runc', probe: ['--version'], says: /^runc version / },
  { from: 'usr/sbin/docker-proxy', to: 'bin/docker-proxy', probe: ['-h'], says: /-container-ip/ },
  // Bind-mounted into containers, where our libraries are not: it must be the static one.
  { from: 'usr/bin/tini-static', to: 'bin/docker-init', probe: ['--version'], says: /^tini version / },
  { from: 'usr/bin/zstd', to: 'bin/zstd', probe: ['--version'], says: /Zstandard/ },
  { from: 'usr/sbin/xtables-nft-multi', to: 'libexec/xtables-nft-multi', probe: IPTABLES, says: /nf_tables/ },
  {
    from: 'usr/sbin/xtables-legacy-multi',
    to: 'libexec/xtables-legacy-multi',
    probe: IPTABLES,
    says: /legacy/,
  },
]

/** Programs that must need no library at all. */
export const STATIC_PROGRAMS: readonly string[] = ['bin/docker-init']

/** What a host without zstd needs before it can unpack the rest; its libraries are added from their closure. */
export const BOOTSTRAP_PROGRAMS: readonly string[] = ['bin/zstd']

export const LOADER = 'ld-linux-x86-64.so.2'

/** iptables' extensions, opened by name while it runs. */
export const XTABLES_DIR = { from: 'usr/lib/x86_64-linux-gnu/xtables', to: 'lib/xtables' } as const

export const CERTIFICATES = {
  from: 'usr/share/ca-certificates/mozilla',
  to: 'etc/ca-certificates.crt',
} as const

/** Names under which our iptables can be called; last in PATH, so that a host's own always wins. */
export const IPTABLES_DIR = 'iptables'
export const IPTABLES_NAMES: readonly string[] = [
  'iptables',
  'iptables-save',
  'iptables-restore',
  'ip6tables',
  'ip6tables-save',
  'ip6tables-restore',
]

/**
 * A script, because XTABLES_LIBDIR in the engine's own environment would also reach the host's iptables.
 * A file `legacy` beside it selects the legacy back end, for kernels without nf_tables.
 */
export function iptablesScript(prefix: string, name: string): string {
  return [
    '#!/bin/sh',
    `XTABLES_LIBDIR=${prefix}/${XTABLES_DIR.to}`,
    'export XTABLES_LIBDIR',
    'backend=nft',
    `if [ -e ${prefix}/${IPTABLES_DIR}/legacy ]; then backend=legacy; fi`,
    `exec ${prefix}/libexec/xtables-$backend-multi ${name} "$@"`,
    '',
  ].join('\n')
}
