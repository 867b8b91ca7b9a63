import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { installDriverLink, removeDriverLinks } from '../../../src/cli/driver-shim.js'
import { installShim, uninstallShim } from '../../../src/cli/shim.js'
import { installedDrivers, writeInstalled } from '../../../src/drivers/package/installed.js'
import { makeDataDisk } from '../../../src/drivers/qemu/disks.js'
import { readJsonFile, writeJsonFile } from '../../../src/drivers/qemu/json-file.js'
import { sealSeed, writeSeed } from '../../../src/drivers/qemu/seed.js'
import { ArtefactCache } from '../../../src/images/cache.js'
import { exportMachines, importMachines } from '../../../src/machine/export.js'
import { addInclude } from '../../../src/ssh/user-config.js'
import { ensureCa } from '../../../src/tls/authority.js'
import { systemClock } from '../../../src/util/clock.js'
import { writeArtefact } from '../artefact.js'
import { bareFactory } from '../hosted-driver.js'
import { machineContext } from '../machine-context.js'
import { firstFiles } from '../records.js'
import type { Seen, WritePath } from '../write-paths.js'

const FOREIGN = '#!/bin/sh\necho another docker-machine\n'
const PREVIOUS = 'docker-machine.before-tsmachine'
const environment = (dir: string): Readonly<Record<string, string>> => ({
  PATH: join(dir, 'bin'),
  HOME: dir,
  XDG_CONFIG_HOME: join(dir, 'config'),
  TSMACHINE_DATA_DIR: join(dir, 'data'),
})

function withForeign(dir: string, name = 'docker-machine'): void {
  mkdirSync(join(dir, 'bin'))
  writeFileSync(join(dir, 'bin', name), FOREIGN, { mode: 0o755 })
}

/** A program of the name is there at every instant, and the foreign one is never lost. */
function programSeen(dir: string, name: string, aside: string): Seen {
  const [path, kept] = [join(dir, 'bin', name), join(dir, 'bin', aside)]
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) throw new Error(`there is no ${name} any more`)
  if (!stat.isSymbolicLink()) {
    if (readFileSync(path, 'utf8') !== FOREIGN) throw new Error('half a program')
    return 'old'
  }
  if (readFileSync(kept, 'utf8') !== FOREIGN) throw new Error('the other program is lost')
  readlinkSync(path)
  return 'new'
}

/** Whether the program that was there before is back, and nothing beside it. */
function undone(dir: string, name: string, aside: string): Seen {
  return programSeen(dir, name, aside) === 'old' && !existsSync(join(dir, 'bin', aside)) ? 'new' : 'old'
}

const LINK = 'docker-machine-driver-tsmachine-qemu'
const DRIVER_ASIDE = `${LINK}.before-tsmachine`

const DESCRIPTION = { flags: [], has: [] } as unknown as Parameters<
  typeof writeInstalled
>[1][number]['description']
const driver = (version: string): Parameters<typeof writeInstalled>[1][number] => ({
  ...{ name: 'acme', packageName: 'tsmachine-driver-acme', version, integrity: 'sha512-x', contract: '1' },
  ...{ installedAt: '2026-01-01T00:00:00Z', folder: 'abc', description: DESCRIPTION },
})

const cache = (dir: string): ArtefactCache => new ArtefactCache(join(dir, 'cache'), systemClock)
const SEED = {
  metaData: 'instance-id: web\n',
  userData: `#cloud-config\n# secret ${'x'.repeat(300)}\n`,
  vendorData: '',
}
const SEALED = { ...SEED, userData: '#cloud-config\n' }

const computer = (dir: string, name: string): ReturnType<typeof machineContext> =>
  machineContext({
    dir: join(dir, name),
    env: { TSMACHINE_EXPORT_PASSPHRASE: 'a horse and a battery', DOCKER_CONFIG: join(dir, 'docker') },
    factories: { fake: bareFactory },
  })

async function withMachine(dir: string): Promise<void> {
  const { store } = computer(dir, 'old')
  await store.create('web', firstFiles(store.root, 'web'), { id_rsa: Buffer.from('key\n') })
  await ensureCa(store.certsDir)
  await store.id()
}

