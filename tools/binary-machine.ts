/** What the verbs are asked about while their code is compiled for the executable. */
export const MACHINE = 'web'
