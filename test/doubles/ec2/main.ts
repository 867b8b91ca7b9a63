// A double in a process of its own: `main.ts [OPTIONS as JSON]`. Prints its URL, and ends with its standard input.
import { Ec2Double, type Ec2Options } from './double.js'

const double = await Ec2Double.start(JSON.parse(process.argv[2] ?? '{}') as Ec2Options)
process.stdout.write(`${JSON.stringify({ url: double.url })}\n`)
process.stdin.resume()
process.stdin.once('end', () => void double.close().then(() => process.exit(0)))
