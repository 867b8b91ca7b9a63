import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DockerContexts } from '../../../src/engine/contexts.js'
import { ContextFiles } from '../../../src/engine/context-files.js'
import type { Seen, WritePath } from '../write-paths.js'

const OWNER = { storeId: 'ab'.repeat(16), machineId: 'cd'.repeat(16) }
const CONFIG = { auths: { 'registry.example': { auth: 'dXNlcjpwYXNz' } }, currentContext: 'default' }

/** A docker client that need not run: that there is one is enough. */
function contexts(dir: string): DockerContexts {
  return new DockerContexts({
    configDir: join(dir, 'docker'),
    storeRoot: join(dir, 'store'),
    env: { PATH: join(dir, 'bin') },
  })
}

function withClient(dir: string): void {
  for (const folder of ['bin', 'docker', 'store']) mkdirSync(join(dir, folder), { mode: 0o700 })
  writeFileSync(join(dir, 'bin', 'docker'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(dir, 'docker', 'config.json'), JSON.stringify(CONFIG))
}

const sync = async (dir: string, which: Seen): Promise<unknown> =>
  await contexts(dir).sync({
    machine: 'web',
    owner: OWNER,
    url: `tcp://${which === 'old' ? '192.0.2.1' : '192.0.2.2'}:2376`,
    ca: `${which} ca\n`,
    cert: `${which} cert\n`,
    key: `${which} key\n`,
  })

/** What `docker context ls` would read. */
async function contextSeen(dir: string): Promise<Seen | undefined> {
  const [meta] = await new ContextFiles(join(dir, 'docker')).list()
  const endpoint = meta?.Endpoints['docker'] as { Host?: string } | undefined
  const keys = tlsFolders(dir).flatMap((folder) =>
    ['ca', 'cert', 'key'].map((part) => join(folder, 'docker', `${part}.pem`)),
  )
  for (const path of keys.filter((each) => existsSync(each)))
    if (!/^(old|new) (ca|cert|key)\n$/.test(readFileSync(path, 'utf8'))) throw new Error(`half of ${path}`)
  if (endpoint === undefined) return undefined
  if (!keys.every((path) => existsSync(path))) return undefined
  return endpoint.Host === 'tcp://192.0.2.2:2376' &&
    keys.every((path) => readFileSync(path, 'utf8').startsWith('new'))
    ? 'new'
    : 'old'
}

function tlsFolders(dir: string): readonly string[] {
  const root = join(dir, 'docker', 'contexts', 'tls')
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : []
}

/** The user's logins are in the same file. */
function currentSeen(dir: string): string | undefined {
  const config = JSON.parse(readFileSync(join(dir, 'docker', 'config.json'), 'utf8')) as typeof CONFIG
  if (config.auths['registry.example'].auth !== 'dXNlcjpwYXNz') throw new Error('the logins are lost')
  return config.currentContext
}

export const DOCKER_PATHS: readonly WritePath[] = [
  {
    name: 'a new Docker context',
    prepare: async (dir) => await Promise.resolve(withClient(dir)),
    act: async (dir) => await sync(dir, 'new'),
    look: async (dir) => ((await contextSeen(dir)) === 'new' ? 'new' : 'old'),
  },
  {
    name: 'a change of a Docker context',
    prepare: async (dir) => {
      withClient(dir)
      await sync(dir, 'old')
    },
    act: async (dir) => await sync(dir, 'new'),
    look: async (dir) => {
      const seen = await contextSeen(dir)
      if (seen === undefined) throw new Error('the context is lost')
      return seen
    },
  },
  {
    name: 'the use of a Docker context',
    prepare: async (dir) => {
      withClient(dir)
      await sync(dir, 'old')
    },
    act: async (dir) => await contexts(dir).use('web'),
    look: (dir) => (currentSeen(dir) === 'web' ? 'new' : 'old'),
  },
  {
    name: 'the end of a Docker context that is in use',
    prepare: async (dir) => {
      withClient(dir)
      await sync(dir, 'old')
      await contexts(dir).use('web')
    },
    act: async (dir) => await contexts(dir).remove(OWNER, 'web'),
    look: async (dir) => {
      const [left] = await new ContextFiles(join(dir, 'docker')).list()
      if (left !== undefined) return 'old'
      if (tlsFolders(dir).length > 0) throw new Error('its keys are left, and nothing names them')
      return currentSeen(dir) === undefined ? 'new' : 'old'
    },
  },
]
