/** The engine bundle from real packages, run for real in a root directory that has no libc at all. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchPackages, openApt, unpack } from '../../image-build/apt.js'
import { build } from '../../image-build/build.js'
import { checkBundle } from '../../image-build/engine-bundle-check.js'
import { layOutBundle } from '../../image-build/engine-bundle-tree.js'
import { ArtefactStore } from '../../src/images/artefact-store.js'
import { run } from '../../src/util/exec.js'
import { cachePath, packageRoot } from '../../src/util/paths.js'
import { debianTool } from '../../tools/debian-tool.js'

t.setTimeout(300_000)

const TOOLS = ['sh', 'tar', 'gzip', 'cat', 'mkdir', 'ip', 'sleep', 'wget', 'id', 'ps', 'httpd', 'rmdir']
const isRoot = process.getuid?.() === 0
const dir = t.testdir()
const told: string[] = []
const common = { cacheDir: cachePath(), report: (line: string) => told.push(line) }

const { artefacts } = await build({ ...common, what: ['engine'], out: join(dir, 'one') })
const [bundle] = artefacts
if (!bundle) throw new Error('nothing was built')
const { version } = bundle.manifest
const prefix = `/opt/tsmachine/${version}`

const root = await bareRoot()

t.test('two builds of the same packages have the same bytes', async (t) => {
  const old = process.umask(0o077)
  t.teardown(() => process.umask(old))
  const again = await build({ ...common, what: ['engine'], out: join(dir, 'two') })
  const other = again.artefacts[0]?.dir ?? ''
  const names = readdirSync(bundle.dir).sort()
  t.strictSame(names, ['SHA256SUMS', 'bootstrap.tar.gz', 'engine.tar.zst', 'manifest.json'])
  for (const name of names)
    t.ok(readFileSync(join(other, name)).equals(readFileSync(join(bundle.dir, name))), name)
  t.strictSame(readdirSync(join(dir, 'two')), ['engine'], 'nothing else is left')
})

t.test('the programs were tried at their real path', async (t) => {
  t.match(told.join('\n'), /running each program of the engine bundle once/)
  t.notMatch(told.join('\n'), /no mount namespace/)
})

t.test('a missing library or program fails the build and is named', async (t) => {
  const apt = await openApt(common)
  const names = bundle.manifest.packages.map((entry) => entry.name)
  const debs = await fetchPackages(apt, names)
  const rootDir = join(dir, 'unpacked')
  await unpack(debs, rootDir)
  for (const [file, message] of [
    ['usr/lib/x86_64-linux-gnu/libseccomp.so.2', /library libseccomp.so.2 is missing, runc needs it/],
    [
      'usr/lib/x86_64-linux-gnu/libnfnetlink.so.0',
      /library libnfnetlink.so.0 is missing, libnetfilter_conntrack/,
    ],
    ['usr/bin/tini-static', /needs usr\/bin\/tini-static, and no package has it/],
  ] as const) {
    renameSync(join(rootDir, file), join(rootDir, 'lost'))
    const options = { rootDir, treeDir: join(dir, 'bad'), version, debs }
    await t.rejects(layOutBundle(options), message)
    renameSync(join(rootDir, 'lost'), join(rootDir, file))
  }
  const bad = join(dir, 'bad-program')
  const { bootstrap } = await layOutBundle({ rootDir, treeDir: bad, version, debs })
  t.ok(bootstrap.includes('bin/zstd'))
  writeFileSync(join(bad, 'bin/runc'), '#!/bin/sh\nexit 3\n')
  await t.rejects(checkBundle({ treeDir: bad, prefix }), /bin\/runc of the engine bundle does not run/)
  writeFileSync(join(bad, 'bin/runc'), '#!/bin/sh\necho hello\n')
  await t.rejects(checkBundle({ treeDir: bad, prefix }), /runc .* said something unexpected: hello/)
})

t.test('the artefact store takes it in and hands it out again', async (t) => {
  const store = new ArtefactStore({ cacheDir: join(dir, 'cache'), packageRoot: packageRoot() })
  const options = { signal: new AbortController().signal, report: () => undefined }
  const taken = await store.import(bundle.dir, options)
  t.equal(taken.id, bundle.manifest.digest)
  t.equal((await store.resolve('engine', options)).version, version)
})

/** A root directory with a static busybox and nothing else, and the bundle unpacked as a host does it. */
async function bareRoot(): Promise<string> {
  const root = join(dir, 'root')
  for (const name of ['bin', 'proc', 'sys', 'dev', 'run', 'etc', 'var/lib', 'tmp', 'opt/tsmachine'])
    mkdirSync(join(root, name), { recursive: true })
  copyFileSync(await debianTool('busybox'), join(root, 'bin/busybox'))
  for (const name of TOOLS) symlinkSync('busybox', join(root, 'bin', name))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\ndockremap:x:100000:100000::/:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\ndocker:x:999:\ndockremap:x:100000:\n')
  for (const name of ['subuid', 'subgid']) writeFileSync(join(root, 'etc', name), 'dockremap:100000:65536\n')
  // A host that names name-service modules of its own libc, as systemd's do.
  writeFileSync(
    join(root, 'etc/nsswitch.conf'),
    'passwd: files systemd\ngroup: files systemd\nhosts: files resolve\n',
  )
  const unpack = `tar -xzf - -C /opt/tsmachine`
  const rest = `/opt/tsmachine/${version}/bin/zstd -dc | tar -xf - -C /opt/tsmachine`
  for (const [command, file] of [
    [unpack, 'bootstrap.tar.gz'],
    [rest, 'engine.tar.zst'],
  ] as const) {
    const done = await inside(root, command, readFileSync(join(bundle?.dir ?? '', file)))
    if (done.code !== 0) throw new Error(`${command}: ${done.stderr}`)
  }
  return root
}

