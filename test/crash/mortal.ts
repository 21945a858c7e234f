import { type Life, live } from './life.ts'

/** A process that kills itself at a step: `mortal.js <life as JSON> <step>`. Ends with 0 where it outlives it. */
const life: Life = JSON.parse(process.argv[2] ?? '')
const dieAt = Number(process.argv[3])
let steps = 0

await live(life, () => {
  steps += 1
  if (steps === dieAt) process.kill(process.pid, 'SIGKILL')
})
