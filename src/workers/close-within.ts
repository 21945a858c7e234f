/** A connection of BullMQ's, which by itself waits for its Redis however long that is away. */
type Connected = { readonly close: () => Promise<void>; readonly disconnect: () => Promise<void> }

/** Closes it, or lets go after so long, so that a Redis that hangs or is away keeps nobody from ending. */
export async function closeWithin(it: Connected, withinMs: number): Promise<boolean> {
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      isOver = true
      it.disconnect().catch(() => undefined)
      resolve()
    }, withinMs)
  })
  try {
    await Promise.race([it.close().catch(() => undefined), over])
    // A connection that was trying to come back goes on doing so, and BullMQ hears its errors no more.
    if (!isOver) it.disconnect().catch(() => undefined)
    return !isOver
  } finally {
    clearTimeout(timer)
  }
}

/** The answer of a call; throws where there is none within the limit. */
export async function answerWithin<Answer>(call: Promise<Answer>, withinMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The queue did not answer within ${withinMs / 1000} s.`)),
      withinMs,
    )
  })
  try {
    return await Promise.race([call, over])
  } finally {
    clearTimeout(timer)
  }
}
