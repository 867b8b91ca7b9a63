import { clientConfig, type ClientConfigOptions } from '../../machine/client-config.js'
import { resolveName } from '../../machine/names.js'
import type { Answer, AnswerInput } from './answer.js'

/** The options with which docker reaches a machine, after they were tried. */
export async function configAnswer(
  { ctx, names }: AnswerInput,
  options: ClientConfigOptions,
): Promise<Answer> {
  const config = await clientConfig(ctx, resolveName(ctx, names.slice(0, 1)), options)
  const path = (file: string): string => JSON.stringify(file)
  const words = [
    '--tlsverify',
    `--tlscacert=${path(config.caPath)}`,
    `--tlscert=${path(config.certPath)}`,
    `--tlskey=${path(config.keyPath)}`,
    `-H=${config.url}`,
  ]
  return { result: config, text: words.join('\n') }
}