async function inside(root: string, script: string, stdin?: Uint8Array) {
  const enter = isRoot ? ['chroot', root] : ['unshare', '-r', 'chroot', root]
  const [program = '', ...args] = [...enter, '/bin/sh', '-c', script]
  return await run(program, args, {
    ...(stdin ? { stdin } : {}),
    env: { PATH: `${process.env['PATH'] ?? ''}:/bin` },
  })
}

t.test('every program runs where there is no libc', async (t) => {
  for (const [command, says] of [
    ['bin/dockerd --version', /Docker version 26/],
    ['bin/docker --version', /Docker version 26/],
    ['bin/containerd --version', /containerd/],
    ['bin/containerd-shim-runc-v2 -v', /Version:/],
    ['bin/runc --version', /runc version/],
    ['bin/docker-init --version', /tini/],
    ['iptables/iptables --version', /nf_tables/],
    ['iptables/ip6tables-save --version', /nf_tables/],
  ] as const)
    t.match((await inside(root, `${prefix}/${command} 2>&1`)).stdout, says, command)
  writeFileSync(join(root, prefix, 'iptables/legacy'), '')
  t.match((await inside(root, `${prefix}/iptables/iptables --version`)).stdout, /legacy/)
  rmSync(join(root, prefix, 'iptables/legacy'))
})

t.test(
  'dockerd runs a container with a published port on a host without libc, with only our libraries',
  { skip: isRoot ? false : 'mount namespaces with a container engine need root' },
  async (t) => {
    const script = join(packageRoot(), 'test/helpers/engine-in-namespaces.sh')
    const result = await run('unshare', ['-mnpf', 'sh', script, root, prefix], { deadlineMs: 90_000 })
    const words = `${result.stdout}\n${result.stderr}`
    if (result.code !== 0) t.comment(words)
    t.equal(result.code, 0)
    t.match(words, /Server:/, 'the client talks to it')
    t.match(words, /container user 0 is 0 100000 65536/, 'a container runs in a user namespace')
    t.match(words, /published page/, 'its port is reachable')
    const mapped = [...new Set(words.match(/^maps .*$/gm) ?? [])].map((line) => line.slice(5))
    t.ok(mapped.includes(`${prefix}/lib/libc.so.6`), mapped.join(' '))
    t.strictSame(
      mapped.filter((file) => !file.startsWith(`${prefix}/lib/`)),
      [],
    )
  },
)
