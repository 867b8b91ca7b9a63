import { random } from './hostile-values.js'

type Next = (limit: number) => number

/** One of the streams, damaged in one to three ways; the same one each time. */
export function damaged(streams: readonly Buffer[], seed: number): Buffer {
  const next = random(seed)
  const pick = (): Buffer => streams[next(streams.length)] ?? Buffer.alloc(1)
  let stream = pick()
  for (let left = 1 + next(3); left > 0 && stream.length > 0; left--)
    stream = DAMAGES[next(DAMAGES.length)]?.(stream, pick(), next) ?? stream
  return stream
}

/** How a stream is damaged. `other` is another one, to splice. */
const DAMAGES: readonly ((bytes: Buffer, other: Buffer, next: Next) => Buffer)[] = [
  (bytes, _other, next) => bytes.subarray(0, next(bytes.length)),
  (bytes, _other, next) => changed(bytes, next, () => next(256)),
  (bytes, _other, next) => changed(bytes, next, (old) => old ^ (1 << next(8))),
  (bytes, _other, next) => changed(bytes, next, () => [0, 1, 0x7f, 0x80, 0xf8, 0xff][next(6)] ?? 0),
  (bytes, other, next) =>
    Buffer.concat([bytes.subarray(0, next(bytes.length)), other.subarray(next(other.length))]),
  (bytes, _other, next) => repeated(bytes, next(bytes.length), 1 + next(60), next(40)),
  (bytes, _other, next) =>
    Buffer.concat([bytes.subarray(0, next(bytes.length)), Buffer.alloc(3_000, next(256))]),
  (_bytes, _other, next) => Buffer.from(Array.from({ length: next(400) }, () => next(256))),
]

function changed(bytes: Buffer, next: Next, change: (old: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  for (let left = 1 + next(6); left > 0; left--) {
    const index = next(copy.length)
    copy[index] = change(copy[index] ?? 0)
  }
  return copy
}

function repeated(bytes: Buffer, start: number, length: number, times: number): Buffer {
  const part = bytes.subarray(start, start + length)
  const parts = Array.from({ length: times }, () => part)
  return Buffer.concat([bytes.subarray(0, start), ...parts, bytes.subarray(start + length)])
}
