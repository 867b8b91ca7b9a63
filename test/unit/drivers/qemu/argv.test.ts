import t from 'tap'
import { accelerator, acceleratorsFor, TCG } from '../../../../src/drivers/qemu/accelerators.js'
import { escaped, macOf, uuidOf, vmArgv, type VmPlan } from '../../../../src/drivers/qemu/argv.js'
import { readConfig } from '../../../../src/drivers/qemu/config.js'
import { machineFiles, vmSockets } from '../../../../src/drivers/qemu/layout.js'

const plan: VmPlan = {
  name: 'dev',
  id: '0123456789abcdef0123456789abcdef',
  config: readConfig({ cpuCount: 2, shares: ['/src:/src', '/a,b:/c:ro'] }),
  accelerator: TCG,
  files: machineFiles('/store/my, "machines"/dev'),
  sockets: vmSockets('/run/user/0/tsmachine/01234567'),
  image: {
    digest: 'd',
    version: 'v',
    kernel: '/c/a,che/kernel',
    initramfs: '/c/a,che/initramfs',
    engine: '/c/a,che/engine.squashfs',
  },
  netdev: 'user,id=net0',
  sandbox: 'on',
}

t.test('a VM of our image: the whole command line', async (t) => {
  t.strictSame(vmArgv(plan), [
    ...['-name', 'guest=dev', '-uuid', '01234567-89ab-cdef-0123-456789abcdef'],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', 'q35,vmport=off,sata=off,smbus=off,dump-guest-core=off'],
    ...[
      '-accel',
      'tcg,tb-size=512,thread=multi',
      '-cpu',
      'max,cx16=off,la57=off,erms=off',
      '-smp',
      '2',
      '-m',
      '2048M',
    ],
    ...['-rtc', 'base=utc,clock=host', '-sandbox', 'on'],
    ...['-chardev', 'file,id=console,path=/store/my,, "machines"/dev/console.log,append=on'],
    ...['-serial', 'chardev:console'],
    ...['-chardev', 'socket,id=guest,path=/run/user/0/tsmachine/01234567/guest,server=on,wait=off'],
    ...['-serial', 'chardev:guest'],
    ...['-chardev', 'socket,id=control,path=/run/user/0/tsmachine/01234567/qmp,server=on,wait=off'],
    ...['-mon', 'chardev=control,mode=control'],
    ...['-chardev', 'socket,id=forwarder,path=/run/user/0/tsmachine/01234567/qmp-fwd,server=on,wait=off'],
    ...['-mon', 'chardev=forwarder,mode=control'],
    ...['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
    ...['-device', 'vmgenid,guid=auto'],
    ...['-kernel', '/c/a,che/kernel', '-initrd', '/c/a,che/initramfs'],
    '-append',
    'console=ttyS0 quiet panic=30 mitigations=off init_on_alloc=0 norandmaps no_timer_check maxcpus=1 noreplace-smp lpj=16000000 cryptomgr.notests',
    '-blockdev',
    '{"node-name":"engine","driver":"file","filename":"/c/a,che/engine.squashfs","read-only":true}',
    ...['-device', 'virtio-blk-pci,drive=engine,serial=tsmachine-engine'],
    '-blockdev',
    '{"node-name":"data","driver":"file","filename":"/store/my, \\"machines\\"/dev/data.raw","discard":"unmap"}',
    ...['-device', 'virtio-blk-pci,drive=data,serial=tsmachine-data'],
    '-blockdev',
    '{"node-name":"seed","driver":"vvfat","dir":"/store/my, \\"machines\\"/dev/seed","label":"cidata","read-only":true}',
    ...['-device', 'virtio-blk-pci,drive=seed,serial=tsmachine-seed'],
    ...['-netdev', 'user,id=net0', '-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:3e:b1:bd,romfile='],
    ...['-fsdev', 'local,id=share0,path=/src,security_model=none,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=share0,mount_tag=share0'],
    ...['-fsdev', 'local,id=share1,path=/a,,b,security_model=none,multidevs=remap,readonly=on'],
    ...['-device', 'virtio-9p-pci,fsdev=share1,mount_tag=share1'],
  ])
})

t.test('an emulated VM starts the kernel that need not be unpacked, where the image has one', async (t) => {
  const { image } = plan
  if (!image) return
  const kernelOf = (name: string, plainKernel?: string): string | undefined => {
    const argv = vmArgv({
      ...plan,
      accelerator: accelerator(name),
      image: { ...image, ...(plainKernel ? { plainKernel } : {}) },
    })
    return argv[argv.indexOf('-kernel') + 1]
  }
  t.equal(kernelOf('tcg', '/c/vmlinux'), '/c/vmlinux')
  t.equal(kernelOf('tcg'), image.kernel, 'a release has none')
  t.equal(kernelOf('kvm', '/c/vmlinux'), image.kernel, 'a real processor keeps address randomisation')
})

t.test('the guest of a template is told so by its kernel command line, and no other', async (t) => {
  const wordsOf = (template: boolean): string => {
    const argv = vmArgv({ ...plan, template })
    return argv[argv.indexOf('-append') + 1] ?? ''
  }
  t.match(wordsOf(true), / tsmachine\.template=1$/)
  t.notMatch(wordsOf(false), 'template')
})

t.test('a VM of a cloud image boots from its root disk', async (t) => {
  const { image: _image, sandbox: _sandbox, ...rest } = plan
  const argv = vmArgv(rest)
  t.notOk(argv.includes('-kernel'))
  t.notOk(argv.includes('-sandbox'))
  t.ok(argv.includes('virtio-blk-pci,drive=root,serial=tsmachine-root,bootindex=0'))
  t.notOk(argv.some((word) => word.includes('data.raw')))
})

t.test('no word holds user data, keys or anything else that ps should not show', async (t) => {
  t.notOk(vmArgv(plan).some((word) => /PRIVATE|BEGIN|cloud-config/.test(word)))
})

t.test('commas in values are written twice; UUID and MAC come from the id', async (t) => {
  t.equal(escaped('a,b,,c=d'), 'a,,b,,,,c=d')
  t.equal(uuidOf('ab'), 'ab000000-0000-0000-0000-000000000000')
  t.match(macOf('a'), /^52:54:00(:[0-9a-f]{2}){3}$/)
  t.not(macOf('a'), macOf('b'))
})

t.test('accelerators: emulation everywhere and last, unknown names are emulation', async (t) => {
  for (const [platform, arch, first] of [
    ['linux', 'x64', 'kvm'],
    ['darwin', 'x64', 'hvf'],
    ['win32', 'x64', 'whpx'],
    ['linux', 'arm64', 'tcg'],
  ] as const) {
    t.equal(acceleratorsFor(platform, arch)[0]?.name, first)
    t.equal(acceleratorsFor(platform, arch).at(-1), TCG)
  }
  t.equal(accelerator('warp'), TCG)
  t.equal(accelerator('kvm').patience, 1)
})
