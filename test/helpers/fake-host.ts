/** A host that is a folder: our scripts really run here, under a chosen shell, with all paths below the folder. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LocalShell } from '../doubles/local-shell.js'

/** Tools that the scripts find: those of this computer with dash, or busybox and nothing else. */
export type Tools = 'dash' | 'busybox'
export const ALL_TOOLS: readonly Tools[] = ['dash', 'busybox']

export interface FakeHost {
  readonly root: string
  readonly shell: LocalShell
  /** Command lines of the programs that were faked, in order. */
  calls(): string[]
  /** Writes a file of the host, folders included. */
  put(path: string, text: string, mode?: number): void
  read(path: string): string
  has(path: string): boolean
  /** Replaces a program by a script. It is recorded, then runs. */
  fake(program: string, script?: string): void
  remove(): void
}

export function fakeHost(tools: Tools): FakeHost {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-host-'))
  const root = join(dir, 'root')
  const bin = join(dir, 'bin')
  const fakes = join(dir, 'fakes')
  for (const folder of [root, bin, fakes, join(root, 'run'), join(root, 'etc')]) mkdirSync(folder)
  if (tools === 'busybox') {
    execFileSync('busybox', ['--install', '-s', bin])
    symlinkSync('/usr/bin/ssh-keygen', join(bin, 'ssh-keygen'))
  } else symlinkSync('/bin/dash', join(bin, 'sh'))
  const system = tools === 'busybox' ? '' : ':/usr/sbin:/usr/bin:/sbin:/bin'
  const calls = join(dir, 'calls')
  writeFileSync(calls, '')
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), mode)
  }
  const fake = (program: string, script = ''): void => {
    writeFileSync(join(fakes, program), `#!/bin/sh\nprintf '%s\\n' "${program} $*" >>'${calls}'\n${script}\n`)
    chmodSync(join(fakes, program), 0o755)
  }
  for (const program of [
    'systemctl',
    'modprobe',
    'usermod',
    'groupadd',
    'journalctl',
    'docker',
    'tsmachine-service',
  ])
    fake(program)
  return {
    root,
    shell: new LocalShell(
      { PATH: `${fakes}:${bin}${system}`, SSH_CONNECTION: '203.0.113.7 50000 10.0.0.5 22' },
      join(bin, 'sh'),
    ),
    calls: () => readFileSync(calls, 'utf8').split('\n').filter(Boolean),
    put,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    has: (path) => existsSync(join(root, path)),
    fake,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}
