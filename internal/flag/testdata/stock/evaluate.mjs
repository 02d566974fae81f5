// Evaluates flags as the stock engine does. Standard input: {now, questions: [{document, asked: [{key, contexts}]}]}, now in
// seconds, document a text. Standard output, for each question: {answers}, a list of lists with an answer for each context, or
// {refused} if the document is not loaded.
import { readFileSync } from 'node:fs'
import { FlagdCore } from '@openfeature/flagd-core'

const { now, questions } = JSON.parse(readFileSync(0, 'utf8'))
Date.now = () => now * 1000
const quiet = { error() {}, warn() {}, info() {}, debug() {} }

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

function answer(core, key, context) {
  const flag = core.getFlag(key)
  if (!flag) return { reason: 'ERROR', code: 'FLAG_NOT_FOUND' }
  if (flag.state === 'DISABLED') return { reason: 'DISABLED', metadata: flag.metadata }
  const { value, variant, reason, errorCode, flagMetadata } = flag.evaluate(context, quiet)
  return { value, variant: errorCode ? undefined : variant, reason, code: errorCode, metadata: flagMetadata, raw: raw(flag, key, context) }
}

function reply({ document, asked }) {
  const core = new FlagdCore(undefined, quiet)
  try {
    core.setConfigurations(document)
  } catch (error) {
    return { refused: `${error.message}: ${error.cause?.message}` }
  }
  return { answers: (asked ?? []).map(({ key, contexts }) => contexts.map((context) => answer(core, key, context))) }
}
process.stdout.write(JSON.stringify(questions.map(reply)))
