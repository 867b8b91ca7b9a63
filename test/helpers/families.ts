/** Hosts as they are found in the world: the lines of os-release that tell them apart, and what else is typical there. */
import { parseFacts } from '../../provision/facts.js'
import type { Facts } from '../../src/contracts/provision.js'

interface Host {
  /** Name of the golden file. */
  readonly name: string
  readonly family: string
  readonly release: readonly string[]
  /** Typical answers of facts.sh, where they differ from a fresh cloud server with systemd. */
  readonly raw?: Readonly<Record<string, string>>
}

const FRESH = {
  arch: 'x86_64',
  kernel: '6.12.0',
  init: 'systemd',
  user: 'admin',
  uid: '1000',
  sudo: 'passwordless',
  hostname: 'host',
  clock: '0',
  cgroup: '2',
  cgroup_controllers: 'cpuset cpu io memory pids',
  kernel_modules: 'known',
  kernel_has: 'bridge\nip_tables\nnf_tables\noverlay\nveth',
  public_cas: '/etc/ssl/certs/ca-certificates.crt',
  iptables: '/usr/sbin/iptables',
  connection: '203.0.113.7 50000 10.0.0.5 22',
}

/** The distribution's own engine, run by a unit with this command line. */
function unit(execStart: string, more: { active?: boolean; socket?: boolean } = {}): Record<string, string> {
  const { active = true, socket = true } = more
  return {
    dockerd: '/usr/bin/dockerd',
    docker_cli: '/usr/bin/docker',
    engine_version: 'Docker version 27.5.1, build 0',
    docker_group: 'docker:x:990:admin',
    unit_text: `[Service]\nExecStart=${execStart}\n`,
    units: [
      `Id=docker.service\nLoadState=loaded\nActiveState=${active ? 'active' : 'inactive'}\nUnitFileState=${active ? 'enabled' : 'disabled'}`,
      `Id=docker.socket\nLoadState=loaded\nActiveState=${socket ? 'active' : 'inactive'}\nUnitFileState=enabled`,
    ].join('\n\n'),
  }
}

const CONTAINERD = '--containerd=/run/containerd/containerd.sock'
const FEDORA = `/usr/bin/dockerd --host=fd:// --exec-opt native.cgroupdriver=systemd --init-path /usr/libexec/docker/docker-init --userland-proxy-path /usr/libexec/docker/docker-proxy $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_NETWORK_OPTIONS`
const SELINUX = { selinux: '1', firewalld: 'yes', public_cas: '/etc/pki/tls/certs/ca-bundle.crt' }

