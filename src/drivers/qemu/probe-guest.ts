/**
 * The smallest guest that proves an accelerator: it goes the whole way into 64-bit mode, calculates with SSE2 and (where
 * the CPU has it) BMI2, and only then writes one byte to port 0x402 (isa-debugcon) and ends QEMU through port 0xf4
 * (isa-debug-exit). A host whose KVM only interprets instructions runs real-mode code well and never a kernel: measured.
 *
 *     cli; lgdt gdtr; cr0 |= PE; ljmp 8:pm
 * pm: page tables at 0x1000 map the first 2 MB; cr4 = PAE|OSFXSR|OSXMMEXCPT; cr3; EFER.LME; cr0 |= PG|MP; ljmp 24:lm
 * lm: pxor xmm0,xmm0; pcmpeqd xmm1,xmm1; psubq xmm0,xmm1; must give 1
 *     if cpuid(7).ebx has BMI2: shlx(1, 4) must give 16
 *     outb '+', 0x402; outb '+', 0xf4
 *
 * The segments of its table are marked as accessed already: the CPU would write that mark, and this is read-only memory.
 */
const CODE =
  'fa2e660f0116e0000f20c00c010f22c066ea18000f000800b8100000008ed8c7' +
  '050010000003200000c7050020000003300000c7050030000083000000b82006' +
  '00000f22e0b8001000000f22d8b9800000c00f320d000100000f300f20c00d02' +
  '00008083e0fb0f22c0ea70000f001800660fefc0660f76c9660ffbc166480f7e' +
  'c04883f8017530b80700000031c90fa20fbae3087315b904000000b801000000' +
  'c4e2f1f7c04883f810750c66ba0204b02bee66baf400eef4ebfd660f1f440000' +
  '0000000000000000ffff0000009bcf00ffff00000093cf00ffff0000009baf00' +
  '1f00c0000f00'

const ROM_BYTES = 64 * 1024
/** Where x86 starts: the last 16 bytes of the firmware. */
const RESET_VECTOR = ROM_BYTES - 16
/** `ljmp 0xf000:0`, the start of this ROM. */
const JUMP = Buffer.from([0xea, 0x00, 0x00, 0x00, 0xf0])

/** What the guest says. */
export const PROBE_WORD = '+'

/** The probe guest as a firmware image. */
export function probeFirmware(): Buffer {
  const rom = Buffer.alloc(ROM_BYTES, 0xf4)
  Buffer.from(CODE, 'hex').copy(rom, 0)
  JUMP.copy(rom, RESET_VECTOR)
  return rom
}

/** QEMU's arguments to run the probe guest from `firmware`; it speaks on stdout. */
export function probeArgv(firmware: string, accel: string, cpu: string): readonly string[] {
  return [
    ...['-machine', 'pc', '-accel', accel, '-cpu', cpu, '-m', '4M', '-nodefaults', '-no-user-config'],
    ...['-display', 'none', '-no-reboot', '-bios', firmware],
    ...['-chardev', 'stdio,id=word', '-device', 'isa-debugcon,iobase=0x402,chardev=word'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  ]
}
