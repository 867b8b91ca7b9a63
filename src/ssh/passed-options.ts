/** One option of ssh(1) among the words after a machine's name. */
export interface PassedOption {
  readonly letter: string
  readonly value?: string
}

export interface PassedWords {
  readonly options: readonly PassedOption[]
  /** What is left: the remote command's words. */
  readonly command: readonly string[]
}

/** Letters of ssh(1) that take a value, in the same word or the next. */
const WITH_VALUE = 'BbcDEeFIiJLlmOoPpQRSWw'

/** Reads words as ssh does after the host's name: options up to the first other word or `--`, then the command. */
export function readPassedWords(words: readonly string[]): PassedWords {
  const options: PassedOption[] = []
  const queue = [...words]
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { options, command: queue }
    if (!/^-./.test(word)) return { options, command: [word, ...queue] }
    options.push(...cluster(word.slice(1), queue))
  }
  return { options, command: [] }
}

/** `-tA`: several letters; the rest of the word, or the next one, is the value of one that takes any. */
function cluster(letters: string, queue: string[]): PassedOption[] {
  const at = [...letters].findIndex((letter) => WITH_VALUE.includes(letter))
  if (at < 0) return [...letters].map((letter) => ({ letter }))
  const value = letters.slice(at + 1) || queue.shift()
  const plain = [...letters.slice(0, at)].map((letter) => ({ letter }))
  return [...plain, { letter: letters.charAt(at), ...(value === undefined ? {} : { value }) }]
}

/** Hosts to go through, as given with `-J` or `-o ProxyJump=`, without user and port. */
export function jumpHosts({ options }: PassedWords): string[] {
  const given = options.flatMap(({ letter, value = '' }) => {
    if (letter === 'J') return [value]
    const [, hosts] = letter === 'o' ? (/^\s*ProxyJump(?:\s*=|\s)(.*)$/is.exec(value) ?? []) : []
    return hosts === undefined ? [] : [hosts]
  })
  return given
    .flatMap((list) => list.split(','))
    .map((hop) =>
      hop
        .trim()
        .replace(/^ssh:\/\//, '')
        .replace(/^.*@/, '')
        .replace(/:\d+\/?$/, ''),
    )
}
