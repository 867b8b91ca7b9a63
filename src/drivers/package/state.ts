import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../contracts/errors.js'
import { describeAt } from './factory.js'
import type { LocatedDriver } from './installed.js'

/** Why an installed package cannot be used now, or undefined when it can. Starts its process. */
export function packageFault(
  { path, description, packageName }: LocatedDriver,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (!existsSync(path)) return `${path} is gone: install ${packageName} again`
  try {
    if (isDeepStrictEqual(describeAt(path, env), description)) return undefined
    return `it has changed since it was installed: install ${packageName} again`
  } catch (error) {
    return messageOf(error)
  }
}
