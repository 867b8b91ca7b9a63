/** Who else can reach a store: modes that are too wide, and a store or parts of it that are another user's. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Exposure, exposureOf } from '../util/exposure.js'
import { StoreLayout } from './layout.js'

/** What is wrong, and the command that mends it. */
export interface StoreFault {
  /** `bad`: somebody else can change it. */
  readonly level: 'bad' | 'note'
  readonly text: string
  readonly hint: string
}

/** What is wrong with the store's own directory: nothing below it is private if that is open. Undefined when all is well. */
export function storeExposure(root: string): StoreFault | undefined {
  const exposure = exposureOf(root)
  return exposure && FAULTS[exposure.to](root, exposure)
}

/** Directories of the store that are another user's: what sudo has made there cannot be used without it. */
export function foreignParts(root: string): StoreFault | undefined {
  const { certsDir, locksDir, machinesDir, secretsDir } = new StoreLayout(root)
  const parts = [certsDir, locksDir, machinesDir, secretsDir, ...below(machinesDir), ...below(certsDir)]
  const foreign = parts.filter((path) => exposureOf(path)?.to === 'owner')
  const [first] = foreign
  if (first === undefined) return undefined
  const text = `${foreign.length} of its files and directories belong to another user, ${first} for one`
  return { level: 'bad', text, hint: giveTo(process.getuid?.() ?? 0, root) }
}

const FAULTS: Readonly<Record<Exposure['to'], (root: string, exposure: Exposure) => StoreFault>> = {
  owner: (root, { uid }) => ownedBy(root, uid, process.getuid?.() ?? 0),
  writers: (root) => ({
    level: 'bad',
    text: `Other users may write to the store ${root}: they can take over its machines`,
    hint: close(root),
  }),
  readers: (root) => ({
    level: 'note',
    text: `Other users may look into the store ${root}, which holds private keys`,
    hint: close(root),
  }),
}

function ownedBy(root: string, owner: number, me: number): StoreFault {
  const whose = `The store ${root} belongs to the user with id ${owner}`
  if (me !== 0)
    return {
      level: 'bad',
      text: `${whose}, who can read its keys and change its records`,
      hint: `Use one of your own: --storage-path DIR. If it is yours: ${giveTo(me, root)}`,
    }
  return {
    level: 'note',
    text: `${whose}, and you are root: they cannot use what is made in it now`,
    hint: `Run it without sudo. To give all of it back: ${giveTo(owner, root)}`,
  }
}

function close(root: string): string {
  return `chmod -R go= '${root}'`
}

function giveTo(uid: number, root: string): string {
  return `sudo chown -R ${uid} '${root}'`
}

function below(dir: string): readonly string[] {
  try {
    return readdirSync(dir).map((name) => join(dir, name))
  } catch {
    return []
  }
}
