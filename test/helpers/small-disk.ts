import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs'

const MB = 1024 * 1024

/** A file system of its own, in memory, that can be made as full as a test wants it (root needed). */
export class SmallDisk {
  private constructor(readonly dir: string) {}

  /** @param megabytes what it has room for at first; only what is written takes memory */
  static mount(megabytes: number): SmallDisk {
    const dir = mkdtempSync('/tmp/tsm-disk-')
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tsmachine-test', dir])
    return new SmallDisk(dir)
  }

  /** Changes its size so that this much is free. */
  leave(megabytes: number): void {
    const { blocks, bfree, bsize } = statfsSync(this.dir)
    const bytes = (blocks - bfree) * bsize + megabytes * MB
    execFileSync('mount', ['-o', `remount,size=${bytes}`, this.dir])
  }

  /** Also while somebody still looks into it. */
  unmount(): void {
    execFileSync('umount', ['-l', this.dir])
    rmdirSync(this.dir)
  }
}
