import type { Profile } from '../contracts/profile.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../util/paths.js'

/** Version of this package. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** What `--version` prints. docker-machine's line has a build, which scripts cut off. */
export function versionLine(profile: Profile): string {
  const line = `${profile.program} version ${packageVersion()}`
  return profile.program === 'docker-machine' ? `${line}, build tsmachine` : line
}
