import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ensureClientKey,
  ensureHostKey,
  hasHostKey,
  importClientKey,
  removeHostKey,
} from '../../../src/machine/identity-files.js'
import { ensureCa, isPair, issueLeaf } from '../../../src/tls/authority.js'
import { CLIENT, copyClientFiles, SERVER, settlePair, writePair } from '../../../src/tls/files.js'
import { makePrivateDir, writeFileAtomic } from '../../../src/util/atomic-file.js'
import type { Seen, WritePath } from '../write-paths.js'

const certs = (dir: string): string => join(dir, 'store', 'certs')
const machine = (dir: string): string => join(dir, 'store', 'machines', 'web')
const text = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

/** What was there first is kept beside, to compare with. */
const remember = (dir: string, from: string): void => writeFileSync(join(dir, 'before.pem'), text(from) ?? '')

const changed = (dir: string, path: string): Seen =>
  text(path) === text(join(dir, 'before.pem')) ? 'old' : 'new'

/** A certificate and its key, as the next command finds them: what was cut off is completed. */
async function settled(dir: string, names: typeof CLIENT | typeof SERVER): Promise<boolean> {
  await settlePair(dir, names, isPair)
  const [cert, key] = [text(join(dir, names.cert)), text(join(dir, names.key))]
  if (cert === undefined && key === undefined) return false
  if (cert === undefined || key === undefined || !isPair({ cert, key }))
    throw new Error(`half a pair in ${dir}`)
  return true
}

/** Every file of the machine's copy is one of the store's, old or new. */
function copiesAreWhole(dir: string): Seen {
  const wanted = { 'ca.pem': 'ca.pem', 'cert.pem': 'cert.pem', 'key.pem': 'key.pem' }
  const seen = Object.keys(wanted).map((file): Seen => {
    const here = text(join(machine(dir), file))
    if (here === text(join(certs(dir), file))) return 'new'
    if (here === `old ${file}`) return 'old'
    throw new Error(`${file} is neither old nor new`)
  })
  return seen.every((each) => each === 'new') ? 'new' : 'old'
}

async function keySeen(path: string): Promise<Seen> {
  const [key, line] = [text(path), text(`${path}.pub`)]
  if (key === undefined) return 'old'
  if (
    !key.endsWith('-----END OPENSSH PRIVATE KEY-----\n') ||
    !line?.startsWith('ssh-ed25519 ') ||
    !line.endsWith('\n')
  )
    throw new Error(`${path} and its public half do not fit`)
  return 'new'
}

export const CERTIFICATE_PATHS: readonly WritePath[] = [
  {
    name: 'the first certificates of a store',
    act: async (dir) => await ensureCa(certs(dir)),
    look: async (dir) => {
      const ca =
        existsSync(certs(dir)) && (await settled(certs(dir), { cert: 'ca.pem', key: 'ca-key.pem' } as never))
      const client = existsSync(certs(dir)) && (await settled(certs(dir), CLIENT))
      return ca && client ? 'new' : 'old'
    },
  },
  {
    name: 'a new client certificate',
    prepare: async (dir) => {
      await ensureCa(certs(dir))
      remember(dir, join(certs(dir), 'cert.pem'))
    },
    act: async (dir) => {
      const fresh = changed(dir, join(certs(dir), 'cert.pem')) === 'old'
      await ensureCa(certs(dir), { freshClient: fresh })
    },
    look: async (dir) => {
      if (!(await settled(certs(dir), CLIENT))) throw new Error('no client certificate')
      return changed(dir, join(certs(dir), 'cert.pem'))
    },
  },
  {
    name: "a machine's server certificate",
    prepare: async (dir) => {
      const ca = await ensureCa(certs(dir))
      await writePair(machine(dir), SERVER, await leaf(ca))
      remember(dir, join(machine(dir), 'server.pem'))
    },
    act: async (dir) => await writePair(machine(dir), SERVER, await leaf(await ensureCa(certs(dir)))),
    look: async (dir) => {
      if (!(await settled(machine(dir), SERVER))) throw new Error('no server certificate')
      return changed(dir, join(machine(dir), 'server.pem'))
    },
  },
  {
    name: "a machine's copy of the client certificate",
    prepare: async (dir) => {
      await ensureCa(certs(dir))
      await makePrivateDir(machine(dir))
      for (const file of ['ca.pem', 'cert.pem', 'key.pem'])
        await writeFileAtomic(join(machine(dir), file), `old ${file}`)
    },
    act: async (dir) => await copyClientFiles(certs(dir), machine(dir)),
    look: copiesAreWhole,
  },
  {
    name: "a machine's client key",
    prepare: async (dir) => await makePrivateDir(machine(dir)),
    act: async (dir) => await ensureClientKey(machine(dir), 'web'),
    look: async (dir) => await keySeen(join(machine(dir), 'id_rsa')),
  },
  {
    name: "the user's own key",
    prepare: async (dir) => {
      await makePrivateDir(machine(dir))
      await ensureClientKey(machine(dir), 'own')
      writeFileSync(join(dir, 'mine'), readFileSync(join(machine(dir), 'id_rsa')))
      writeFileSync(join(dir, 'mine.pub'), readFileSync(join(machine(dir), 'id_rsa.pub')))
    },
    act: async (dir) => await importClientKey(machine(dir), join(dir, 'mine')),
    look: (dir) => {
      for (const file of ['mine', 'mine.pub']) {
        const here = text(join(machine(dir), file))
        if (here !== undefined && here !== text(join(dir, file))) throw new Error(`half of ${file}`)
      }
      return existsSync(join(machine(dir), 'mine')) && existsSync(join(machine(dir), 'mine.pub'))
        ? 'new'
        : 'old'
    },
  },
  {
    name: 'the end of the first host key',
    prepare: async (dir) => {
      await makePrivateDir(machine(dir))
      await ensureHostKey(machine(dir), 'web')
    },
    act: async (dir) => await removeHostKey(machine(dir)),
    look: (dir) => (hasHostKey(machine(dir)) ? 'old' : 'new'),
  },
]

async function leaf(ca: Awaited<ReturnType<typeof ensureCa>>): ReturnType<typeof issueLeaf> {
  return await issueLeaf(ca, { purpose: 'server', commonName: 'web', sans: ['localhost'], now: new Date() })
}
