import { run } from '../util/exec.js'

const TASKLIST_MS = 3_000

export interface ShellClues {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  /** What the user said. */
  readonly given?: string | undefined
  /** Name of the program that started us, where it can be told. */
  readonly parent: () => Promise<string | undefined>
}

/**
 * The shell to write for: what the user said, fish by its own variable, the name of `$SHELL`, and on Windows, which has
 * no such variable, the program that started us. Undefined when nothing tells.
 */
export async function detectShell({ env, platform, given, parent }: ShellClues): Promise<string | undefined> {
  if (given) return given
  if (env['__fish_bin_dir']) return 'fish'
  const shell = programName(env['SHELL'] ?? '')
  if (shell !== '') return shell
  if (platform !== 'win32') return undefined
  const started = programName((await parent()) ?? '')
  if (WINDOWS_SHELLS.includes(started)) return started
  // Windows sets the first for all programs, cmd alone the second.
  return env['PSModulePath'] && !env['PROMPT'] ? 'powershell' : 'cmd'
}

const WINDOWS_SHELLS: readonly string[] = ['powershell', 'pwsh', 'cmd', 'bash', 'sh', 'zsh', 'fish', 'nu']

function programName(path: string): string {
  return (path.split(/[\\/]/).at(-1) ?? '').replace(/\.exe$/i, '').toLowerCase()
}

/** Name of the process that started us, from Windows' own list. */
export async function parentOnWindows(): Promise<string | undefined> {
  const filter = ['/FI', `PID eq ${process.ppid}`, '/FO', 'CSV', '/NH']
  const { stdout } = await run('tasklist', filter, { deadlineMs: TASKLIST_MS }).catch(() => ({ stdout: '' }))
  return firstProgram(stdout)
}

/** Exported for its test: the first column of `tasklist /FO CSV /NH`. */
export function firstProgram(csv: string): string | undefined {
  return /^"([^"]+)"/m.exec(csv)?.[1]
}
