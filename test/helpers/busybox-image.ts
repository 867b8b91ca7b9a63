import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { debianTool } from '../../tools/debian-tool.js'
import type { TestUser } from './cli.js'

const APPLETS = ['sh', 'cat', 'echo', 'ls', 'sleep', 'httpd', 'mkdir', 'wget', 'nc', 'sync', 'touch', 'id']

/** A container image from Debian's static busybox, since nothing can be pulled: a tar for `docker import`. */
export async function busyboxTar(dir: string): Promise<string> {
  const root = join(dir, 'busybox-root')
  const tar = join(dir, 'busybox.tar')
  if (existsSync(tar)) return tar
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(await debianTool('busybox'), join(root, 'bin', 'busybox'))
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
  execFileSync('tar', ['-C', root, '-cf', tar, '.'])
  return tar
}

/** Imports that image into a machine under the name `busybox`. */
export async function importBusybox(user: TestUser, machine: string): Promise<void> {
  const outcome = await user.docker(machine, ['import', await busyboxTar(user.home), 'busybox'])
  if (outcome.code !== 0) throw new Error(outcome.stderr)
}
