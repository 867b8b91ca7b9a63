/** What docker-machine looks for on its own boot image, for a guest that starts from ours. */
import { hostScript } from './host-script.js'
import { BOOT2DOCKER_DIR } from './plans/places.js'

/** A file of a guest's user data; `append` adds it to what the guest has. */
interface GuestFile {
  readonly path: string
  readonly mode: string
  readonly content: string
  readonly append?: true
}

/** On the data disk, where the guest keeps what must outlive a restart. */
const KEPT = '/var/lib/tsmachine/boot2docker'
const PROGRAMS = '/etc/boot2docker/bin'
/** Has its folders made, into which docker-machine writes. */
const README = 'What docker-machine keeps of this machine: its profile, certificates and name.\n'
/** The guest's own programs, for ours that stand before them. */
const REAL_PROGRAMS = '/run/boot2docker/bin'

/**
 * Read by the guest at every boot: its name for docker-machine's list of systems (the version stays what it is, and the
 * last assignment counts), and the programs that docker-machine calls.
 */
export function boot2dockerFiles(): GuestFile[] {
  const program = (path: string, script: string): GuestFile => ({
    path,
    mode: '755',
    content: hostScript(`as-boot2docker/${script}`),
  })
  return [
    { path: '/etc/os-release', mode: '644', content: 'ID=boot2docker\n', append: true },
    { path: `${KEPT}/etc/README`, mode: '644', content: README },
    program('/etc/init.d/docker', 'docker.sh'),
    program(`${PROGRAMS}/dockerd`, 'dockerd.sh'),
    program(`${PROGRAMS}/sethostname`, 'sethostname.sh'),
  ]
}

/** `/usr` cannot be written to: a layer puts our programs before the guest's. */
export const BOOT2DOCKER_MOUNTS: readonly (readonly string[])[] = [
  [KEPT, BOOT2DOCKER_DIR, 'none', 'bind'],
  ['/usr/bin', REAL_PROGRAMS, 'none', 'bind'],
  ['overlay', '/usr/bin', 'overlay', `lowerdir=${PROGRAMS}:/usr/bin`],
]
