import type { BootImageFiles } from '../contracts/driver.js'
import type { ImageReference } from '../contracts/record.js'
import type { Store } from '../store/store.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import type { OpenMachine } from './open.js'

/** Whether a machine starts from our boot image. */
export function bootsImage({ factory, ledger }: OpenMachine): boolean {
  return factory.wantsBootImage?.(ledger.driver.config) ?? factory.capabilities.bootImage
}

/**
 * The image that a machine starts from: the one in its record, which only `upgrade` changes. Where the cache has lost
 * that one, and for a new machine, it is the one that new machines get.
 */
export async function machineImage(
  ctx: MachineContext,
  open: OpenMachine,
): Promise<BootImageFiles | undefined> {
  if (!bootsImage(open)) return undefined
  const { image: recorded } = open.ledger
  const stored = recorded && (await ctx.artefacts.storedImage(recorded.digest, ctx.signal))
  if (stored) return stored
  const image = await ctx.artefacts.bootImage('amd64', ctx.signal)
  if (recorded && recorded.digest !== image.digest)
    ctx.report({
      type: 'warn',
      machine: open.name,
      text: `The boot image ${recorded.version} of ${open.name} is no longer here: it starts from ${image.version}`,
    })
  return image
}

/** Writes the image down before anything is started from it. */
export async function pinImage(ctx: MachineContext, open: OpenMachine, image: BootImageFiles): Promise<void> {
  if (open.ledger.image?.digest === image.digest) return
  await updateLedger(ctx, open.name, open.factory, (ledger) => ({ ...ledger, image: reference(image) }))
}

/** How a record names an image. */
export function reference({ digest, version }: BootImageFiles): ImageReference {
  return { digest, version }
}

/** Names of this store's machines that start from an image, or would go back to it. */
export function machinesOfImage(store: Store, digest: string): readonly string[] {
  return store.readAll().flatMap(({ name, ledger }) => {
    const images = [ledger?.image, ledger?.upgrade?.image]
    return images.some((image) => image?.digest === digest) ? [name] : []
  })
}
