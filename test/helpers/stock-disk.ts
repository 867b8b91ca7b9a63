/**
 * Stock Debian disks for tests: made with mmdebstrap from the mirror that this computer's apt uses, cached outside the
 * checkout by the hash of their recipe. Nothing of tsmachine is in them.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { chooseMirror } from '../../image-build/mirror.js'
import { cachePath } from '../../src/util/paths.js'
import { withLock } from '../../src/util/locks.js'

/** `plain`, `docker` and `cloud` are Debian 12; `trixie` is Debian 13 with systemd and OpenRC side by side. */
export type StockVariant = 'plain' | 'docker' | 'cloud' | 'trixie'

/** A disk ready to boot an overlay of. */
export interface StockDisk {
  readonly dir: string
  /** Raw image: of a root file system, or a whole disk with a boot loader (`cloud`). */
  readonly raw: string
  readonly kernel: string
  readonly initrd: string
  /** Private key of user `admin`; empty for `cloud`, whose users come from its seed. */
  readonly keyPath: string
  /** The host's key, `ssh-ed25519 AAAA...`; empty for `cloud`. */
  readonly hostKey: string
}

const DISK_BYTES = 6 * 1024 ** 3
const PARTITION_SECTOR = 2048
const SECTOR = 512

const BASE = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'openssh-server',
  'sudo',
  'iproute2',
  'kmod',
  'linux-image-cloud-amd64',
  'ca-certificates',
]

const CLOUD_GRUB =
  'serial --unit=0\nset timeout=0\nmenuentry stock {\n  search --label --set=root root\n' +
  '  linux /vmlinuz root=LABEL=root rw console=ttyS0 net.ifnames=0\n  initrd /initrd.img\n}\n'

/** Either init system at the kernel's choice (`init=`): only systemd's own /sbin/init would exclude the other. */
const BOTH_INITS = [
  ...BASE.filter((name) => name !== 'systemd-sysv'),
  ...['openrc', 'sysvinit-core', 'initscripts', 'orphan-sysvinit-scripts'],
]

interface Recipe {
  readonly suite: 'bookworm' | 'trixie'
  readonly packages: readonly string[]
  /** Shell lines with the tree as `$1`. */
  readonly hooks: readonly string[]
}

const ADMIN = [
  'chroot "$1" useradd -m -s /bin/bash admin',
  'install -d -m 700 "$1/home/admin/.ssh"',
  'install -m 600 "$KEYS/id.pub" "$1/home/admin/.ssh/authorized_keys"',
  'chroot "$1" chown -R admin: /home/admin/.ssh',
  'echo "admin ALL=(ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/admin"',
  'rm -f "$1"/etc/ssh/ssh_host_*',
  'install -m 600 "$KEYS/host" "$1/etc/ssh/ssh_host_ed25519_key"',
  'install -m 644 "$KEYS/host.pub" "$1/etc/ssh/ssh_host_ed25519_key.pub"',
]

const NETWORK = [
  'echo stock > "$1/etc/hostname"',
  'printf "127.0.0.1 localhost\\n127.0.1.1 stock\\n" > "$1/etc/hosts"',
  'printf "[Match]\\nName=en* eth*\\n[Network]\\nDHCP=yes\\n" > "$1/etc/systemd/network/10-dhcp.network"',
  'chroot "$1" systemctl enable systemd-networkd',
]

/** QEMU's user network is always the same, so no DHCP client is needed. */
const OPENRC_SERVICE =
  '#!/sbin/openrc-run\ndescription="the network of QEMU"\nstart() {\n  ip link set lo up\n  ip link set eth0 up\n' +
  '  ip addr add 10.0.2.15/24 dev eth0\n  ip route add default via 10.0.2.2\n}\n'

const OPENRC_NETWORK = [
  `printf '%b' '${OPENRC_SERVICE.replaceAll('\n', '\\n')}' > "$1/etc/init.d/qemu-net"`,
  'chmod 755 "$1/etc/init.d/qemu-net"',
  'chroot "$1" rc-update add qemu-net default',
]

const RECIPES: Readonly<Record<StockVariant, Recipe>> = {
  plain: { suite: 'bookworm', packages: BASE, hooks: [...NETWORK, ...ADMIN] },
  docker: {
    suite: 'bookworm',
    packages: [...BASE, 'docker.io'],
    hooks: [...NETWORK, ...ADMIN],
  },
  trixie: {
    suite: 'trixie',
    packages: BOTH_INITS,
    hooks: [...NETWORK, ...OPENRC_NETWORK, ...ADMIN],
  },
  cloud: {
    suite: 'bookworm',
    packages: [
      ...BASE,
      'cloud-init',
      'cloud-guest-utils',
      'netplan.io',
      'e2fsprogs',
      'grub-pc-bin',
      'grub-common',
    ],
    hooks: [
      'rm -f "$1"/etc/ssh/ssh_host_*',
      'chroot "$1" systemctl enable systemd-networkd',
      'echo "datasource_list: [ NoCloud, None ]" > "$1/etc/cloud/cloud.cfg.d/90-datasource.cfg"',
      'mkdir -p "$1/boot/grub"',
      `printf '%b' '${CLOUD_GRUB.replaceAll('\n', '\\n')}' > "$1/boot/grub/grub.cfg"`,
      `chroot "$1" grub-mkimage -O i386-pc -o /boot/core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 normal linux search search_label serial configfile`,
    ],
  },
}