export const HOSTS: readonly Host[] = [
  {
    name: 'debian',
    family: 'Debian',
    release: ['PRETTY_NAME="Debian GNU/Linux 13 (trixie)"', 'VERSION_ID="13"', 'ID=debian'],
  },
  {
    name: 'ubuntu',
    family: 'Ubuntu',
    release: ['PRETTY_NAME="Ubuntu 24.04.3 LTS"', 'VERSION_ID="24.04"', 'ID=ubuntu', 'ID_LIKE=debian'],
    raw: { ...unit(`/usr/bin/dockerd -H fd:// ${CONTAINERD}`), ufw: 'yes' },
  },
  {
    name: 'rhel',
    family: 'Red Hat',
    release: [
      'ID="rhel"',
      'ID_LIKE="fedora"',
      'VERSION_ID="9.6"',
      'PRETTY_NAME="Red Hat Enterprise Linux 9.6 (Plow)"',
    ],
    raw: { ...SELINUX, kernel: '5.14.0-570.el9.x86_64', iptables: '' },
  },
  {
    name: 'centos-stream',
    family: 'Red Hat',
    release: ['ID="centos"', 'ID_LIKE="rhel fedora"', 'VERSION_ID="9"', 'PRETTY_NAME="CentOS Stream 9"'],
    raw: { ...SELINUX, ...unit(`/usr/bin/dockerd -H fd:// ${CONTAINERD}`), kernel: '5.14.0-580.el9.x86_64' },
  },
  {
    name: 'rocky',
    family: 'Red Hat',
    release: [
      'ID="rocky"',
      'ID_LIKE="rhel centos fedora"',
      'VERSION_ID="9.3"',
      'PRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"',
    ],
    raw: { ...SELINUX, firewalld: '', kernel: '5.14.0-362.el9.x86_64' },
  },
  {
    name: 'almalinux',
    family: 'Red Hat',
    release: [
      'ID="almalinux"',
      'ID_LIKE="rhel centos fedora"',
      'VERSION_ID="9.6"',
      'PRETTY_NAME="AlmaLinux 9.6 (Sage Margay)"',
    ],
    raw: { ...SELINUX, kernel: '5.14.0-570.el9.x86_64', user: 'root', uid: '0', sudo: 'root' },
  },
  {
    name: 'oracle',
    family: 'Oracle Linux',
    release: [
      'ID="ol"',
      'ID_LIKE="fedora"',
      'VARIANT_ID="server"',
      'VERSION_ID="9.1"',
      'PRETTY_NAME="Oracle Linux Server 9.1"',
    ],
    raw: {
      ...SELINUX,
      firewalld: '',
      kernel: '5.15.0-3.60.5.1.el9uek.x86_64',
      // As Oracle's cloud delivers it.
      iptables_input:
        '-P INPUT ACCEPT\n-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited',
    },
  },
  {
    name: 'fedora',
    family: 'Fedora',
    release: [
      'ID=fedora',
      'VERSION_ID=41',
      'PRETTY_NAME="Fedora Linux 41 (Cloud Edition)"',
      'VARIANT_ID=cloud',
    ],
    raw: { ...SELINUX, ...unit(FEDORA, { active: false }), docker_group: 'docker:x:990:' },
  },
  {
    name: 'amazon',
    family: 'Amazon Linux',
    release: [
      'ID="amzn"',
      'ID_LIKE="fedora"',
      'VERSION_ID="2023"',
      'PRETTY_NAME="Amazon Linux 2023.8.20250915"',
    ],
    raw: {
      ...unit(
        `/usr/bin/dockerd -H fd:// ${CONTAINERD} $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_ADD_RUNTIMES`,
      ),
      selinux: '0',
      user: 'ec2-user',
    },
  },
  {
    name: 'opensuse',
    family: 'SUSE',
    release: [
      'ID="opensuse-leap"',
      'ID_LIKE="suse opensuse"',
      'VERSION_ID="15.6"',
      'PRETTY_NAME="openSUSE Leap 15.6"',
    ],
    raw: {
      ...unit(
        '/usr/bin/dockerd --containerd /run/containerd/containerd.sock --add-runtime oci=/usr/sbin/runc $DOCKER_NETWORK_OPTIONS $DOCKER_OPTS',
        { socket: false },
      ),
      firewalld: 'yes',
    },
  },
  {
    name: 'sles',
    family: 'SUSE',
    release: [
      'VERSION_ID="15.7"',
      'PRETTY_NAME="SUSE Linux Enterprise Server 15 SP7"',
      'ID="sles"',
      'ID_LIKE="suse"',
    ],
    raw: { kernel: '6.4.0-150700.51-default', public_cas: '/etc/ssl/ca-bundle.pem', firewalld: 'yes' },
  },
  {
    name: 'arch',
    family: 'Arch',
    release: ['PRETTY_NAME="Arch Linux"', 'ID=arch', 'BUILD_ID=rolling'],
    raw: {
      nft_input:
        'chain inet filter input type filter hook input priority filter; policy drop;\nrule tcp dport 22 accept',
    },
  },
  {
    name: 'alpine',
    family: 'Alpine',
    release: ['ID=alpine', 'VERSION_ID=3.22.1', 'PRETTY_NAME="Alpine Linux v3.22"'],
    raw: {
      init: 'openrc',
      iptables: '',
      user: 'root',
      uid: '0',
      sudo: 'root',
      cgroup: '',
      public_cas: '/etc/ssl/cert.pem',
    },
  },
  {
    name: 'alpine-docker',
    family: 'Alpine',
    release: ['ID=alpine', 'VERSION_ID=3.22.1', 'PRETTY_NAME="Alpine Linux v3.22"'],
    raw: {
      init: 'openrc',
      user: 'root',
      uid: '0',
      sudo: 'root',
      dockerd: '/usr/bin/dockerd',
      docker_cli: '/usr/bin/docker',
      docker_group: 'docker:x:101:',
      engine_version: 'Docker version 28.3.3, build bea959c7b793',
      engine_state: 'running',
      engine_enabled: 'yes',
      service_text:
        '#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand="${DOCKERD_BINARY:-/usr/bin/dockerd}"\ncommand_args="${DOCKER_OPTS}"\n',
      options_path: '/etc/conf.d/docker',
      options_text: '# any other random options you want to pass to docker\nDOCKER_OPTS="--ip-masq=false"',
    },
  },
  {
    name: 'flatcar',
    family: 'Flatcar',
    release: [
      'ID=flatcar',
      'ID_LIKE=coreos',
      'VERSION_ID=4230.2.2',
      'PRETTY_NAME="Flatcar Container Linux by Kinvolk 4230.2.2 (Oklo)"',
    ],
    raw: {
      ...unit(
        `/usr/bin/dockerd --host=fd:// ${CONTAINERD} $DOCKER_SELINUX $DOCKER_OPTS $DOCKER_CGROUPS $DOCKER_OPT_BIP $DOCKER_OPT_MTU $DOCKER_OPT_IPMASQ`,
        { active: false },
      ),
      selinux: '0',
      user: 'core',
      docker_group: 'docker:x:233:core',
    },
  },
  {
    name: 'fedora-coreos',
    family: 'Fedora CoreOS',
    release: [
      'ID=fedora',
      'VERSION_ID=41',
      'VARIANT_ID=coreos',
      'PRETTY_NAME="Fedora CoreOS 41.20250215.3.0"',
    ],
    raw: { ...unit(FEDORA, { active: false }), selinux: '1', user: 'core', docker_group: 'docker:x:982:' },
  },
  {
    name: 'boot2docker',
    family: 'boot2docker',
    release: [
      'NAME=Boot2Docker',
      'VERSION=19.03.12',
      'ID=boot2docker',
      'ID_LIKE=tcl',
      'PRETTY_NAME="Boot2Docker 19.03.12 (TCL 10.1)"',
    ],
    raw: {
      init: 'boot2docker',
      kernel: '4.19.130-boot2docker',
      user: 'docker',
      cgroup: '1',
      kernel_modules: 'unknown',
      dockerd: '/usr/local/bin/dockerd',
      engine_version: 'Docker version 19.03.12, build 48a66213fe',
      engine_state: 'running',
      engine_enabled: 'yes',
      service_text: '#!/bin/sh\n# dockerd start script\n',
      options_path: '/var/lib/boot2docker/profile',
      options_text: "DOCKER_HOST='-H tcp://0.0.0.0:2376'\nDOCKER_STORAGE=overlay2\nDOCKER_TLS=auto",
    },
  },
  {
    name: 'our-image',
    family: 'our image',
    release: ['ID=tsmachine', 'VERSION_ID=26.1.5-0123abcd', 'PRETTY_NAME="tsmachine"'],
    raw: { init: 'tsmachine', user: 'docker', dockerd: '/usr/bin/dockerd', engine_state: 'stopped' },
  },
]

export function hostFacts({ release, raw }: Host): Facts {
  return parseFacts({ ...FRESH, os_release: release.join('\n'), ...raw }, 0)
}
