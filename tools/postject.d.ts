declare module 'postject' {
  /** Puts data into an executable and turns the mark that says so. */
  export function inject(
    file: string,
    name: string,
    data: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>
}
