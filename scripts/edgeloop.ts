/** `npx edgeloop`: root ceremonies and verification, for people and (with --json) for programs. */
import { createInterface } from 'node:readline/promises'
import { edgeloop } from './cli/main.ts'
import { wantsColour } from './cli/paint.ts'

process.exitCode = await edgeloop(process.argv.slice(2), {
  out: text => {
    process.stdout.write(text)
  },
  err: text => {
    process.stderr.write(text)
  },
  async ask(question) {
    const prompt = createInterface({ input: process.stdin, output: process.stdout })
    try {
      return await prompt.question(question)
    } finally {
      prompt.close()
    }
  },
  interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  colour: { out: wantsColour(process.stdout), err: wantsColour(process.stderr) },
})