const write = async (dir: string): Promise<unknown> =>
  await exportMachines(computer(dir, 'old'), {
    ...{ names: ['web'], all: false, file: join(dir, 'machines.export'), force: true, withSecrets: false },
  })

export const OTHER_PATHS: readonly WritePath[] = [
  {
    name: 'our link over another docker-machine',
    prepare: async (dir) => await Promise.resolve(withForeign(dir)),
    act: async (dir) => await installShim(environment(dir), { dir: join(dir, 'bin'), force: true }),
    look: (dir) => programSeen(dir, 'docker-machine', PREVIOUS),
  },
  {
    name: 'the end of our link',
    prepare: async (dir) => {
      withForeign(dir)
      await installShim(environment(dir), { dir: join(dir, 'bin'), force: true })
    },
    act: async (dir) => await uninstallShim(environment(dir)),
    look: (dir) => undone(dir, 'docker-machine', PREVIOUS),
  },
  {
    name: "our link over another driver's",
    prepare: async (dir) => await Promise.resolve(withForeign(dir, LINK)),
    act: async (dir) =>
      await installDriverLink(environment(dir), {
        dir: join(dir, 'bin'),
        name: 'tsmachine-qemu',
        force: true,
      }),
    look: (dir) => programSeen(dir, LINK, DRIVER_ASIDE),
  },
  {
    name: "the end of our driver's link",
    prepare: async (dir) => {
      withForeign(dir, LINK)
      await installDriverLink(environment(dir), {
        dir: join(dir, 'bin'),
        name: 'tsmachine-qemu',
        force: true,
      })
    },
    act: async (dir) => await removeDriverLinks([join(dir, 'bin')]),
    look: (dir) => undone(dir, LINK, DRIVER_ASIDE),
  },
  {
    name: 'the list of installed drivers',
    prepare: async (dir) => {
      mkdirSync(join(dir, 'data', 'drivers'), { recursive: true })
      await writeInstalled(environment(dir), [driver('1.0.0')])
    },
    act: async (dir) => await writeInstalled(environment(dir), [driver('2.0.0')]),
    look: (dir) => (installedDrivers(environment(dir))[0]?.version === '2.0.0' ? 'new' : 'old'),
  },
  {
    name: 'an artefact that comes into the cache',
    prepare: async (dir) => await Promise.resolve(writeArtefact(join(dir, 'from'))),
    act: async (dir) => await cache(dir).adopt(join(dir, 'from'), 'import'),
    look: async (dir) => {
      const [entry] = existsSync(join(dir, 'cache')) ? await cache(dir).list() : []
      if (!entry) return 'old'
      await cache(dir).open(entry.id)
      const id = JSON.parse(readFileSync(join(dir, 'from', 'manifest.json'), 'utf8')) as { digest: string }
      for (const file of ['kernel', 'initramfs', 'engine.squashfs'])
        if (!readFileSync(join(entry.dir, file)).equals(readFileSync(join(dir, 'from', file))))
          throw new Error(`${file} of ${id.digest} is not what was checked`)
      return 'new'
    },
  },
  {
    name: 'the choice of an artefact',
    prepare: async (dir) => {
      for (const salt of ['1', '2']) {
        writeArtefact(join(dir, salt), 'image', salt)
        await cache(dir).use((await cache(dir).adopt(join(dir, salt), 'import')).id)
      }
    },
    act: async (dir) => {
      const other = (await cache(dir).list()).at(-1)
      const wanted = JSON.parse(readFileSync(join(dir, '1', 'manifest.json'), 'utf8')) as { digest: string }
      if (other) await cache(dir).use(wanted.digest)
    },
    look: async (dir) => {
      const chosen = (await cache(dir).list()).find(({ current }) => current)?.id
      const [old, next] = ['2', '1'].map((salt) => readFileSync(join(dir, salt, 'manifest.json'), 'utf8'))
      if (chosen && old?.includes(chosen)) return 'old'
      if (chosen && next?.includes(chosen)) return 'new'
      throw new Error('none is chosen')
    },
  },
  {
    name: 'the end of an artefact',
    prepare: async (dir) => {
      writeArtefact(join(dir, 'from'))
      await cache(dir).adopt(join(dir, 'from'), 'import')
    },
    act: async (dir) => {
      for (const { id } of await cache(dir).list()) await cache(dir).remove(id)
    },
    look: async (dir) => {
      const [entry] = await cache(dir).list()
      if (entry) await cache(dir).open(entry.id)
      return entry ? 'old' : 'new'
    },
  },
  {
    name: 'an export',
    prepare: async (dir) => {
      await withMachine(dir)
      writeFileSync(join(dir, 'machines.export'), 'an older export')
    },
    act: write,
    look: (dir) => {
      const bytes = readFileSync(join(dir, 'machines.export'))
      if (bytes.toString() === 'an older export') return 'old'
      if (!bytes.toString('latin1').startsWith('tsmachine-export 1\n')) throw new Error('half an export')
      return 'new'
    },
  },
  {
    name: 'an import',
    prepare: async (dir) => {
      await withMachine(dir)
      await write(dir)
    },
    act: async (dir) => await importMachines(computer(dir, 'next'), join(dir, 'machines.export')),
    look: async (dir) => {
      const [from, to] = [computer(dir, 'old').store, computer(dir, 'next').store]
      if (existsSync(to.certsDir))
        for (const file of readdirSync(from.certsDir))
          if (
            readFileSync(join(from.certsDir, file), 'utf8') !== readFileSync(join(to.certsDir, file), 'utf8')
          )
            throw new Error('half of the certificates')
      if (!to.exists('web')) return 'old'
      if (readFileSync(join(to.dir('web'), 'id_rsa'), 'utf8') !== 'key\n') throw new Error('half a key')
      if (!existsSync(to.certsDir)) throw new Error('the certificates are lost')
      to.get('web')
      return await Promise.resolve('new')
    },
  },
  {
    name: "the user's ssh configuration",
    prepare: async (dir) => {
      mkdirSync(join(dir, 'ssh'))
      await Promise.resolve(writeFileSync(join(dir, 'ssh', 'config'), 'Host mine\n'))
    },
    act: async (dir) => await addInclude(join(dir, 'ssh', 'config'), 'Include /store/ssh_config'),
    look: (dir) => {
      const text = readFileSync(join(dir, 'ssh', 'config'), 'utf8')
      if (!text.endsWith('Host mine\n')) throw new Error("the user's own lines are lost")
      return text.startsWith('Include') ? 'new' : 'old'
    },
  },
  {
    name: 'the verdicts on accelerators',
    prepare: async (dir) => await writeJsonFile(join(dir, 'qemu.json'), { old: true }),
    act: async (dir) => await writeJsonFile(join(dir, 'qemu.json'), { new: true }),
    look: (dir) => {
      const value = readJsonFile(join(dir, 'qemu.json'))
      if (value === undefined) throw new Error('it cannot be read')
      return JSON.stringify(value).includes('new') ? 'new' : 'old'
    },
  },
  {
    name: "a guest's seed without its secrets",
    prepare: async (dir) => await writeSeed(join(dir, 'seed'), SEED),
    act: async (dir) => await sealSeed(join(dir, 'seed'), SEALED),
    look: (dir) => {
      const text = readFileSync(join(dir, 'seed', 'user-data'), 'utf8')
      if (text === SEED.userData) return 'old'
      if (text.trimEnd() !== SEALED.userData.trimEnd()) throw new Error('half a seed')
      return 'new'
    },
  },
  {
    name: 'an empty data disk',
    act: async (dir) => await makeDataDisk(join(dir, 'data.raw'), 64),
    look: (dir) => {
      const found = lstatSync(join(dir, 'data.raw'), { throwIfNoEntry: false })
      if (found && found.size !== 64 * 1024 * 1024) throw new Error('half a disk')
      return found ? 'new' : 'old'
    },
  },
]
