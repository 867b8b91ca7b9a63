import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianTool } from '../../tools/debian-tool.js'
import { describeArtefact } from './artefact.js'
import type { TestUser } from './cli.js'

/** A cache whose boot image has our kernel and an init that ends, which no kernel survives. */
export async function panicImage(user: TestUser, cache = join(user.home, 'panic-cache')): Promise<string> {
  const dir = join(user.home, 'panic-image')
  const tree = join(user.home, 'panic-tree')
  mkdirSync(dir)
  mkdirSync(join(tree, 'bin'), { recursive: true })
  copyFileSync(join(await currentImage(user), 'kernel'), join(dir, 'kernel'))
  writeFileSync(join(dir, 'engine.squashfs'), 'never read\n')
  copyFileSync(await debianTool('busybox'), join(tree, 'bin', 'busybox'))
  writeFileSync(join(tree, 'init'), '#!/bin/busybox sh\nexit 1\n')
  chmodSync(join(tree, 'init'), 0o755)
  execFileSync('sh', ['-c', 'find . | cpio -o -H newc --quiet | gzip > "$1"', 'sh', join(dir, 'initramfs')], {
    cwd: tree,
  })
  describeArtefact(dir, 'image')
  await user.ok(['image', 'import', dir], { env: { XDG_CACHE_HOME: cache } })
  return cache
}

/** The folder of the image that new machines get. */
export async function currentImage(user: TestUser): Promise<string> {
  const list = JSON.parse(await user.ok(['image', 'ls', '--json'])) as {
    result: { kind: string; current: boolean; dir: string }[]
  }
  const image = list.result.find((row) => row.kind === 'image' && row.current)
  if (!image) throw new Error('There is no boot image: tsmachine image build')
  return image.dir
}
