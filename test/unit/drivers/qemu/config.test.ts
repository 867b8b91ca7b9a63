import { availableParallelism } from 'node:os'
import t from 'tap'
import { collectFlagValues } from '../../../../src/drivers/common/flags.js'
import { parse, readConfig } from '../../../../src/drivers/qemu/config.js'
import { flags } from '../../../../src/drivers/qemu/flags.js'
import { factory } from '../../../../src/drivers/qemu/index.js'
import { parseNetwork } from '../../../../src/drivers/qemu/network-choice.js'
import { qemuRecord } from '../../../../src/drivers/qemu/record.js'
import { parseShare, shareUserData } from '../../../../src/drivers/qemu/shares.js'
import type { FlagValues } from '../../../../src/contracts/driver.js'

const parsed = (given: FlagValues): ReturnType<typeof parse> =>
  parse(collectFlagValues(flags, given, {}).values)

t.test('defaults make a VM with 2 GB, at most two CPUs and a user network', async (t) => {
  t.match(parsed({}), {
    ok: true,
    config: {
      memory: 2048,
      cpuCount: Math.min(2, availableParallelism()),
      diskSize: 20000,
      image: '',
      accel: 'auto',
      network: 'user',
      autoForward: true,
      shares: [],
    },
  })
})

t.test('all faults are reported at once, each naming its flag', async (t) => {
  const result = parsed({
    'qemu-memory': 64,
    'qemu-cpu-count': 10_000,
    'qemu-disk-size': 999,
    'qemu-network': 'brigde=br0',
    'qemu-ssh-port': 70_000,
    'qemu-share': ['/a:b', '/src', '/other:/src'],
  })
  const faults = result.ok ? [] : result.faults
  for (const fault of [
    /--qemu-memory 64 is out of range/,
    /--qemu-cpu-count 10000/,
    /--qemu-disk-size 999 .* 1000/,
    /--qemu-network: "brigde=br0" is none of/,
    /--qemu-ssh-port 70000/,
    /--qemu-share "\/a:b": .* absolute/,
    /two folders for \/src/,
  ])
    t.ok(
      faults.some((text) => fault.test(text)),
      `${fault} in ${faults.join('; ')}`,
    )
  t.equal(faults.length, 7)
})

t.test('memory that does not boot with an engine is refused, and what does is not', async (t) => {
  t.match(parsed({ 'qemu-memory': 383 }), { ok: false, faults: [/383 is out of range: from 384 .* engine$/] })
  t.match(parsed({ 'qemu-memory': 384 }), { ok: true, config: { memory: 384 } })
})

t.test('one port cannot lead to two places', async (t) => {
  t.match(parsed({ 'qemu-ssh-port': 5000, 'qemu-engine-port': 5000 }), { ok: false, faults: [/must differ/] })
})

t.test('--no-qemu-auto-forward is kept', async (t) => {
  t.match(parsed({ 'qemu-auto-forward': false }), { config: { autoForward: false } })
})

t.test('networks: the bridge is a Linux interface name', async (t) => {
  t.strictSame(parseNetwork('bridge=br-lan.5'), { mode: 'bridge', bridge: 'br-lan.5' })
  for (const text of [
    'bridge',
    'bridge=',
    'bridge=a b',
    'bridge=../x',
    'bridge=waytoolonginterface',
    'bridge=br0,x',
    'tap',
  ])
    t.ok('fault' in parseNetwork(text), text)
})

t.test('shares: same path by default, read-only when said, never over the system', async (t) => {
  t.strictSame(parseShare('/home/me/src'), { host: '/home/me/src', guest: '/home/me/src', readOnly: false })
  t.strictSame(parseShare('/home/me/src:ro'), { host: '/home/me/src', guest: '/home/me/src', readOnly: true })
  t.strictSame(parseShare('/a b,c:/data/:ro'), { host: '/a b,c', guest: '/data', readOnly: true })
  t.strictSame(parseShare('.:/src'), { host: process.cwd(), guest: '/src', readOnly: false })
  for (const text of [
    '',
    ':/x',
    '/a:',
    '/a:/b:/c',
    '/a:/',
    '/a:/etc',
    '/a:/var/lib/docker/x',
    '/a:/x/../proc/y',
    '/a:/home',
    '/a:/home/docker',
    '/a:/var/lib/tsmachine',
    '/a:/dev',
  ])
    t.ok('fault' in parseShare(text), text)
})

t.test('shares become mounts of cloud-init in the guest, and the config survives reading', async (t) => {
  const result = parsed({ 'qemu-share': ['/a', '/b:/c:ro'] })
  if (!result.ok) throw new Error(result.faults.join())
  t.strictSame(readConfig(result.config), result.config)
  const options = 'trans=virtio,version=9p2000.L,msize=262144,cache=mmap,nofail'
  t.strictSame(factory.userData?.(result.config), {
    mounts: [
      ['share0', '/a', '9p', options, '0', '0'],
      ['share1', '/c', '9p', `${options},ro`, '0', '0'],
    ],
  })
  t.strictSame(shareUserData([]), {})
})

t.test('only a VM without an image of its own wants our boot image', async (t) => {
  const own = parsed({})
  const cloud = parsed({ 'qemu-image': 'debian.qcow2' })
  if (!own.ok || !cloud.ok) throw new Error('refused')
  t.equal(factory.wantsBootImage?.(own.config), true)
  t.equal(factory.wantsBootImage?.(cloud.config), false)
  t.equal(cloud.config['image'], `${process.cwd()}/debian.qcow2`)
})

t.test("docker-machine's changes to its own fields are taken over, ours are kept", async (t) => {
  const result = parsed({ 'qemu-share': ['/a'], 'qemu-accel': 'tcg' })
  if (!result.ok) throw new Error('refused')
  const vm = {
    kind: 'vm',
    key: 'vm',
    state: 'made',
    attributes: { sshPort: 1234, enginePort: 5678, address: '127.0.0.1' },
  } as const
  const fields = qemuRecord.toFields(result.config, [vm])
  t.match(fields, {
    Memory: 2048,
    DiskSize: 20000,
    Network: 'user',
    SSHPort: 1234,
    EnginePort: 5678,
    IPAddress: '127.0.0.1',
  })
  const back = qemuRecord.fromFields({ ...fields, Memory: 4096 }, { config: result.config, resources: [vm] })
  t.strictSame(back.config, { ...result.config, memory: 4096 })
  t.strictSame(back.resources, [vm])
  t.match(qemuRecord.fromFields({ Memory: 1024, CPU: 1, DiskSize: 18000, Network: 'user' }).config, {
    memory: 1024,
    accel: 'auto',
  })
})
