/** What AWS's own tools find in a user's environment and files, as far as the SDK does not look there for us. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { homePath } from './paths.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The region that a profile of `~/.aws/config` names; empty where there is none. */
export function profileRegion(profile: string, env: Environment = process.env): string {
  const lines = profileLines(env['AWS_CONFIG_FILE'] || join(homePath(env), '.aws', 'config'), profile)
  const [region = ''] = lines.flatMap((line) => /^region\s*=\s*([^\s#;]+)/.exec(line)?.[1] ?? [])
  return region
}

const CREDENTIAL_VARIABLES = [
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]
const CREDENTIAL_KEY =
  /^(aws_access_key_id|role_arn|sso_session|sso_start_url|credential_process|login_session)\s*=/

/** Whether the SDK's search would find credentials that the user has named; a metadata service names none. */
export function namesCredentials(profile: string, env: Environment): boolean {
  if (profile !== '' || CREDENTIAL_VARIABLES.some((name) => env[name])) return true
  const files = [
    [env['AWS_SHARED_CREDENTIALS_FILE'], 'credentials'],
    [env['AWS_CONFIG_FILE'], 'config'],
  ] as const
  return files.some(([given, name]) => {
    const path = given || (env['HOME'] && join(env['HOME'], '.aws', name))
    return path ? profileLines(path, '').some((line) => CREDENTIAL_KEY.test(line)) : false
  })
}

/** Lines of a profile's section (empty: the default one); none where there is no such file. */
function profileLines(path: string, profile: string): readonly string[] {
  const name = profile || 'default'
  const sections = name === 'default' ? ['default', 'profile default'] : [`profile ${name}`]
  let isOurs = false
  return linesOf(path).filter((line) => {
    const [, section] = /^\s*\[([^\]]+)\]/.exec(line) ?? []
    if (section !== undefined) isOurs = sections.includes(section.trim().replace(/\s+/g, ' '))
    return isOurs
  })
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** The SDK prints a warning about Node's version into our output; which versions we run on is our package's to say. */
export function silenceSdk(env: Record<string, string | undefined> = process.env): void {
  env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
}
