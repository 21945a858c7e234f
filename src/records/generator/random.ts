/** Numbers from 0 up to, not including, 1. */
export type Random = () => number

/** sfc32, a small fast generator with 128 bits of state: the same seed gives the same numbers everywhere. */
export function sfc32(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return (t >>> 0) / 2 ** 32
  }
  // The first numbers of near seeds are alike.
  for (let round = 0; round < 15; round += 1) next()
  return next
}

export type NonEmpty<T> = readonly [T, ...T[]]

export function pick<const T>(random: Random, items: NonEmpty<T>): T {
  return items[Math.floor(random() * items.length)] ?? items[0]
}

export function chance(random: Random, share: number): boolean {
  return random() < share
}

/** A whole number from 0 up to, not including, `end`. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end)
}

/** The items repeated by their weights are what is picked from, so that `pick` needs no search. */
export function weighted<const T>(items: NonEmpty<readonly [T, number]>): NonEmpty<T> {
  const [[first]] = items
  return [first, ...items.flatMap(([item, weight]) => Array<T>(weight).fill(item)).slice(1)]
}
