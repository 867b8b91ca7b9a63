import { ENV_NAMES, envVariables, proxyNames, withoutProxy } from '../../machine/env.js'
import { resolveName } from '../../machine/names.js'
import { commandLine, type EnvScript, renderEnv } from '../../ui/shell-env.js'
import { detectShell, parentOnWindows } from '../detect-shell.js'
import type { Answer, AnswerInput } from './answer.js'

export interface EnvFlags {
  readonly shell?: string | undefined
  readonly unset: boolean
  readonly swarm: boolean
  readonly 'no-proxy': boolean
}

/** The commands that point a shell at a machine, or away from it. */
export async function envAnswer(input: AnswerInput, flags: EnvFlags): Promise<Answer> {
  const { session, names } = input
  const { env, argv, profile } = session
  if (flags.unset && names.length > 0)
    throw input.usage('Error: Expected no machine name when the -u flag is present')
  const { platform } = process
  const shell = await detectShell({ env, platform, given: flags.shell, parent: parentOnWindows })
  if (shell === undefined && !input.json) throw input.usage('Error: Unknown shell', 'Say which: --shell bash')
  const script = flags.unset ? removal(input, flags) : await setting(input, flags)
  const result = Object.fromEntries([...script.set, ...script.unset.map((name) => [name, null] as const)])
  const exactHints = profile.program === 'docker-machine'
  return {
    result,
    text: renderEnv(shell ?? 'sh', { ...script, commandLine: commandLine(argv), exactHints }),
  }
}

type Variables = Pick<EnvScript, 'set' | 'unset'>

function removal({ session }: AnswerInput, flags: EnvFlags): Variables {
  const extra = flags['no-proxy'] ? proxyNames(session.env, process.platform) : []
  return { set: [], unset: [...ENV_NAMES, ...extra] }
}

async function setting({ ctx, session, names }: AnswerInput, flags: EnvFlags): Promise<Variables> {
  const { platform } = process
  const { variables, ip } = await envVariables(ctx, resolveName(ctx, names), flags)
  const windows = platform === 'win32' ? [['COMPOSE_CONVERT_WINDOWS_PATHS', 'true'] as const] : []
  const extra = flags['no-proxy'] ? withoutProxy(session.env, ip, platform) : []
  return { set: [...variables, ...windows, ...extra], unset: [] }
}
