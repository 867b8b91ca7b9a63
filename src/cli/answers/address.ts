import { machineAddress } from '../../machine/address.js'
import { resolveName, resolveNames, withMachines } from '../../machine/names.js'
import type { Answer, AnswerInput } from './answer.js'

export async function ipAnswer({ ctx, names }: AnswerInput): Promise<Answer> {
  const results = await withMachines(
    resolveNames(ctx, names),
    async (name) => await machineAddress(ctx, name, 'Error getting IP address: '),
  )
  return {
    result: results.map(({ name, value }) => ({ name, ip: value.ip })),
    text: results.map(({ value }) => value.ip).join('\n'),
  }
}

export async function urlAnswer({ ctx, names }: AnswerInput): Promise<Answer> {
  const { name, url } = await machineAddress(ctx, resolveName(ctx, names))
  return { result: { name, url }, text: url }
}
