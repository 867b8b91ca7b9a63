/** What a path leads to, links followed. */
export interface FileInfo {
  readonly kind: 'file' | 'directory' | 'other'
  /** Permission bits. */
  readonly mode: number
  readonly size: number
}

/** An open file. Positions are given with each call, so many calls may be under way at once. */
export interface OpenFile {
  /** @returns the bytes read; fewer than asked only at the end of the file */
  read(buffer: Buffer, position: number): Promise<number>
  write(bytes: Buffer, position: number): Promise<void>
  close(): Promise<void>
}

/** `new`: it must not exist. `stream`: a device or pipe, where positions mean nothing. */
export type OpenMode = 'read' | 'new' | 'stream'

/** The files of one side of a copy: this computer's or a host's. Its errors name the file as the user would. */
export interface Files {
  /** Undefined when there is nothing. */
  stat(path: string): Promise<FileInfo | undefined>
  /** Names in a directory, as they came: a host may send anything. */
  names(path: string): Promise<string[]>
  open(path: string, how: OpenMode, mode?: number): Promise<OpenFile>
  makeDirectory(path: string, mode: number): Promise<void>
  setMode(path: string, mode: number): Promise<void>
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** The path with all links resolved. */
  resolve(path: string): Promise<string>
  join(dir: string, name: string): string
  /** Last part of a path; empty or a dot for a path without a name. */
  base(path: string): string
  dir(path: string): string
  /** The path as the user would write it. */
  show(path: string): string
  /** What a pattern on this side stands for, itself when it has none; a shell has done that for this computer's. */
  expand(path: string): Promise<string[]>
  /** False once nothing can be done there any more. */
  usable(): boolean
}

/** Bits of a mode that are permissions. */
export const PERMISSIONS = 0o777
