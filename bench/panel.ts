/** A part of the picture: what is drawn, from its own top left corner. */
export interface Panel {
  readonly height: number
  readonly content: readonly string[]
}

export const WIDTH = 820
