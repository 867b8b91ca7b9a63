import { Flags } from '@oclif/core'
import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { detectShell, parentOnWindows } from '../cli/detect-shell.js'
import type { MachineContext } from '../machine/context.js'
import { ENV_NAMES, envVariables, proxyNames, withoutProxy } from '../machine/env.js'
import { resolveName } from '../machine/names.js'
import { commandLine, type EnvScript, renderEnv, SHELLS } from '../ui/shell-env.js'

export default class Env extends BaseCommand {
  static override summary = 'Print the commands that point this shell at a machine.'
  static override usage = 'env [FLAGS] [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override flags = {
    shell: Flags.string({
      helpValue: 'SHELL',
      summary: `Shell to write for: ${SHELLS.join(', ')}. [default: $SHELL]`,
    }),
    unset: Flags.boolean({ char: 'u', summary: 'Remove the variables instead.' }),
    swarm: Flags.boolean({ summary: 'Point at the manager of the classic swarm.' }),
    'no-proxy': Flags.boolean({
      summary:
        "Add the machine's address to NO_PROXY, and to no_proxy where that is set; with -u remove them.",
    }),
  }
  static override examples = [
    'eval "$(<%= config.bin %> env web)"',
    '<%= config.bin %> env --shell fish web | source',
    '<%= config.bin %> env --shell nushell web | from json | load-env',
    'eval "$(<%= config.bin %> env -u)"',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Env)
    const names = words(argv)
    if (flags.unset && names.length > 0)
      throw this.usage('Error: Expected no machine name when the -u flag is present')
    const ctx = this.quietContext(flags)
    const shell = await this.shell(flags.shell)
    if (shell === undefined && !this.takeGlobals(flags).json)
      throw this.usage('Error: Unknown shell', 'Say which: --shell bash')
    const script = flags.unset
      ? this.removal(flags['no-proxy'])
      : await this.setting(ctx, resolveName(ctx, names), flags)
    const result = Object.fromEntries([...script.set, ...script.unset.map((name) => [name, null] as const)])
    this.answer(
      result,
      renderEnv(shell ?? 'sh', { ...script, exactHints: this.profile.program === 'docker-machine' }),
    )
  }

  private async shell(given: string | undefined): Promise<string | undefined> {
    return await detectShell({
      env: this.session.env,
      platform: process.platform,
      given,
      parent: parentOnWindows,
    })
  }

  private removal(proxy: boolean): EnvScript {
    const extra = proxy ? proxyNames(this.session.env, process.platform) : []
    return { set: [], unset: [...ENV_NAMES, ...extra], commandLine: commandLine(this.session.argv) }
  }

  private async setting(
    ctx: MachineContext,
    name: string,
    flags: { readonly swarm: boolean; readonly 'no-proxy': boolean },
  ): Promise<EnvScript> {
    const { platform } = process
    const { variables, ip } = await envVariables(ctx, name, flags)
    const windows = platform === 'win32' ? [['COMPOSE_CONVERT_WINDOWS_PATHS', 'true'] as const] : []
    const extra = flags['no-proxy'] ? withoutProxy(this.session.env, ip, platform) : []
    return {
      set: [...variables, ...windows, ...extra],
      unset: [],
      commandLine: commandLine(this.session.argv),
    }
  }
}
