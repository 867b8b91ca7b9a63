import { Secret } from '../contracts/secrets.js'
import { onAbort } from '../util/abort.js'
import { isInteractive } from './confirm.js'

const ENTER = new Set(['\r', '\n'])
const ERASE = new Set(['\u007f', '\b'])
const INTERRUPT = '\u0003'
const END = '\u0004'
const CLEAR = '\u0015'

/**
 * Asks for a secret on the terminal; what is typed is not shown. Undefined when there is nobody to ask, and at the end of
 * input. Ctrl-C ends the command as everywhere else.
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<Secret | undefined> {
  if (!isInteractive()) return undefined
  const { stdin, stderr } = process
  // First of all: what is typed early must not be shown either.
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stderr.write(question)
  try {
    return await typed(stdin, signal)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function typed(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<Secret | undefined> {
  return new Promise((resolve, reject) => {
    let text = ''
    const end = (settle: () => void): void => {
      stdin.removeListener('data', onData)
      stdin.removeListener('end', onEnd)
      forget()
      settle()
    }
    const onEnd = (): void => end(() => resolve(undefined))
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (ENTER.has(key)) return end(() => resolve(new Secret(text)))
        if (key === END && text === '') return onEnd()
        if (key === INTERRUPT) process.kill(process.pid, 'SIGINT')
        else if (ERASE.has(key)) text = [...text].slice(0, -1).join('')
        else text = key === CLEAR ? '' : text + key
      }
    }
    stdin.on('data', onData)
    // A listener alone does not start again what an earlier question has paused.
    stdin.resume()
    stdin.on('end', onEnd)
    const forget = onAbort(signal, () => end(() => reject(signal.reason)))
  })
}
