import { BOOT2DOCKER_MOUNTS, boot2dockerFiles } from '../../provision/as-boot2docker.js'
import { firstBootFiles } from '../../provision/plan.js'
import type { DriverFactory, PreflightFault, SeedDocuments } from '../contracts/driver.js'
import type { Json, JsonObject } from '../contracts/json.js'
import { generateKeyPair } from '../ssh/key-pair.js'
import { ensureServerCertificate } from './certificates.js'
import type { CreateState } from './create-state.js'
import { type GivenFiles, givenPublicLine, givenUserData } from './given-files.js'
import { ensureHostKey, readPublicLine } from './identity-files.js'
import { bootsImage } from './image.js'
import { wantedState } from './install.js'
import type { OpenMachine } from './open.js'
import { ownPart } from './own-user-data.js'
import { seedDocuments, type SeedFile, type SeedInput } from './seed.js'

/** User that we make on hosts of our own, where the driver says no other. */
const SEED_USER = 'docker'

/** A seed with the user's own user data as it was given. */
type SeedRequest = Omit<SeedInput, 'own'> & { readonly own?: Buffer }

/** The client key that we give to hosts of our own. */
export function givenKey({ factory, ledger }: OpenMachine): string | undefined {
  const { hostKey, ssh } = factory.capabilities
  return hostKey === 'given' && ssh ? ledger.ssh?.keyPath : undefined
}

/** A host that has replaced the key is given none again, nor anything else that is secret. */
export async function firstSeed(state: CreateState): Promise<SeedDocuments | undefined> {
  const { open } = state
  const keyPath = givenKey(open)
  if (!keyPath) return undefined
  if (open.ledger.hostKeys?.rotated) return await sealedSeed(open, keyPath)
  const hostKey = await ensureHostKey(open.record.dir, open.name)
  const input = await seedInput(open, await readPublicLine(keyPath))
  const files = [...(input.files ?? []), ...(await engineFiles(state))]
  return fittingSeed({ ...input, hostKey, ...(files.length > 0 ? { files } : {}) }, open.factory)
}

/**
 * The engine then starts with the guest; stage `provision` finds nothing left to do, and docker-machine what it waits for
 * before it provisions.
 */
async function engineFiles({ ctx, open, image }: CreateState): Promise<readonly SeedFile[]> {
  const { factory, ledger } = open
  if (!image || !(ledger.served ?? factory.seedsEngine?.(ledger.driver.config))) return []
  return firstBootFiles(wantedState(open, await ensureServerCertificate(ctx, open)))
}

/** The seed as it is once the host has a key of its own: nothing secret is in it. */
export async function sealedSeed(open: OpenMachine, keyPath: string): Promise<SeedDocuments> {
  return fittingSeed(await seedInput(open, await readPublicLine(keyPath)), open.factory)
}

/**
 * What is wrong with the size of the user data of a machine that is not made yet: the keys that it will hold are as long
 * as any other.
 */
export async function userDataFault(
  { open }: CreateState,
  given: GivenFiles,
): Promise<PreflightFault | undefined> {
  const { hostKey, ssh } = open.factory.capabilities
  const limit = open.factory.userDataLimit
  if (limit === undefined || hostKey !== 'given' || !ssh) return undefined
  const input = await seedInput(open, givenPublicLine(given) ?? generateKeyPair(open.name).publicLine, given)
  const { userData } = fittingSeed({ ...input, hostKey: generateKeyPair(open.name) }, open.factory)
  const size = Buffer.byteLength(userData)
  if (size <= limit) return undefined
  return {
    message: `The user data is ${size} bytes, and ${open.factory.name} takes ${limit}`,
    hint: 'Let yours fetch what is large: "#include URL", or a script that downloads it (docs/user-data.md)',
  }
}

async function seedInput(open: OpenMachine, ownKey: string, given?: GivenFiles): Promise<SeedRequest> {
  const { factory, ledger, machine, name, record } = open
  const wanted = factory.userData?.(ledger.driver.config)
  const served = ledger.served && bootsImage(open)
  const extra = served ? withMounts(BOOT2DOCKER_MOUNTS, wanted) : wanted
  const own = await givenUserData(record.dir, given)
  return {
    name,
    instanceId: machine.id,
    user: seedUser(open),
    authorizedKeys: [ownKey, ...(ledger.options.authorizedKeys ?? [])],
    ...(served ? { files: boot2dockerFiles() } : {}),
    ...(extra ? { extra } : {}),
    ...(own ? { own } : {}),
  }
}

/** The driver's cloud-config keys, with mounts before its own. */
function withMounts(mounts: readonly Json[], wanted: JsonObject = {}): JsonObject {
  const { mounts: own = [] } = wanted
  return { ...wanted, mounts: isList(own) ? [...mounts, ...own] : mounts }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

/** The user that we log in as on a host of our own. */
export function seedUser({ factory, ledger }: OpenMachine): string {
  return factory.seedUser?.(ledger.driver.config) || SEED_USER
}

/** The user's part is packed where the provider would not take it otherwise. */
function fittingSeed({ own, ...input }: SeedRequest, { userDataLimit }: DriverFactory): SeedDocuments {
  if (!own) return seedDocuments(input)
  const wide = seedDocuments({ ...input, own: ownPart(own, OWN_NAME) })
  if (userDataLimit === undefined || Buffer.byteLength(wide.userData) <= userDataLimit) return wide
  return seedDocuments({ ...input, own: ownPart(own, OWN_NAME, { small: true }) })
}

const OWN_NAME = "this machine's copy"
