import t from 'tap'
import type { Facts } from '../../../src/contracts/provision.js'
import { collectFacts } from '../../../provision/facts.js'
import { plan } from '../../../provision/plan.js'
import { ALL_TOOLS, fakeHost } from '../../helpers/fake-host.js'
import { DEBIAN_ENGINE, debianFacts, failure, imageFacts, wanted } from '../../helpers/provision-input.js'

const { opt, data } = debianFacts()

t.test('a host on which our engine could not run is told why, before anything is sent', async (t) => {
  const refusals: [Partial<Facts>, RegExp, RegExp][] = [
    [{ arch: 'armv7l' }, /x86_64.*armv7l/, /apt-get install docker\.io/],
    [
      { kernel: '3.10.0-1160.el7', osRelease: { ID: 'centos', ID_LIKE: 'rhel fedora' } },
      /4\.18 or newer.*3\.10/,
      /dnf install docker-ce/,
    ],
    [{ opt: { ...opt, mount: '/opt', isNoexec: true } }, /\/opt .* noexec/, /remount,exec \/opt/],
    [{ opt: { ...opt, mount: '/var', isReadOnly: true } }, /\/var on the host is read-only/, /link/],
    [
      { opt: { ...opt, mount: '/var', freeBytes: 120_500_000 } },
      /needs 320 MB below \/opt, and the host has 120 MB free on \/var/,
      /Free some space/,
    ],
    [
      { kernelFeatures: { present: ['overlay', 'veth', 'bridge'], modules: 'known' } },
      /no nf_tables and no ip_tables.*firewall rules/,
      /kernel/,
    ],
    [
      { kernelFeatures: { present: ['nf_tables', 'veth'], modules: 'known' } },
      /no bridge, .*networks/,
      /kernel/,
    ],
    [{ kernelFeatures: { present: [], modules: 'gone' } }, /6\.1\.0-18-amd64.* are gone/, /Restart the host/],
  ]
  for (const [facts, message, hint] of refusals) {
    const error = failure(() => plan(debianFacts(facts), wanted()))
    t.match(error.message, message)
    t.match(error.hints[0] ?? '', hint)
    t.doesNotThrow(
      () => plan(debianFacts({ ...facts, engine: DEBIAN_ENGINE }), wanted()),
      'its own engine may',
    )
  }
  const unknown = { present: [], modules: 'unknown' } as const
  t.doesNotThrow(() => plan(debianFacts({ kernelFeatures: unknown }), wanted()), 'a monolithic kernel')
  const none = { present: ['bridge', 'veth'], modules: 'known' } as const
  t.doesNotThrow(() => plan(debianFacts({ kernelFeatures: none }), wanted({}, { opts: ['iptables=false'] })))
  const full = { opt: { ...opt, freeBytes: 1 }, bundles: ['26.1.5-9e58d154'] }
  t.doesNotThrow(() => plan(debianFacts(full), wanted()), 'what is there needs no room')
})

t.test('what works badly there is a warning', async (t) => {
  const facts = debianFacts({
    limitsMemory: false,
    kernelFeatures: { present: ['nf_tables', 'bridge', 'veth'], modules: 'known' },
    data: { ...data, path: '/srv/docker', mount: '/srv', freeBytes: 400_000_000 },
  })
  t.match(plan(facts, wanted({ name: 'x'.repeat(65) })).warnings, [
    /does not limit memory/,
    /no overlay/,
    /go to \/srv\/docker, and \/srv has only 400 MB free/,
    /cannot be named x+: it keeps its name web/,
  ])
  t.same(plan(debianFacts({ cgroup: 0 }), wanted()).warnings, [], 'none mounted yet: the services mount them')
  t.same(plan(imageFacts(), wanted({ name: 'a_b' })).warnings, [])
})

for (const tools of ALL_TOOLS)
  t.test(`${tools}: room and kernel are read from the host`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    on.put('run/systemd/system/x', '')
    on.put('etc/docker/daemon.json', '{"data-root": "/srv/images"}')
    on.put('sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io pids\n')
    on.put('lib/modules/0.0.1/modules.dep', 'kernel/fs/overlayfs/overlay.ko.xz:\n')
    on.put('proc/filesystems', 'nodev\tproc\nnodev\toverlay\n')
    on.put('proc/modules', 'veth 36864 0 - Live 0x0\nnf_tables_set 1 0 - Live 0x0\n')
    const gone = await collectFacts(on.shell, undefined, on.root)
    t.match(gone, {
      cgroup: 2,
      limitsMemory: false,
      data: { path: '/srv/images' },
      kernelFeatures: { modules: 'gone', present: ['overlay', 'veth'] },
    })
    t.ok(gone.data.freeBytes < Number.MAX_SAFE_INTEGER, 'of the nearest folder that is there')
    on.put(
      `lib/modules/${gone.kernel}/modules.dep`,
      'kernel/net/bridge/bridge.ko: kernel/net/llc/llc.ko\nkernel/net/bridge/br_netfilter.ko:\nkernel/net/netfilter/nf_tables.ko.zst:\n',
    )
    on.put(`lib/modules/${gone.kernel}/modules.builtin`, 'kernel/fs/overlayfs/overlay.ko\n')
    const { kernelFeatures } = await collectFacts(on.shell, undefined, on.root)
    t.same(kernelFeatures, { modules: 'known', present: ['bridge', 'nf_tables', 'overlay', 'veth'] })
  })
