import { appendFileSync, copyFileSync, linkSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeArtefact } from './artefact.js'
import type { TestUser } from './cli.js'
import { currentImage } from './panic-image.js'

/** Brings the present image with an empty end on its initramfs, which kernels skip: another one that boots. Returns its digest. */
export async function bringNewerImage(
  user: TestUser,
  env: Readonly<Record<string, string>>,
  nth = 1,
): Promise<string> {
  const present = await currentImage(user)
  const dir = join(user.home, `newer-image-${nth}`)
  mkdirSync(dir)
  for (const name of ['kernel', 'engine.squashfs']) link(join(present, name), join(dir, name))
  copyFileSync(join(present, 'initramfs'), join(dir, 'initramfs'))
  appendFileSync(join(dir, 'initramfs'), Buffer.alloc(512 * nth))
  const digest = describeArtefact(dir, 'image')
  await user.ok(['image', 'import', dir], { env })
  return digest
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}
