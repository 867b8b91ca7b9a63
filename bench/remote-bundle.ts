/** Sending the engine to a host without one: all but its start, at this computer's own speed (an emulated host is slower than the line). */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apply } from '../provision/apply.js'
import { collectFacts } from '../provision/facts.js'
import { plan } from '../provision/plan.js'
import { Standby } from '../provision/standby.js'
import { ArtefactStore } from '../src/images/artefact-store.js'
import { connect } from '../src/ssh/connect.js'
import { generateKeyPair } from '../src/ssh/key-pair.js'
import { cachePath, packageRoot } from '../src/util/paths.js'
import { type FakeHost, fakeHost } from '../test/helpers/fake-host.js'
import { NEVER } from '../test/helpers/never.js'
import { wanted } from '../test/helpers/provision-input.js'
import { type Sshd, startSshd } from '../test/helpers/sshd.js'
import { difference, type Traffic } from '../test/helpers/wire.js'
import type { RemoteLink } from './remote-link.js'

export interface Sent {
  /** From the first packet to the last word about the plan. */
  readonly ms: number
  readonly traffic: Traffic
}

/** Installs the bundle into a folder of this computer, over the line, from connecting to the end of the plan. */
export async function sendBundle(link: RemoteLink): Promise<Sent> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-bench-'))
  const on = fakeHost('dash')
  const pair = generateKeyPair('bench')
  writeFileSync(join(dir, 'id'), pair.privatePem, { mode: 0o600 })
  const config = [`SetEnv PATH=${on.shell.env['PATH'] ?? ''}`]
  const server = await startSshd({ authorized: [pair.publicLine], config })
  try {
    on.put('run/systemd/system/x', '')
    on.put('etc/group', 'root:x:0:\n')
    const bundle = await runnableBundle(join(dir, 'bundle'))
    const far = { ...server, port: await link.open(server.port) }
    const before = await link.traffic()
    const began = performance.now()
    await install(far, join(dir, 'id'), bundle, on)
    return { ms: performance.now() - began, traffic: difference(await link.traffic(), before) }
  } finally {
    await server.stop()
    on.remove()
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Runnable {
  readonly dir: string
  readonly version: string
}

/** The bundle of the cache, with a zstd that runs below any folder: its own knows where it is. */
async function runnableBundle(dir: string): Promise<Runnable> {
  const store = new ArtefactStore({ cacheDir: cachePath(), packageRoot: packageRoot() })
  const real = await store.resolve('engine', { signal: NEVER, report: () => undefined })
  mkdirSync(dir)
  symlinkSync(join(real.dir, 'engine.tar.zst'), join(dir, 'engine.tar.zst'))
  cpSync(join(real.dir, 'manifest.json'), join(dir, 'manifest.json'))
  const tree = join(dir, 'tree')
  mkdirSync(tree)
  execFileSync('tar', ['-xzf', join(real.dir, 'bootstrap.tar.gz'), '-C', tree])
  const zstd = join(tree, real.version, 'bin/zstd')
  const kept = readFileSync(zstd)
  writeFileSync(zstd, '#!/bin/sh\nexec /usr/bin/zstd "$@"\n')
  // So that no byte of it is missing on the line.
  writeFileSync(`${zstd}.own`, kept)
  execFileSync('tar', ['-czf', join(dir, 'bootstrap.tar.gz'), '-C', tree, real.version])
  return { dir, version: real.version }
}

async function install(far: Sshd, keyPath: string, bundle: Runnable, on: FakeHost): Promise<void> {
  const shell = await connect(far, { privateKeyPath: keyPath, pins: { keys: far.hostKeys } })
  try {
    const known = collectFacts(shell, undefined, on.root)
    const standby = new Standby(shell)
    const facts = await known
    const goal = plan(facts, wanted({ bundleVersion: bundle.version }))
    await apply(shell, goal, { facts, standby, bundleDir: bundle.dir, root: on.root })
  } finally {
    shell.close()
  }
}
