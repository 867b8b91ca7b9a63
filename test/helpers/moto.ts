/**
 * moto, an EC2 that nobody of this project wrote: Debian 13's packages, unpacked into the user's cache and started with
 * their own Python. Nothing is installed, and no root is needed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchPackages, openApt, unpack, withDependencies } from '../../image-build/apt.js'
import { throughLoader } from '../../image-build/tools.js'
import { withLock } from '../../src/util/locks.js'
import { cachePath } from '../../src/util/paths.js'

export interface Moto {
  readonly url: string
  /** Forgets all that was made. */
  reset(): Promise<void>
  stop(): Promise<void>
}

const PACKAGES = ['python3-moto', 'python3-flask-cors']
const PYTHON = 'usr/bin/python3.13'

/** Without these it takes any image, key and instance type. */
const CHECKS = {
  MOTO_ENABLE_AMI_VALIDATION: 'true',
  MOTO_ENABLE_KEYPAIR_VALIDATION: 'true',
  MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: 'true',
}

export async function startMoto(): Promise<Moto> {
  const root = await motoTree()
  const [program = '', ...args] = throughLoader(root, join(root, PYTHON))
  const child = spawn(program, [...args, join(root, 'usr/bin/moto_server'), '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      PYTHONHOME: join(root, 'usr'),
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
      PYTHONDONTWRITEBYTECODE: '1',
      ...CHECKS,
    },
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await announced(child)
  return {
    url,
    async reset() {
      await fetch(`${url}/moto-api/reset`, { method: 'POST' })
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** It tells its address once it listens; afterwards its log is read and dropped. */
async function announced(child: ChildProcess): Promise<string> {
  let said = ''
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(`moto did not start: ${said.slice(-2_000)}`)))
    child.stderr?.on('data', (chunk: Buffer) => {
      if (said.length < 10_000) said += chunk.toString()
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1]
      if (url) resolve(url)
    })
  })
}

async function motoTree(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(PACKAGES)).digest('hex').slice(0, 12)
  const base = join(cachePath(), 'test-tools')
  const root = join(base, `moto-${hash}`)
  if (existsSync(root)) return root
  await mkdir(base, { recursive: true })
  await withLock(`${root}.lock`, { what: 'fetch moto', waitMs: 300_000 }, async () => {
    if (existsSync(root)) return
    const fresh = `${root}.new`
    await rm(fresh, { recursive: true, force: true })
    const apt = await openApt({ cacheDir: cachePath() })
    await unpack(await fetchPackages(apt, await withDependencies(apt, PACKAGES)), fresh)
    await rename(fresh, root)
  })
  return root
}
