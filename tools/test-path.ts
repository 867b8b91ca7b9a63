import { delimiter, dirname } from 'node:path'
import { findProgram } from '../src/util/exec.js'
import { debianTool } from './debian-tool.js'

/** Where ordinary users' PATH lacks programs that tests call (sshd, mke2fs, ip). */
const SYSTEM = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * PATH for tests and benches: first our programs that this computer lacks (Debian 13's compose, a static busybox, and a
 * docker client where there is none), last the folders of the system's own programs.
 */
export async function testPath(): Promise<string> {
  const names = ['docker-compose', 'busybox', ...(findProgram('docker') ? [] : ['docker'])]
  const tools = await Promise.all(names.map(debianTool))
  const own = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return [...new Set([...tools.map((path) => dirname(path)), ...own, ...SYSTEM])].join(delimiter)
}
