/** What AWS's own tools find in a user's environment and files, as far as the SDK does not look there for us. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** The region that a profile of `~/.aws/config` names; empty where there is none. */
export function profileRegion(profile: string, env: Environment = process.env): string {
  const name = profile || 'default'
  const sections = name === 'default' ? ['default', 'profile default'] : [`profile ${name}`]
  let isOurs = false
  for (const line of configLines(env)) {
    const [, section] = /^\s*\[\s*(.+?)\s*\]/.exec(line) ?? []
    if (section !== undefined) isOurs = sections.includes(section.replace(/\s+/g, ' '))
    const [, region] = /^region\s*=\s*([^\s#;]+)/.exec(line) ?? []
    if (isOurs && region !== undefined) return region
  }
  return ''
}

function configLines(env: Environment): readonly string[] {
  try {
    return readFileSync(env['AWS_CONFIG_FILE'] || join(homedir(), '.aws', 'config'), 'utf8').split('\n')
  } catch {
    return []
  }
}

/** The SDK prints a warning about Node's version into our output; which versions we run on is our package's to say. */
export function silenceSdk(env: Record<string, string | undefined> = process.env): void {
  env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
}
