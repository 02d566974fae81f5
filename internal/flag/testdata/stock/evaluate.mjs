// Evaluates flags as the stock engine does. Standard input: {now, document, asked: [{key, contexts}]}, now in seconds.
// Standard output: a list of lists, an answer for each context.
import { readFileSync } from 'node:fs'
import { FlagdCore } from '@openfeature/flagd-core'

const { now, document, asked } = JSON.parse(readFileSync(0, 'utf8'))
Date.now = () => now * 1000
const quiet = { error() {}, warn() {}, info() {}, debug() {} }
const core = new FlagdCore(undefined, quiet)
core.setConfigurations(JSON.stringify(document))

// raw is what targeting gives, before it becomes the name of a variant.
function raw(flag, key, context) {
  if (!flag._targeting) return { none: true }
  try {
    const given = flag._targeting.evaluate(key, context, quiet)
    return given === null || given === undefined ? { type: 'null' } : { type: typeof given, text: String(given) }
  } catch {
    return { type: 'error' }
  }
}

const answers = asked.map(({ key, contexts }) => {
  const flag = core.getFlag(key)
  return contexts.map((context) => {
    const { variant, reason, errorCode } = flag.evaluate(context, quiet)
    return { variant: errorCode ? undefined : variant, reason, code: errorCode, raw: raw(flag, key, context) }
  })
})
process.stdout.write(JSON.stringify(answers))
