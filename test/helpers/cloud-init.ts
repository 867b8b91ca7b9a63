/** Debian 13's own cloud-init, unpacked into the user's cache with the Python that runs it; nothing is installed. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchPackages, openApt, unpack } from '../../image-build/apt.js'
import { throughLoader } from '../../image-build/tools.js'
import { withLock } from '../../src/util/locks.js'
import { cachePath } from '../../src/util/paths.js'

const PACKAGES = [
  'cloud-init',
  'python3.13-minimal',
  'libpython3.13-minimal',
  'libpython3.13-stdlib',
  ...['certifi', 'charset-normalizer', 'configobj', 'idna', 'jinja2', 'json-pointer', 'jsonpatch'].map(
    python,
  ),
  ...['markupsafe', 'requests', 'urllib3', 'yaml'].map(python),
]
const SCRIPT = fileURLToPath(new URL('cloud-init-merge.py', import.meta.url))

function python(name: string): string {
  return `python3-${name}`
}

/** What cloud-init makes of user data. */
export interface Merged {
  readonly config: Readonly<Record<string, unknown>>
  /** Scripts and their like: MIME type and text. */
  readonly parts: readonly (readonly [string, string])[]
  /** Parts of configuration that could not be used. */
  readonly faults: readonly string[]
}

/** Fetches cloud-init when it is not in the cache; the function runs it. */
export async function openCloudInit(): Promise<(userData: string | Buffer) => Merged> {
  const root = join(cachePath(), 'test-tools', 'cloud-init')
  await mkdir(join(cachePath(), 'test-tools'), { recursive: true })
  await withLock(`${root}.lock`, { what: 'fetch cloud-init', waitMs: 300_000 }, () => fetchOnce(root))
  const [loader = '', ...words] = throughLoader(root, join(root, 'usr/bin/python3.13'))
  const env = {
    PYTHONHOME: join(root, 'usr'),
    PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  return (userData) => {
    const input = Buffer.from(userData)
    return JSON.parse(execFileSync(loader, [...words, SCRIPT], { input, env, encoding: 'utf8' })) as Merged
  }
}

async function fetchOnce(root: string): Promise<void> {
  if (existsSync(root)) return
  const fresh = `${root}.new`
  await rm(fresh, { recursive: true, force: true })
  const apt = await openApt({ cacheDir: cachePath() })
  await unpack(await fetchPackages(apt, PACKAGES, { libraries: true }), fresh)
  await rename(fresh, root)
}
