import type { DriverFactory } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import { variablesOf } from '../drivers/common/flags.js'
import type { MachineContext } from './context.js'

/**
 * A record from elsewhere may say where the API of its provider is: the tokens of this computer's variables would be sent there.
 * What the provider's driver has by itself, what a variable here says and what the user has `accepted` is no other place.
 * @throws MachineError `usage`
 */
export function refuseForeignEndpoint(
  { env, profile }: Pick<MachineContext, 'env' | 'profile'>,
  { name, ledger, factory }: { name: string; ledger: LedgerRecord; factory: DriverFactory },
  accepted: readonly string[],
): void {
  for (const flag of factory.flags.filter(({ receivesSecrets }) => receivesSecrets)) {
    const value = ledger.driver.config[flag.key]
    const recorded = typeof value === 'string' ? value : ''
    const known = [String(flag.default ?? ''), ...variablesOf(flag).map((variable) => env[variable] ?? '')]
    if (recorded === '' || [...known, ...accepted].some((each) => isSamePlace(each, recorded))) continue
    const text = `"${name}" would send the secrets of its driver (${factory.name}) to ${recorded}, which is not its provider's own address`
    throw new MachineError('usage', text, {
      machine: name,
      hints: [
        `If that is right, say so: ${profile.program} import FILE --endpoint ${originOf(recorded) ?? 'URL'}`,
        'If it is not, do not import this file: whoever wrote it wanted your tokens.',
      ],
    })
  }
}

function isSamePlace(a: string, b: string): boolean {
  const origin = originOf(a)
  return origin !== undefined && origin === originOf(b)
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}
