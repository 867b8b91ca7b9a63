import { rm, writeFile } from 'node:fs/promises'
import { run } from './exec.js'
import type { Tool } from './tools.js'

/** Places in a bzImage. Source: the kernel's Documentation/arch/x86/boot.rst, protocol 2.08 and later. */
const SECTOR = 512
const SETUP_SECTORS = 0x1f1
const PAYLOAD_OFFSET = 0x248
const PAYLOAD_LENGTH = 0x24c
/** The unpacked size stands behind the payload and counts as part of it. */
const SIZE_BYTES = 4
const ZSTD = 0xfd2fb528

/** The packed kernel inside a bzImage. Throws when it is not packed with zstd. */
export function kernelPayload(image: Buffer): Buffer {
  const start = (image.readUInt8(SETUP_SECTORS) + 1) * SECTOR + image.readUInt32LE(PAYLOAD_OFFSET)
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH) - SIZE_BYTES)
  if (payload.length < SIZE_BYTES || payload.readUInt32LE() !== ZSTD)
    throw new Error('the kernel is not packed with zstd')
  return payload
}

/** Writes the kernel of a bzImage as the ELF file that it unpacks to: an emulator starts it without that work. */
export async function unpackKernel(image: Buffer, to: string, tool: Tool): Promise<void> {
  const packed = `${to}.packed`
  await writeFile(packed, kernelPayload(image))
  await run([...tool('zstd'), '-d', '-q', '-f', packed, '-o', to])
  await rm(packed)
}