/** The disk of a variant, built first when it is not in the cache (one to three minutes). Needs root. */
export async function stockDisk(variant: StockVariant): Promise<StockDisk> {
  const dir = join(cachePath(), 'test-disks', `${variant}-${recipeHash(variant)}`)
  if (!existsSync(join(dir, 'disk.raw'))) {
    mkdirSync(join(cachePath(), 'test-disks'), { recursive: true })
    const lock = { what: `build the stock disk ${variant}`, waitMs: 600_000 }
    await withLock(`${dir}.lock`, lock, () => buildOnce(variant, dir))
  }
  const keyed = variant !== 'cloud'
  return {
    dir,
    raw: join(dir, 'disk.raw'),
    kernel: join(dir, 'vmlinuz'),
    initrd: join(dir, 'initrd.img'),
    keyPath: keyed ? join(dir, 'keys/id') : '',
    hostKey: keyed
      ? readFileSync(join(dir, 'keys/host.pub'), 'utf8').split(' ').slice(0, 2).join(' ').trim()
      : '',
  }
}

function recipeHash(variant: StockVariant): string {
  const { suite, ...recipe } = RECIPES[variant]
  const text = JSON.stringify([suite, DISK_BYTES, recipe])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** Another process may have built it while we waited for the lock. */
async function buildOnce(variant: StockVariant, dir: string): Promise<void> {
  if (existsSync(join(dir, 'disk.raw'))) return
  build(variant, dir, (await chooseMirror(undefined)).main)
}

function build(variant: StockVariant, dir: string, mirror: string): void {
  const work = `${dir}.new`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(join(work, 'keys'), { recursive: true })
  try {
    for (const name of ['id', 'host'])
      must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(work, 'keys', name)])
    const tree = join(work, 'tree')
    bootstrap(variant, tree, { keys: join(work, 'keys'), mirror })
    pack(variant, tree, work)
    must('rm', ['-rf', '--one-file-system', tree])
    renameSync(work, dir)
  } catch (error) {
    spawnSync('rm', ['-rf', '--one-file-system', work])
    throw error
  }
}

function bootstrap(variant: StockVariant, tree: string, from: { keys: string; mirror: string }): void {
  const { suite, packages, hooks } = RECIPES[variant]
  must(
    'mmdebstrap',
    [
      '--quiet',
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      '--aptopt=Acquire::Languages "none"',
      '--dpkgopt=force-unsafe-io',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      ...hooks.map((hook) => `--customize-hook=${hook}`),
      suite,
      tree,
      from.mirror,
    ],
    { KEYS: from.keys },
  )
}

function pack(variant: StockVariant, tree: string, work: string): void {
  const boot = join(tree, 'boot')
  const newest = (prefix: string): string =>
    join(boot, readdirSync(boot).find((name) => name.startsWith(prefix)) ?? '')
  cpSync(newest('vmlinuz-'), join(work, 'vmlinuz'))
  cpSync(newest('initrd.img-'), join(work, 'initrd.img'))
  const raw = join(work, 'disk.raw.part')
  const offset = variant === 'cloud' ? PARTITION_SECTOR * SECTOR : 0
  writeFileSync(raw, '')
  truncateSync(raw, DISK_BYTES)
  const size = `${(DISK_BYTES - offset) / 1024}k`
  must('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'root', '-d', tree, '-E', `offset=${offset}`, raw, size])
  if (variant === 'cloud') makeBootable(raw, tree)
  renameSync(raw, join(work, 'disk.raw'))
}

/** A DOS label with one active Linux partition, and GRUB in the gap before it: boot.img's code, then core.img. */
function makeBootable(raw: string, tree: string): void {
  const mbr = Buffer.alloc(SECTOR)
  readFileSync(join(tree, 'usr/lib/grub/i386-pc/boot.img')).copy(mbr, 0, 0, 440)
  const entry = Buffer.from([0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0])
  entry.writeUInt32LE(PARTITION_SECTOR, 8)
  entry.writeUInt32LE(DISK_BYTES / SECTOR - PARTITION_SECTOR, 12)
  entry.copy(mbr, 446)
  mbr.writeUInt16LE(0xaa55, 510)
  const disk = openSync(raw, 'r+')
  writeSync(disk, mbr, 0, mbr.length, 0)
  const core = readFileSync(join(tree, 'boot/core.img'))
  writeSync(disk, core, 0, core.length, SECTOR)
  closeSync(disk)
}

function must(program: string, args: readonly string[], env: Record<string, string> = {}): void {
  const result = spawnSync(program, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (result.status !== 0)
    throw new Error(`${program}: ${result.error?.message ?? ''}${result.stderr?.slice(-2_000) ?? ''}`)
}
