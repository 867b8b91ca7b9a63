/** The other end of bench/remote-link.ts: a line in a process of its own, so that its work is not the client's. Told over IPC. */
import { Link, type LinkOptions } from '../test/helpers/link.js'
import type { Answer, Question } from './remote-link.js'

const link = new Link(JSON.parse(process.argv[2] ?? '{}') as LinkOptions)

async function answer(question: Question): Promise<Answer> {
  return question.ask === 'open' ? await link.open(question.target, question.port) : link.traffic()
}

process.on('message', (question: Question) => {
  void answer(question).then((value) => process.send?.({ id: question.id, value }))
})
process.once('disconnect', () => process.exit())
